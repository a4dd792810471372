/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual card's own bytes and BER-TLV: a mistake here is not the library's mistake, and shows. */
#ifndef CARDRING_SIM_BER_H
#define CARDRING_SIM_BER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growing string of bytes. Once an allocation has failed it stays failed and takes nothing more. */
struct sim_buf {
	uint8_t *p;
	size_t len, cap;
	bool failed;
};

void sim_buf_free(struct sim_buf *b);	/* wipes; the buffer is empty and usable after */
void sim_buf_put(struct sim_buf *b, const void *p, size_t len);
void sim_buf_byte(struct sim_buf *b, uint8_t v);
void sim_buf_be(struct sim_buf *b, uint64_t v, unsigned int bytes);

/* Tag and shortest definite length, then the value. tag: one to three bytes, e.g. 0x30, 0x7f61. */
void sim_ber_put(struct sim_buf *b, uint32_t tag, const void *value, size_t len);
void sim_ber_str(struct sim_buf *b, uint32_t tag, const char *value);
/* As sim_ber_put; the value is *inner, which is freed. A failed inner makes b failed. */
void sim_ber_wrap(struct sim_buf *b, uint32_t tag, struct sim_buf *inner);
/* OBJECT IDENTIFIER from dotted text (06 L ...); without_tag: the content only. False: not an OID. */
bool sim_ber_oid(struct sim_buf *b, const char *dotted, bool without_tag);
void sim_ber_int(struct sim_buf *b, uint32_t v);

struct sim_tlv {
	uint32_t tag;
	const uint8_t *value;
	size_t len;
	size_t total;		/* header and value */
};
/* The object at p. False where it does not fit in len, or where the length form is indefinite or over 4 bytes. */
bool sim_ber_get(const uint8_t *p, size_t len, struct sim_tlv *out);

#endif
