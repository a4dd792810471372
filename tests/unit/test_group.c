// SPDX-License-Identifier: BSD-2-Clause
/* Groups for key agreement: both sides agree, and what is no element is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <cardring/error.h>
#include "eid/group.h"
#include "hex.h"

static struct cr_group *group(int id)
{
	struct cr_domain domain;
	struct cr_group *g;

	assert_true(cr_domain_by_id(id, &domain));
	assert_int_equal(cr_group_new(&domain, &g), 0);
	return g;
}

static void both_sides_agree_in_every_group(void **state)
{
	for (int id = 0; id <= 18; id++) {
		uint8_t pa[CR_ELEMENT_MAX], pb[CR_ELEMENT_MAX], za[CR_FIELD_MAX], zb[CR_FIELD_MAX], s[16] = { 1, 2 };
		struct cr_domain domain;
		struct cr_group *a, *b;
		size_t na, nb, n;

		if (!cr_domain_by_id(id, &domain))
			continue;
		a = group(id);
		b = group(id);
		for (int mapped = 0; mapped < 2; mapped++) {
			assert_int_equal(cr_group_public(a, pa, &na), CR_E_INVALID);
			assert_int_equal(cr_group_generate(a, NULL), 0);
			assert_int_equal(cr_group_generate(b, NULL), 0);
			assert_int_equal(cr_group_public(a, pa, &na), 0);
			assert_int_equal(cr_group_public(b, pb, &nb), 0);
			assert_true(domain.ec ? na == cr_domain_element_len(&domain) : na <= cr_domain_element_len(&domain));
			if (mapped)
				break;
			assert_int_equal(cr_group_map_generic(a, s, 16, pb, nb), 0);
			assert_int_equal(cr_group_map_generic(b, s, 16, pa, na), 0);
		}
		assert_int_equal(cr_group_agree(a, pb, nb, za, &n), 0);
		assert_int_equal(n, cr_domain_field_len(&domain));
		assert_int_equal(cr_group_agree(b, pa, na, zb, &n), 0);
		assert_memory_equal(za, zb, n);
		cr_group_free(a);
		cr_group_free(b);
	}
	assert_false(cr_domain_by_id(-1, &(struct cr_domain){ 0 }));
	assert_false(cr_domain_by_id(3, &(struct cr_domain){ 0 }));
	assert_false(cr_domain_by_id(7, &(struct cr_domain){ 0 }));
	assert_false(cr_domain_by_id(19, &(struct cr_domain){ 0 }));
}

/* All that takes an element refuses this one. */
static void assert_refused(struct cr_group *g, const uint8_t *p, size_t len)
{
	uint8_t z[CR_FIELD_MAX], mine[CR_ELEMENT_MAX];
	const uint8_t s[16] = { 3 }, one = 1;
	size_t n, mine_len;

	assert_int_equal(cr_group_generate(g, NULL), 0);
	assert_int_equal(cr_group_public(g, mine, &mine_len), 0);
	assert_int_equal(cr_group_agree(g, p, len, z, &n), CR_E_CRYPTO);
	assert_int_equal(cr_group_map_generic(g, s, sizeof(s), p, len), CR_E_CRYPTO);
	assert_int_equal(cr_group_is_product(g, &one, 1, p, len, mine, mine_len), CR_E_CRYPTO);
	assert_int_equal(cr_group_is_product(g, &one, 1, mine, mine_len, p, len), CR_E_CRYPTO);
	assert_int_equal(cr_group_is_product(g, &one, 1, mine, mine_len, mine, mine_len), 0);
}

static void points_off_the_curve_are_refused(void **state)
{
	struct cr_group *g = group(13);
	uint8_t p[CR_ELEMENT_MAX], z[CR_FIELD_MAX], infinity = 0;
	size_t n, zn;

	assert_int_equal(cr_group_agree(g, p, 65, z, &zn), CR_E_CRYPTO);	/* no key pair yet */
	assert_int_equal(cr_group_generate(g, NULL), 0);
	assert_int_equal(cr_group_public(g, p, &n), 0);
	assert_int_equal(cr_group_agree(g, p, n, z, &zn), 0);
	for (unsigned int bit = 0; bit < 8 * n; bit++) {
		p[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(cr_group_agree(g, p, n, z, &zn), CR_E_CRYPTO);
		p[bit / 8] ^= 1 << bit % 8;
	}
	assert_refused(g, p, n - 1);
	assert_refused(g, &infinity, 1);
	assert_refused(g, p, 0);
	p[0] = 0x02;	/* compressed: not the form these protocols have */
	assert_refused(g, p, 33);
	memset(p, 0, sizeof(p));
	p[0] = 4;
	assert_refused(g, p, 65);
	memset(p + 1, 0xff, 64);	/* not below the prime */
	assert_refused(g, p, 65);
	cr_group_free(g);
}

/* RFC 5114, 2.1 */
#define MODP_P	"B10B8F96A080E01DDE92DE5EAE5D54EC52C99FBCFB06A3C69A6A9DCA52D23B616073E28675A23D189838EF1E2EE652C0" \
		"13ECB4AEA906112324975C3CD49B83BFACCBDD7D90C4BD7098488E9C219A73724EFFD6FAE5644738FAA31A4FF55BCCC0" \
		"A151AF5F0DC8B4BD45BF37DF365C1A65E68CFDA76D4DA708DF1FB2BC2E4A4371"
#define MODP_Q	"F518AA8781A8DF278ABA4E7D64B7CB9D49462353"

static void numbers_outside_of_the_subgroup_are_refused(void **state)
{
	struct cr_group *g = group(0);
	BIGNUM *p = NULL, *q = NULL, *v = BN_new();
	BN_CTX *ctx = BN_CTX_new();
	uint8_t buf[CR_ELEMENT_MAX], z[CR_FIELD_MAX];
	size_t n, zn;

	assert_int_not_equal(BN_hex2bn(&p, MODP_P), 0);
	assert_int_not_equal(BN_hex2bn(&q, MODP_Q), 0);
	memset(buf, 0, sizeof(buf));
	assert_refused(g, buf, 1);			/* 0 */
	assert_refused(g, buf, 128);
	assert_refused(g, buf, 0);
	buf[0] = 1;
	assert_refused(g, buf, 1);			/* 1 */
	BN_copy(v, p);
	BN_sub_word(v, 1);
	BN_bn2bin(v, buf);
	assert_refused(g, buf, 128);			/* p - 1: of order 2 */
	BN_bn2bin(p, buf);
	assert_refused(g, buf, 128);			/* p: 0 in disguise */
	BN_copy(v, p);
	BN_add_word(v, 1);
	BN_bn2bin(v, buf);
	assert_refused(g, buf, 128);			/* 1 in disguise */
	memset(buf, 0xff, 128);
	assert_refused(g, buf, 128);
	/* 2^q: of an order that divides the cofactor */
	BN_set_word(v, 2);
	BN_mod_exp(v, v, q, p, ctx);
	n = (size_t)BN_bn2bin(v, buf);
	assert_refused(g, buf, n);
	/* 2: of large order, and not in the subgroup */
	buf[0] = 2;
	assert_refused(g, buf, 1);

	assert_int_equal(cr_group_generate(g, NULL), 0);
	assert_int_equal(cr_group_public(g, buf, &n), 0);
	assert_int_equal(cr_group_agree(g, buf, n, z, &zn), 0);
	for (unsigned int bit = 0; bit < 8 * n; bit += 7) {
		buf[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(cr_group_agree(g, buf, n, z, &zn), CR_E_CRYPTO);
		buf[bit / 8] ^= 1 << bit % 8;
	}
	BN_free(p);
	BN_free(q);
	BN_free(v);
	BN_CTX_free(ctx);
	cr_group_free(g);
}

static int stuck_rng(void *arg, uint8_t *out, size_t len)
{
	memset(out, *(int *)arg, len);
	return 0;
}

static void private_keys_are_never_zero_or_beyond_the_order(void **state)
{
	static const int ids[] = { 0, 13 };
	int fill;
	const struct cr_rng rng = { stuck_rng, &fill };

	for (int i = 0; i < 2; i++) {
		struct cr_group *g = group(ids[i]);

		fill = 0;
		assert_int_equal(cr_group_generate(g, &rng), CR_E_CRYPTO);
		fill = 0xff;
		assert_int_equal(cr_group_generate(g, &rng), CR_E_CRYPTO);
		fill = 0x55;
		assert_int_equal(cr_group_generate(g, &rng), 0);
		cr_group_free(g);
	}
}

/* Where the encoding has nothing to divide by, and where it does not exist. */
static void integrated_mapping_refuses_what_has_no_encoding(void **state)
{
	struct cr_group *g = group(13);
	uint8_t t[64] = { 0 };

	assert_int_equal(cr_group_map_integrated(g, t, sizeof(t)), CR_E_CRYPTO);
	t[63] = 1;
	assert_int_equal(cr_group_map_integrated(g, t, sizeof(t)), CR_E_CRYPTO);
	hex(t, "A9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5376");	/* p - 1 */
	assert_int_equal(cr_group_map_integrated(g, t, 32), CR_E_CRYPTO);
	t[31]++;									/* p: 0 */
	assert_int_equal(cr_group_map_integrated(g, t, 32), CR_E_CRYPTO);
	t[31] += 2;
	assert_int_equal(cr_group_map_integrated(g, t, 32), 0);
	cr_group_free(g);
	g = group(10);
	assert_int_equal(cr_group_map_integrated(g, t, 32), CR_E_UNSUPPORTED);
	cr_group_free(g);
	g = group(0);
	memset(t, 0, sizeof(t));
	assert_int_equal(cr_group_map_integrated(g, t, 32), CR_E_CRYPTO);
	t[31] = 1;
	assert_int_equal(cr_group_map_integrated(g, t, 32), CR_E_CRYPTO);
	t[31] = 2;
	assert_int_equal(cr_group_map_integrated(g, t, 32), 0);
	cr_group_free(g);
}

static void scalars_of_a_proof_are_within_the_order(void **state)
{
	struct cr_group *g = group(13);
	uint8_t e[CR_ELEMENT_MAX], n[32], zero = 0;
	size_t len;

	assert_int_equal(cr_group_generate(g, NULL), 0);
	assert_int_equal(cr_group_public(g, e, &len), 0);
	hex(n, "A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7");	/* the order */
	assert_int_equal(cr_group_is_product(g, n, 32, e, len, e, len), CR_E_CRYPTO);
	n[31]++;		/* as 1, which would do */
	assert_int_equal(cr_group_is_product(g, n, 32, e, len, e, len), CR_E_CRYPTO);
	assert_int_equal(cr_group_is_product(g, &zero, 1, e, len, e, len), CR_E_CRYPTO);
	assert_int_equal(cr_group_is_product(g, n, CR_FIELD_MAX + 1, e, len, e, len), CR_E_CRYPTO);
	cr_group_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_agree_in_every_group),
		cmocka_unit_test(points_off_the_curve_are_refused),
		cmocka_unit_test(numbers_outside_of_the_subgroup_are_refused),
		cmocka_unit_test(private_keys_are_never_zero_or_beyond_the_order),
		cmocka_unit_test(integrated_mapping_refuses_what_has_no_encoding),
		cmocka_unit_test(scalars_of_a_proof_are_within_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
