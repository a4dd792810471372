/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenPACE (Debian's libeac), an implementation of others, for tests against it: our terminal with its chip, its
 * terminal with our virtual card, for all that both have. After <cmocka.h>.
 */
#ifndef TEST_OPENPACE_H
#define TEST_OPENPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <eac/eac.h>
#include "iso7816/tlv.h"
#include "simsession.h"

#define ANSWER_MAX	1024

static inline BUF_MEM *buf_of(const uint8_t *p, size_t len)
{
	BUF_MEM *b = BUF_MEM_new();

	assert_true(b && BUF_MEM_grow(b, len) == len);
	memcpy(b->data, p, len);
	return b;
}

/* The one object in 7C of a command or an answer. */
static inline BUF_MEM *object_in(const uint8_t *p, size_t len, uint32_t tag)
{
	struct cr_tlv outer, t;

	assert_int_equal(cr_tlv_parse_all(p, len, &outer), 0);
	assert_int_equal(outer.tag, 0x7c);
	assert_int_equal(cr_tlv_find(outer.val, outer.len, tag, &t), 0);
	return buf_of(t.val, t.len);
}

/* Takes b; one object in 7C. */
static inline size_t object_out(uint32_t tag, BUF_MEM *b, uint8_t out[ANSWER_MAX])
{
	struct cr_buf buf;
	size_t mark, n;

	assert_non_null(b);
	cr_buf_init(&buf);
	mark = cr_tlv_begin(&buf, 0x7c);
	cr_tlv_put(&buf, tag, b->data, b->length);
	assert_int_equal(cr_tlv_end(&buf, mark), 0);
	assert_true(buf.len <= ANSWER_MAX);
	memcpy(out, buf.data, n = buf.len);
	cr_buf_free(&buf);
	BUF_MEM_free(b);
	return n;
}

/* Session keys; OpenPACE leaves the parity bits of DES keys as they come. */
static inline bool same(const BUF_MEM *theirs, const uint8_t *ours, enum sim_cipher c)
{
	const uint8_t mask = c == SIM_3DES ? 0xfe : 0xff;

	if (!theirs || theirs->length != sim_key_len(c))
		return false;
	for (size_t i = 0; i < theirs->length; i++) {
		if (((uint8_t)theirs->data[i] ^ ours[i]) & mask)
			return false;
	}
	return true;
}

/*
 * OpenPACE takes a shared secret of a prime field without its leading zeroes, against PKCS #3: once in
 * 256 runs both sides have other keys, and the run says nothing.
 */
static inline bool secret_cut(const KA_CTX *ka, const struct cr_domain *domain)
{
	return !domain->ec && ka->shared_secret && ka->shared_secret->length < cr_domain_field_len(domain);
}

#endif
