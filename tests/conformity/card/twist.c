// SPDX-License-Identifier: BSD-2-Clause
#include "twist.h"

#include <string.h>

static bool twists_key(int t)
{
	return t >= OTHER_SIZE && t <= LARGE_Y;
}

/* A pair whose public key is one of the extreme ones, by trying. k: the private half. */
static void extreme(const struct group *g, const struct elem *base, int t, BIGNUM **k, struct elem *out)
{
	size_t n = g->field;
	uint8_t top[520];

	BN_bn2bin(g->p, top);
	for (;;) {
		const uint8_t *x = out->b + 1, *y = x + n;

		BN_clear_free(*k);
		*k = scalar(g);
		elem_times(g, base, *k, out);
		if ((t == SMALL_X && !x[0]) || (t == LARGE_X && x[0] == top[0]) || (t == SMALL_Y && !y[0]) ||
		    (t == LARGE_Y && y[0] == top[0]))
			return;
	}
}

static void twist_key(const struct group *g, const struct elem *base, int t, BIGNUM **k, struct elem *out)
{
	struct group other;
	BIGNUM *j;

	switch (t) {
	case OTHER_SIZE:
		group_open(&other, g->ec ? "secp384r1" : "dh_1024_160");
		elem_generator(&other, out);
		j = scalar(&other);
		elem_times(&other, out, j, out);
		BN_clear_free(j);
		group_close(&other);
		break;
	case ZERO_POINT:
		memset(out->b + 1, 0, out->n - 1);
		break;
	case OFF_CURVE:
		out->b[out->n - 1] ^= 1;
		break;
	case BAD_FORM:
		out->b[0] = 0x05;
		break;
	case ABOVE_PRIME:
		MUST(BN_add_word(g->p, 2));
		out->n = (size_t)BN_bn2bin(g->p, out->b);
		MUST(BN_sub_word(g->p, 2));
		break;
	case ZERO_NUMBER:
		memset(out->b, 0, out->n);
		break;
	default:
		extreme(g, base, t, k, out);
	}
}

BIGNUM *our_pair(const struct group *g, const struct elem *base, int twist, struct elem *out)
{
	BIGNUM *k = scalar(g);

	elem_times(g, base, k, out);
	if (twists_key(twist))
		twist_key(g, base, twist, &k, out);
	return k;
}
