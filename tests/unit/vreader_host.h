/* SPDX-License-Identifier: BSD-2-Clause */
/* What a host does to a virtual reader, for its unit tests. One reader at a time. */
#ifndef VREADER_HOST_H
#define VREADER_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vreader.h"

#define MS VREADER_MS

static uint8_t rsp[140000];	/* the last transfer read */
static uint64_t now;
static uint8_t seq;

/* Sends one message as a host does: in one transfer, ended by an empty packet where it fills its last one. */
static inline enum vreader_out put(struct vreader *v, uint8_t type, unsigned int slot, uint32_t param, const void *data,
			    size_t len)
{
	static uint8_t m[70000];

	memset(m, 0, 10);
	m[0] = type;
	m[1] = len;
	m[2] = len >> 8;
	m[3] = len >> 16;
	m[5] = slot;
	m[6] = ++seq;
	m[7] = param;
	m[8] = param >> 8;
	m[9] = param >> 16;
	if (len)
		memcpy(m + 10, data, len);
	return vreader_bulk_out(v, m, len + 10, (len + 10) % vreader_cfg(v)->bulk_packet == 0, now);
}

/* One bulk-IN transfer: its length; -1 nothing, -2 stall. */
static inline long get(struct vreader *v)
{
	const uint8_t *p;
	size_t n, len = 0;

	for (;;) {
		switch (vreader_in_peek(v, &p, &n)) {
		case VREADER_IN_PACKET:
			break;
		case VREADER_IN_STALL:
			return -2;
		default:
			return len ? (long)len : -1;
		}
		memcpy(rsp + len, p, n);
		len += n;
		vreader_in_ack(v);
		if (n < vreader_cfg(v)->bulk_packet)
			return len;
	}
}

static inline long xfr(struct vreader *v, unsigned int slot, const char *apdu, size_t len)
{
	assert_int_equal(put(v, PC_XFR_BLOCK, slot, 0, apdu, len), VREADER_OUT_TAKEN);
	return get(v);
}

#define SELECT "\0\xA4\0\0", 4
#define READ16 "\0\xB0\0\0\x10", 5

static inline void expect(struct vreader *v, uint8_t type, unsigned int status, unsigned int error)
{
	assert_int_equal(get(v), 10);
	assert_int_equal(rsp[0], type);
	assert_int_equal(rsp[6], seq);
	assert_int_equal(rsp[7], status);
	assert_int_equal(rsp[8], error);
}

static inline void power(struct vreader *v, unsigned int slot)
{
	put(v, PC_ICC_POWER_ON, slot, 0, NULL, 0);
	assert_true(get(v) > 12);
	assert_int_equal(rsp[0], RDR_DATA_BLOCK);
	assert_int_equal(rsp[7], 0);
	assert_int_equal(rsp[10], 0x3B);
}

static inline struct vreader *reader(const struct vreader_config *c)
{
	struct vreader *v = vreader_new(c);

	assert_non_null(v);
	now = 1000 * MS;
	return v;
}

static inline void fault(struct vreader *v, const char *line)
{
	const char *why = "";

	if (vreader_fault(v, line, now, &why))
		fail_msg("%s: %s", line, why);
}

static inline void pass(struct vreader *v, unsigned int ms)
{
	now += ms * MS;
	vreader_tick(v, now);
}

#endif
