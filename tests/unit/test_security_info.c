// SPDX-License-Identifier: BSD-2-Clause
/* SecurityInfos as cards have them, and as they must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/core_names.h>
#include <cardring/error.h>
#include "eid/security_info.h"
#include "iso7816/tlv.h"
#include "hex.h"

static int parse(const char *s, struct cr_security_infos *si)
{
	uint8_t buf[1024], *exact;
	size_t n = hex(buf, s);
	int err;

	exact = malloc(n ? n : 1);	/* so that a sanitizer sees one byte too far */
	assert_non_null(exact);
	memcpy(exact, buf, n);
	err = cr_security_infos_parse(exact, n, si);
	free(exact);
	return err;
}

#define PACE(map, cipher)	"060A04007F00070202040" map "0" cipher
#define GM_AES128_13	"3012" PACE("2", "2") "020102" "02010D"

/* EF.CardAccess of the example, ICAO 9303-11, G.1; and of a German identity card (openpace's test data) */
static void what_real_cards_have_is_understood(void **state)
{
	struct cr_security_infos si;
	const struct cr_pace_info *p;
	bool ambiguous;

	assert_int_equal(parse("3114" GM_AES128_13, &si), 0);
	p = cr_security_infos_pace(&si, &ambiguous);
	assert_non_null(p);
	assert_int_equal(p->protocol.cipher, CR_AES128);
	assert_int_equal(p->parameter_id, 13);
	assert_false(ambiguous);

	assert_int_equal(parse("318182300D060804007F00070202020201023012060A04007F000702020302020201020201413012"
			       "060A04007F0007020204020202010202010D301C060904007F000702020302300C060704007F000701"
			       "0202010D020141302B060804007F0007020206161F655041202D2042447220476D6248202D20546573"
			       "746B617274652076322E3004491715411928800A01B421FA0700000000000000000000000000000000"
			       "0000201010291010", &si), CR_E_MALFORMED);	/* bytes behind the SET */
	assert_int_equal(parse("318182300D060804007F00070202020201023012060A04007F000702020302020201020201413012"
			       "060A04007F0007020204020202010202010D301C060904007F000702020302300C060704007F000701"
			       "0202010D020141302B060804007F0007020206161F655041202D2042447220476D6248202D20546573"
			       "746B617274652076322E30", &si), 0);
	assert_true(si.terminal_authentication);
	assert_int_equal(si.cvca, 0x011c);
	assert_int_equal(si.n_pace, 1);
	assert_int_equal(si.n_ca, 1);
	assert_int_equal(si.ca[0].version, 2);
	assert_int_equal(si.ca[0].key_id, 0x41);
	assert_int_equal(si.n_ca_key, 0);
	assert_int_equal(si.unknown, 1);

	assert_int_equal(parse("31183016060804007F000702020202010130070402012A04011E", &si), 0);
	assert_int_equal(si.cvca, 0x012a);
	assert_int_equal(si.cvca_sfi, 0x1e);
	/* no short identifier: 31, which means none, and two bytes */
	assert_int_equal(parse("31183016060804007F000702020202010130070402012A04011F", &si), 0);
	assert_int_equal(si.cvca, 0x012a);
	assert_int_equal(si.cvca_sfi, 0);
	assert_int_equal(parse("31193017060804007F000702020202010130080402012A0402001E", &si), 0);
	assert_int_equal(si.cvca_sfi, 0);
	assert_int_equal(parse("31133011060804007F00070202020201010402012A", &si), 0);
	assert_int_equal(si.cvca, 0x011c);
}

static void the_strongest_pace_is_taken(void **state)
{
	struct cr_security_infos si;
	const struct cr_pace_info *p;
	bool ambiguous;

	/* IM AES-256 on 16, GM 3DES on 12, GM AES-192 on 13, GM AES-192 on 16, GM AES-256 on a DH group */
	assert_int_equal(parse("3164" "3012" PACE("4", "4") "020102020110" "3012" PACE("2", "1") "02010202010C"
			       "3012" PACE("2", "3") "02010202010D" "3012" PACE("2", "3") "020102020110"
			       "3012" PACE("2", "4") "020102020102", &si), 0);
	assert_int_equal(si.n_pace, 5);
	p = cr_security_infos_pace(&si, &ambiguous);
	assert_non_null(p);
	assert_int_equal(p->protocol.cipher, CR_AES256);
	assert_int_equal(p->mapping, CR_IM);
	assert_int_equal(p->parameter_id, 16);
	assert_true(ambiguous);
	/* of one cipher the strongest group: 2048 bits of a prime field are not worth 256 of a curve */
	assert_int_equal(parse("313C" "3012" PACE("1", "2") "020102020102" GM_AES128_13 "3012" PACE("2", "2") "02010202010A",
			       &si), 0);
	assert_int_equal(cr_security_infos_pace(&si, &ambiguous)->parameter_id, 13);
	assert_int_equal(parse("3128" "3012" PACE("1", "2") "020102020100" "3012" PACE("1", "2") "020102020102", &si), 0);
	assert_int_equal(cr_security_infos_pace(&si, &ambiguous)->parameter_id, 2);
	/* of one group: chip authentication mapping, generic, integrated */
	assert_int_equal(parse("313C" "3012" PACE("4", "2") "02010202010D" GM_AES128_13 "3012" PACE("6", "2") "02010202010D",
			       &si), 0);
	assert_int_equal(cr_security_infos_pace(&si, &ambiguous)->mapping, CR_CAM);
	assert_false(ambiguous);
	assert_int_equal(parse("3128" "3012" PACE("4", "2") "02010202010D" GM_AES128_13, &si), 0);
	assert_int_equal(cr_security_infos_pace(&si, &ambiguous)->mapping, CR_GM);
	/* no integrated mapping on secp224r1, no chip authentication mapping with 3DES or DH, no curve for DH */
	assert_int_equal(parse("3114" "3012" PACE("4", "2") "02010202010A", &si), 0);
	assert_null(cr_security_infos_pace(&si, &ambiguous));
	assert_int_equal(parse("3128" "3012" PACE("6", "1") "02010202010D" "3012" PACE("5", "2") "020102020102", &si), 0);
	assert_int_equal(si.unknown, 2);
	assert_null(cr_security_infos_pace(&si, &ambiguous));
	assert_int_equal(parse("3128" "3012" PACE("1", "2") "02010202010D" "3012" PACE("2", "2") "020102020102", &si), 0);
	assert_null(cr_security_infos_pace(&si, &ambiguous));
	/* ICAO 9303-11, 4.4.4.1: ambiguous where there is more than one set of domain parameters, whatever the cipher */
	assert_int_equal(parse("3128" "3012" PACE("2", "1") "02010202010C" GM_AES128_13, &si), 0);
	assert_non_null(cr_security_infos_pace(&si, &ambiguous));
	assert_true(ambiguous);
	assert_int_equal(parse("3128" "3012" PACE("4", "4") "02010202010D" GM_AES128_13, &si), 0);
	assert_non_null(cr_security_infos_pace(&si, &ambiguous));
	assert_false(ambiguous);
	/* version 1, no parameters, parameters that nobody has defined: nothing that we speak */
	assert_int_equal(parse("3137" "3012" PACE("2", "2") "02010102010D" "300F" PACE("2", "2") "020102"
			       "3010" PACE("1", "2") "02010202", &si), CR_E_MALFORMED);
	assert_int_equal(parse("3139" "3012" PACE("2", "2") "02010102010D" "300F" PACE("2", "2") "020102"
			       "3012" PACE("1", "2") "020102020103", &si), 0);
	assert_null(cr_security_infos_pace(&si, &ambiguous));
}

static void unknown_ones_are_skipped_and_malformed_ones_refused(void **state)
{
	static const char *const bad[] = {
		"", "31", "3014", "30" "14" GM_AES128_13, "3113" GM_AES128_13, "3115" GM_AES128_13,
		"31020500", "31023000", "310430020500", "31053003060100",
		"3117" "3015" PACE("2", "2") "02010202010D02010D",	/* a fourth element */
		"3114" "3012" PACE("2", "2") "020182" "02010D",		/* negative */
		"3114" "3012" PACE("2", "2") "040102" "02010D",		/* no INTEGER */
		"3113" "3011" PACE("2", "2") "0200" "02010D",
	};
	struct cr_security_infos si;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(parse(bad[i], &si), CR_E_MALFORMED);
	assert_int_equal(parse("3100", &si), 0);
	assert_int_equal(parse("3108" "300606022A030500", &si), 0);
	assert_int_equal(si.unknown, 1);
	assert_int_equal(parse("3114" "3012" PACE("2", "9") "02010202010D", &si), 0);
	assert_int_equal(si.unknown, 1);
	assert_int_equal(parse("3114" "3012" PACE("9", "2") "02010202010D", &si), 0);
	assert_int_equal(si.n_pace, 0);
}

/* PACEDomainParameterInfo of ECDH with generic mapping: standardizedDomainParameters, and an algorithm that nobody knows */
#define PARAMETERS(id, number)	"301C" "060904007F000702020402" "300C" "060704007F00070102" "0201" id "0201" number
#define UNKNOWN_PARAMETERS(number) "3017" "060904007F000702020402" "3007" "06022A03" "020105" "0201" number

static void parameters_are_those_with_the_number(void **state)
{
	struct cr_security_infos si;
	const struct cr_pace_info *p;
	bool ambiguous;

	/* the issuer's numbers 40 and 41 */
	assert_int_equal(parse("3150" "3012" PACE("2", "2") "020102020128" PARAMETERS("10", "29") PARAMETERS("0E", "28"), &si), 0);
	p = cr_security_infos_pace(&si, &ambiguous);
	assert_non_null(p);
	assert_int_equal(p->domain.id, 14);
	assert_true(ambiguous);
	/* no number: the ones that there are */
	assert_int_equal(parse("312F" "300F" PACE("2", "2") "020102" PARAMETERS("10", "29"), &si), 0);
	p = cr_security_infos_pace(&si, &ambiguous);
	assert_non_null(p);
	assert_int_equal(p->domain.id, 16);
	assert_int_equal(p->parameter_id, -1);
	/* a number that nobody has explained; ones of another mapping */
	assert_int_equal(parse("3132" "3012" PACE("2", "2") "020102020130" PARAMETERS("10", "29"), &si), 0);
	assert_null(cr_security_infos_pace(&si, &ambiguous));
	assert_int_equal(parse("3132" "3012" PACE("4", "2") "020102020129" PARAMETERS("10", "29"), &si), 0);
	assert_null(cr_security_infos_pace(&si, &ambiguous));
	/* explained in a way that is not understood, but standardized */
	assert_int_equal(parse("312D" "3012" PACE("2", "2") "02010202010D" UNKNOWN_PARAMETERS("0D"), &si), 0);
	p = cr_security_infos_pace(&si, &ambiguous);
	assert_non_null(p);
	assert_int_equal(p->domain.id, 13);
	assert_true(ambiguous);
	assert_int_equal(parse("312D" "3012" PACE("2", "2") "020102020128" UNKNOWN_PARAMETERS("28"), &si), 0);
	assert_null(cr_security_infos_pace(&si, &ambiguous));
}

#define AA_INFO		"0606678108010105" "020101"

static void the_digest_of_active_authentication_is_found(void **state)
{
	struct cr_security_infos si;

	assert_int_equal(parse("3119" "3017" AA_INFO "060A04007F00070101040103", &si), 0);	/* plain */
	assert_true(si.active_authentication);
	assert_string_equal(si.aa_digest, "SHA256");
	assert_int_equal(parse("3119" "3017" AA_INFO "060A04007F00070101040105", &si), 0);
	assert_string_equal(si.aa_digest, "SHA512");
	assert_int_equal(parse("3117" "3015" AA_INFO "06082A8648CE3D040303", &si), 0);		/* X9.62 */
	assert_string_equal(si.aa_digest, "SHA384");
	assert_int_equal(parse("3116" "3014" AA_INFO "06072A8648CE3D0401", &si), 0);
	assert_string_equal(si.aa_digest, "SHA1");
	assert_false(si.aa_unknown);
	/* RIPEMD-160, another algorithm: nothing that is known (ICAO 9303-11, 6.1.2.3, 9.2.4); none */
	assert_int_equal(parse("3119" "3017" AA_INFO "060A04007F00070101040106", &si), 0);
	assert_null(si.aa_digest);
	assert_true(si.aa_unknown);
	assert_int_equal(parse("3119" "3017" AA_INFO "060A04007F00070101040100", &si), 0);
	assert_true(si.aa_unknown);
	assert_int_equal(parse("3112" "3010" AA_INFO "06032A0304", &si), 0);
	assert_true(si.aa_unknown);
	assert_int_equal(parse("310D" "300B" AA_INFO, &si), 0);
	assert_null(si.aa_digest);
	assert_true(si.active_authentication);
	assert_false(si.aa_unknown);
	assert_int_equal(parse("310D" "300B" "0606678108010105" "040101", &si), CR_E_MALFORMED);
}

/* DER of a SubjectPublicKeyInfo; explicit: the curve spelled out. */
static size_t spki(const char *curve, bool explicit, uint8_t **der)
{
	EVP_PKEY *key = EVP_EC_gen(curve);
	int n;

	assert_non_null(key);
	if (explicit)
		assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
	*der = NULL;
	n = i2d_PUBKEY(key, der);
	assert_true(n > 0);
	EVP_PKEY_free(key);
	return (size_t)n;
}

static void put_key_info(struct cr_buf *b, const uint8_t *der, size_t len, int id)
{
	static const uint8_t oid[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x01, 0x02 };
	size_t seq = cr_tlv_begin(b, 0x30);

	cr_tlv_put(b, 0x06, oid, sizeof(oid));
	cr_buf_put(b, der, len);
	if (id >= 0)
		cr_tlv_put_u8(b, 0x02, (uint8_t)id);
	cr_tlv_end(b, seq);
}

static void put_ca_info(struct cr_buf *b, uint8_t cipher, int id)
{
	const uint8_t oid[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x03, 0x02, cipher };
	size_t seq = cr_tlv_begin(b, 0x30);

	cr_tlv_put(b, 0x06, oid, sizeof(oid));
	cr_tlv_put_u8(b, 0x02, 1);
	if (id >= 0)
		cr_tlv_put_u8(b, 0x02, (uint8_t)id);
	cr_tlv_end(b, seq);
}

static void keys_are_found_by_name_number_and_spelled_out(void **state)
{
	struct cr_security_infos si;
	const struct cr_ca_key *key;
	struct cr_ca_info info;
	uint8_t *der;
	size_t n;

	for (int explicit = 0; explicit < 2; explicit++) {
		struct cr_buf b;
		size_t set;

		cr_buf_init(&b);
		set = cr_tlv_begin(&b, 0x31);
		n = spki("brainpoolP384r1", explicit, &der);
		put_key_info(&b, der, n, 1);
		OPENSSL_free(der);
		n = spki("P-256", explicit, &der);
		put_key_info(&b, der, n, 2);
		OPENSSL_free(der);
		put_ca_info(&b, 1, 1);
		put_ca_info(&b, 4, 2);
		put_ca_info(&b, 4, 3);	/* of a key that is not there */
		cr_tlv_end(&b, set);
		assert_int_equal(cr_security_infos_parse(b.data, b.len, &si), 0);
		assert_int_equal(si.n_ca_key, 2);
		assert_int_equal(cr_security_infos_ca(&si, &info, &key), 0);
		assert_int_equal(info.protocol.cipher, CR_AES256);
		assert_int_equal(info.key_id, 2);
		assert_string_equal(key->domain.name, "secp256r1");
		assert_int_equal(key->len, 65);
		cr_buf_free(&b);
	}
	/* standardizedDomainParameters 13, and no ChipAuthenticationInfo: 3DES */
	{
		static const uint8_t alg[] = { 0x30, 0x0c, 0x06, 0x07, 0x04, 0x00, 0x7f, 0x00, 0x07, 0x01, 0x02, 0x02, 0x01,
					       13 };
		uint8_t bits[66] = { 0, 4 };
		struct cr_buf b, k;
		size_t set, seq;

		cr_buf_init(&k);
		seq = cr_tlv_begin(&k, 0x30);
		cr_buf_put(&k, alg, sizeof(alg));
		cr_tlv_put(&k, 0x03, bits, sizeof(bits));
		cr_tlv_end(&k, seq);
		cr_buf_init(&b);
		set = cr_tlv_begin(&b, 0x31);
		put_key_info(&b, k.data, k.len, -1);
		cr_tlv_end(&b, set);
		assert_int_equal(cr_security_infos_parse(b.data, b.len, &si), 0);
		assert_int_equal(cr_security_infos_ca(&si, &info, &key), 0);
		assert_int_equal(info.protocol.cipher, CR_3DES);
		assert_string_equal(key->domain.name, "brainpoolP256r1");
		cr_buf_free(&b);
		cr_buf_free(&k);
	}
}

/* ICAO 9303-11, 9.2.5, 9.2.6: two numbers that differ are of two keys, also where there is one. -1: none. */
static void the_only_key_is_meant_unless_its_number_is_another(void **state)
{
	static const struct { int of_key, of_info, err; } all[] = {
		{ 1, 1, 0 }, { -1, -1, 0 }, { -1, 1, 0 }, { 1, -1, 0 }, { 2, 1, CR_E_UNSUPPORTED }, { 0, 1, CR_E_UNSUPPORTED },
	};
	struct cr_security_infos si;
	const struct cr_ca_key *key;
	struct cr_ca_info info;
	uint8_t *der;
	size_t n = spki("P-256", false, &der);

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct cr_buf b;
		size_t set;

		cr_buf_init(&b);
		set = cr_tlv_begin(&b, 0x31);
		put_key_info(&b, der, n, all[i].of_key);
		put_ca_info(&b, 2, all[i].of_info);
		cr_tlv_end(&b, set);
		assert_int_equal(cr_security_infos_parse(b.data, b.len, &si), 0);
		assert_int_equal(cr_security_infos_ca(&si, &info, &key), all[i].err);
		if (!all[i].err)
			assert_int_equal(info.key_id, all[i].of_info);
		cr_buf_free(&b);
	}
	OPENSSL_free(der);
}

/* Chip authentication that we do not speak is chip authentication: not none, and not 3DES. */
static void chip_authentication_of_an_unknown_kind_is_offered_and_not_spoken(void **state)
{
	static const char *const alone[] = {
		"3113" "3011" "060904007F000702020103" "30040602" "2A03",	/* a key of another kind */
		"3112" "3010" "060804007F0007020201" "30040602" "2A03",
		"3112" "3010" "060904007F000702020303" "020101" "0500",	/* a protocol of another kind */
		"3114" "3012" "060A04007F00070202030302" "020101" "020101",
		"3114" "3012" "060A04007F00070202030205" "020101" "020101",
		"3115" "3013" "060B04007F0007020203020201" "020101" "020101",
	};
	static const uint8_t key_kind[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x01, 0x03 };
	struct cr_security_infos si;
	const struct cr_ca_key *key;
	struct cr_ca_info info;
	uint8_t *der;
	size_t n = spki("P-256", false, &der);

	for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++) {
		assert_int_equal(parse(alone[i], &si), 0);
		assert_int_equal(si.unknown, 1);
		assert_int_equal(cr_security_infos_ca(&si, &info, &key), CR_E_UNSUPPORTED);
	}
	/* not of these kinds, though of the same family: terminal authentication, and the card's locator */
	assert_int_equal(parse("310F" "300D" "060804007F0007020202" "020101", &si), 0);
	assert_int_equal(cr_security_infos_ca(&si, &info, &key), CR_E_NOT_FOUND);
	assert_int_equal(parse("310F" "300D" "060804007F0007020206" "020101", &si), 0);
	assert_int_equal(cr_security_infos_ca(&si, &info, &key), CR_E_NOT_FOUND);
	/* beside a key that is known: with an unknown cipher, of which it is; and with a known one */
	for (uint8_t cipher = 2; cipher <= 5; cipher += 3) {
		struct cr_buf b;
		size_t set;

		cr_buf_init(&b);
		set = cr_tlv_begin(&b, 0x31);
		put_key_info(&b, der, n, 1);
		put_ca_info(&b, cipher, 1);
		put_ca_info(&b, 6, 1);
		cr_tlv_end(&b, set);
		assert_int_equal(cr_security_infos_parse(b.data, b.len, &si), 0);
		assert_int_equal(cr_security_infos_ca(&si, &info, &key), cipher == 2 ? 0 : CR_E_UNSUPPORTED);
		if (cipher == 2)
			assert_int_equal(info.protocol.cipher, CR_AES128);
		cr_buf_free(&b);
	}
	/* an info of the unknown key is none of the known one */
	{
		struct cr_buf b;
		size_t set, seq;

		cr_buf_init(&b);
		set = cr_tlv_begin(&b, 0x31);
		put_key_info(&b, der, n, 1);
		put_ca_info(&b, 2, 2);
		seq = cr_tlv_begin(&b, 0x30);
		cr_tlv_put(&b, 0x06, key_kind, sizeof(key_kind));
		cr_buf_put(&b, der, n);
		cr_tlv_put_u8(&b, 0x02, 2);
		cr_tlv_end(&b, seq);
		cr_tlv_end(&b, set);
		assert_int_equal(cr_security_infos_parse(b.data, b.len, &si), 0);
		assert_int_equal(cr_security_infos_ca(&si, &info, &key), CR_E_UNSUPPORTED);
		cr_buf_free(&b);
	}
	OPENSSL_free(der);
}

static int agree(const char *access, const char *dg14)
{
	uint8_t a[1024], d[1024];
	size_t an = hex(a, access), dn = hex(d, dg14);

	return cr_security_infos_agree(a, an, d, dn);
}

static void dg14_repeats_what_card_access_says_of_pace(void **state)
{
	assert_int_equal(agree("3114" GM_AES128_13, "3114" GM_AES128_13), CR_INFOS_AGREE);
	assert_int_equal(agree("3114" GM_AES128_13, "311C" "300606022A030500" GM_AES128_13), CR_INFOS_AGREE);
	assert_int_equal(agree("311C" "300606022A030500" GM_AES128_13, "3114" GM_AES128_13), CR_INFOS_AGREE);
	assert_int_equal(agree("3114" "3012" PACE("2", "2") "02010202010C", "3114" GM_AES128_13), CR_INFOS_DIFFER);
	assert_int_equal(agree("3128" GM_AES128_13 "3012" PACE("2", "1") "02010202010D", "3114" GM_AES128_13),
			 CR_INFOS_DIFFER);
	assert_int_equal(agree("3114" GM_AES128_13, "3108" "300606022A030500"), CR_INFOS_SILENT);
	assert_int_equal(agree("3113" GM_AES128_13, "3114" GM_AES128_13), CR_INFOS_MALFORMED);
}

#define SECOND_13	"3012" PACE("2", "1") "02010202010D"
#define FIVE(x)	x x x x x

/* Ciphers, mappings and groups make many of them; more than any card has are not searched through for each other. */
static void there_is_room_for_all_that_a_card_has(void **state)
{
	static const char eleven[] = "3181DC" FIVE(GM_AES128_13) SECOND_13 FIVE(GM_AES128_13);
	static const char no_second[] = "3181DC" FIVE(GM_AES128_13) GM_AES128_13 FIVE(GM_AES128_13);
	static const char most[] = "31820280" FIVE(FIVE(GM_AES128_13)) FIVE(GM_AES128_13) GM_AES128_13 SECOND_13;
	static const char too_many[] = "31820294" FIVE(FIVE(GM_AES128_13)) FIVE(GM_AES128_13) GM_AES128_13 GM_AES128_13
				       SECOND_13;
	static const char far_too_many[] = "31820334" FIVE(FIVE(GM_AES128_13)) FIVE(GM_AES128_13) FIVE(GM_AES128_13)
					   FIVE(GM_AES128_13) GM_AES128_13;
	struct cr_security_infos si;
	bool ambiguous;

	(void)state;
	assert_int_equal(parse(eleven, &si), 0);
	assert_int_equal(si.n_pace, 11);
	assert_non_null(cr_security_infos_pace(&si, &ambiguous));
	assert_int_equal(agree(eleven, eleven), CR_INFOS_AGREE);
	assert_int_equal(agree(eleven, no_second), CR_INFOS_DIFFER);
	assert_int_equal(agree(no_second, eleven), CR_INFOS_LEFT_OUT);
	assert_int_equal(parse(most, &si), 0);
	assert_int_equal(agree(most, eleven), CR_INFOS_AGREE);
	assert_int_equal(parse(too_many, &si), CR_E_MALFORMED);
	assert_int_equal(agree(far_too_many, eleven), CR_INFOS_MALFORMED);
	assert_int_equal(agree(eleven, far_too_many), CR_INFOS_MALFORMED);
}

/* Whoever sits between card and terminal can leave out the better PACE, or all of it for BAC. */
static void what_card_access_leaves_out_is_seen(void **state)
{
	(void)state;
	assert_int_equal(agree("3100", "3114" GM_AES128_13), CR_INFOS_LEFT_OUT);
	assert_int_equal(agree("3114" "3012" PACE("2", "1") "02010202010D",
			       "3128" "3012" PACE("2", "1") "02010202010D" GM_AES128_13), CR_INFOS_LEFT_OUT);
	assert_int_equal(agree("3128" "3012" PACE("2", "1") "02010202010D" GM_AES128_13,
			       "3128" GM_AES128_13 "3012" PACE("2", "1") "02010202010D"), CR_INFOS_AGREE);
	assert_int_equal(agree("3100", "3108" "300606022A030500"), CR_INFOS_AGREE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_real_cards_have_is_understood),
		cmocka_unit_test(the_strongest_pace_is_taken),
		cmocka_unit_test(unknown_ones_are_skipped_and_malformed_ones_refused),
		cmocka_unit_test(parameters_are_those_with_the_number),
		cmocka_unit_test(the_digest_of_active_authentication_is_found),
		cmocka_unit_test(keys_are_found_by_name_number_and_spelled_out),
		cmocka_unit_test(the_only_key_is_meant_unless_its_number_is_another),
		cmocka_unit_test(chip_authentication_of_an_unknown_kind_is_offered_and_not_spoken),
		cmocka_unit_test(there_is_room_for_all_that_a_card_has),
		cmocka_unit_test(what_card_access_leaves_out_is_seen),
		cmocka_unit_test(dg14_repeats_what_card_access_says_of_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
