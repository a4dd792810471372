/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BER-TLV as cards use it (ISO/IEC 7816-4:2013, 5.2.2, ISO/IEC 8825-1). No I/O.
 *
 * Parsing never copies, never recurses and never looks past the bytes it was given. The indefinite
 * length is refused (7816-4 does not know it), and so is a length of more than four bytes.
 */
#ifndef CR_ISO7816_TLV_H
#define CR_ISO7816_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "buf.h"

struct cr_tlv {
	uint32_t tag;		/* as written: 0x87, 0x7f49, 0x7f4e81 */
	const uint8_t *val;
	size_t len;		/* of val */
	size_t total;		/* of tag, length and value */
	bool constructed;
};

/*
 * The tag and length at p alone, the value need not be there: the first bytes of a file tell how
 * long it is. *header: bytes of tag and length; *len: of the value. 0 or CR_E_MALFORMED (also when
 * n ends inside of tag or length).
 */
int cr_tlv_header(const uint8_t *p, size_t n, uint32_t *tag, size_t *header, size_t *len);

/* The object at p. 0 or CR_E_MALFORMED. Bytes may follow it: out->total tells. */
int cr_tlv_parse(const uint8_t *p, size_t n, struct cr_tlv *out);

/* The object that fills p to its end. 0 or CR_E_MALFORMED (also when bytes follow). */
int cr_tlv_parse_all(const uint8_t *p, size_t n, struct cr_tlv *out);

/*
 * Walks through objects side by side: *p and *n move past each. 1: out is the next one; 0: the end;
 * CR_E_MALFORMED. The padded one also skips 00 and FF bytes before, between and after objects, as
 * 7816-4:2013, 5.2.2.1 lets files have them (a tag FF does not exist there).
 */
int cr_tlv_next(const uint8_t **p, size_t *n, struct cr_tlv *out);
int cr_tlv_next_padded(const uint8_t **p, size_t *n, struct cr_tlv *out);

/*
 * The first object with this tag among those side by side at p (not inside of them). 0,
 * CR_E_NOT_FOUND, or CR_E_MALFORMED where something before it does not parse.
 */
int cr_tlv_find(const uint8_t *p, size_t n, uint32_t tag, struct cr_tlv *out);

/* From object to object inside: path[0] at p, path[1] in its value, ... Errors as cr_tlv_find. */
int cr_tlv_find_path(const uint8_t *p, size_t n, const uint32_t *path, size_t depth,
		     struct cr_tlv *out);

/* Bytes that tag and length take for a value of len bytes, in the shortest form. */
size_t cr_tlv_header_size(uint32_t tag, size_t len);

/* Append: the error sticks in the buffer (b->err) and is returned. Lengths in the shortest form (DER). */
int cr_tlv_put(struct cr_buf *b, uint32_t tag, const void *val, size_t len);
int cr_tlv_put_u8(struct cr_buf *b, uint32_t tag, uint8_t val);
/* As the shortest unsigned number, at least one byte. */
int cr_tlv_put_number(struct cr_buf *b, uint32_t tag, uint32_t n);
int cr_tlv_put_header(struct cr_buf *b, uint32_t tag, size_t len);

/*
 * A constructed object whose length is not known yet: what is appended between begin and end is its
 * value. Nest as you like; give end what begin returned.
 */
size_t cr_tlv_begin(struct cr_buf *b, uint32_t tag);
int cr_tlv_end(struct cr_buf *b, size_t mark);

#endif
