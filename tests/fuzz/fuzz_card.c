// SPDX-License-Identifier: BSD-2-Clause
/*
 * A whole card that means harm: its answers, one after another, to finding its limits, opening it
 * (EF.CardAccess, PACE, BAC) and reading a file. An answer is a byte of length and so many bytes;
 * a length of FF is an exchange that fails. Nobody who does not know the secret gets in.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "eid/access.h"
#include "eid/files.h"
#include "eid/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
	const uint8_t *p;
	size_t n;
};

static int answer(void *io, struct cr_apdu *apdus, size_t n, size_t *done)
{
	struct script *s = io;

	for (*done = 0; *done < n; ++*done) {
		struct cr_apdu *a = &apdus[*done];
		size_t len;
		uint16_t sw;

		if (!s->n || *s->p == 0xff)
			return CR_E_CARD_MUTE;
		len = *s->p++;
		s->n--;
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

/* Numbers that are not random make a run repeatable. */
static int ones(void *arg, uint8_t *out, size_t len)
{
	memset(out, 0x11, len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cr_rng rng = { ones, NULL };
	static const struct cr_secret can = { .type = CR_SECRET_CAN, .can = "123456" };
	static const struct cr_secret mrz = { .type = CR_SECRET_MRZ, .document_number = "L898902C",
					      .date_of_birth = "690806",
					      .date_of_expiry = "940623" };
	struct cr_file_request r = { .fid = 0x0101 };
	struct cr_card_access ca = { 0 };
	struct cr_access access = { 0 };
	struct script script;
	struct cr_session s = { .batch = answer, .io = &script, .block_max = SIZE_MAX, .rng = &rng };
	size_t command, response = 0;
	const char *why = NULL;
	bool sound;

	if (!size)
		return 0;
	script = (struct script){ data + 1, size - 1 };
	if (!(data[0] & 1) || !cr_limits_read(&s, &command, &response, &sound))
		s.max_response = response ? response : 256;
	if (s.max_response &&
	    !cr_access_open(&s, data[0] & 2 ? &can : data[0] & 4 ? &mrz : NULL, &ca, &access, &why)) {
		if (s.secured || strcmp(access.protocol, "none"))
			__builtin_trap();
		if (data[0] & 8)
			r.tag = 0x61;
		if (!cr_file_read(&s, &r) && (!r.data || r.len > CR_FILE_MAX + 5))
			__builtin_trap();
	}
	free(r.data);
	cr_session_reset(&s);
	cr_card_access_free(&ca);
	return 0;
}
