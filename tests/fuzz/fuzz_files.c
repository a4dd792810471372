// SPDX-License-Identifier: BSD-2-Clause
/*
 * Files of a card that means harm: several read ahead in shared batches, one alone, and one of the
 * master file. An answer is two bytes of length and so many bytes; a length of FFFF is an exchange that
 * fails. The first byte says which way, and how long answers may be.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "eid/files.h"
#include "eid/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct file_answers {
	const uint8_t *p;
	size_t n;
};

static int answer_file(void *io, struct cr_apdu *apdus, size_t n, size_t *done)
{
	struct file_answers *s = io;

	for (*done = 0; *done < n; ++*done) {
		struct cr_apdu *a = &apdus[*done];
		size_t len;
		uint16_t sw;

		if (s->n < 2 || (s->p[0] == 0xff && s->p[1] == 0xff))
			return CR_E_CARD_MUTE;
		len = (size_t)s->p[0] << 8 | s->p[1];
		s->p += 2;
		s->n -= 2;
		if (len > s->n)
			len = s->n;
		if (len > a->rsp_size)
			return CR_E_TOO_LONG;
		memcpy(a->rsp, s->p, len);
		a->rsp_len = len;
		s->p += len;
		s->n -= len;
		sw = len < 2 ? 0 : (uint16_t)(a->rsp[len - 2] << 8 | a->rsp[len - 1]);
		if ((sw & a->sw_mask) != (a->sw & a->sw_mask)) {
			++*done;
			break;
		}
	}
	return 0;
}

/* Whole, or not there; by short identifier the one that was asked for. */
static void judge_file(const struct cr_file_request *r, bool by_sfi)
{
	if (!r->data)
		return;
	if (r->len > CR_FILE_MAX + 5 || r->len < 2 || (by_sfi && r->data[0] != r->tag))
		__builtin_trap();
	for (size_t i = 0; i < r->len; i++)	/* for a sanitizer to see */
		__asm__ volatile("" : : "r"(r->data[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_file_request r[4] = {
		{ .fid = 0x011d, .tag = 0x77, .least = 256 }, { .fid = 0x0101, .tag = 0x61 },
		{ .fid = 0x0102, .tag = 0x75, .least = 256 }, { .fid = 0x010d, .tag = 0x6d },
	};
	struct file_answers answers;
	struct cr_session s = { .batch = answer_file, .io = &answers, .block_max = SIZE_MAX };
	uint8_t *info = NULL;
	size_t len;
	uint16_t sw;

	if (!size)
		return 0;
	answers = (struct file_answers){ data + 1, size - 1 };
	s.max_response = data[0] & 1 ? 65536 : 256;
	s.sfi = data[0] & 2 ? CR_SFI_WORKS : CR_SFI_UNKNOWN;
	s.header_first = data[0] & 4;
	if (data[0] & 8 && !cr_card_file_read(&s, 0x2f00, &info, &len, &sw) && (!info || !len))
		__builtin_trap();
	free(info);
	if (s.lost)
		return 0;
	cr_files_read_ahead(&s, r, 4);
	if (s.lost && !s.one_by_one)
		__builtin_trap();
	for (int i = 0; i < 4; i++) {
		judge_file(&r[i], true);
		if (!r[i].data && !s.lost)
			cr_file_read(&s, &r[i]);
		judge_file(&r[i], false);
		free(r[i].data);
	}
	return 0;
}
