// SPDX-License-Identifier: BSD-2-Clause
/* TLV and APDUs: what is parsed lies inside of what was given, and is written again as it was. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "iso7816/apdu.h"
#include "iso7816/tlv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const uint8_t *p, size_t n, int depth)
{
	const uint8_t *end = p + n;
	struct cr_tlv t;

	while (cr_tlv_next(&p, &n, &t) > 0) {
		if (t.val > end || t.len > (size_t)(end - t.val) || p != t.val + t.len || p + n != end)
			__builtin_trap();
		if (t.constructed && depth)
			walk(t.val, t.len, depth - 1);
	}
}

static void rewrite(const uint8_t *p, size_t n)
{
	struct cr_tlv t, again;
	struct cr_buf b;

	if (cr_tlv_parse(p, n, &t))
		return;
	cr_buf_init(&b);
	cr_tlv_put(&b, t.tag, t.val, t.len);
	if (b.err || b.len > t.total || b.len != cr_tlv_header_size(t.tag, t.len) + t.len ||
	    cr_tlv_parse_all(b.data, b.len, &again) || again.tag != t.tag || again.len != t.len ||
	    (t.len && memcmp(again.val, t.val, t.len)))
		__builtin_trap();
	cr_buf_free(&b);
}

static void apdu(const uint8_t *p, size_t n)
{
	struct cr_capdu a;
	uint8_t *out;
	size_t len = n;

	if (cr_capdu_parse(p, n, &a))
		return;
	out = malloc(n);
	if (!out || cr_capdu_size(&a) != n || cr_capdu_build(&a, out, &len) || len != n ||
	    memcmp(out, p, n))
		__builtin_trap();
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	walk(data, size, 8);
	rewrite(data, size);
	apdu(data, size);
	return 0;
}
