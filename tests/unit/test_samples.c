// SPDX-License-Identifier: BSD-2-Clause
/* The sample cards, judged by tools that nobody here wrote: the openssl command; and the reader "sim:NAME". */
#include "simterm.h"
#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <cardring/ring.h>
#include "eid/lds.h"
#include "eid/mrz.h"

/* Runs a shell line in the samples' folder; its exit status. */
static int sh(const char *line)
{
	char cmd[2048];
	int st;

	assert_true((size_t)snprintf(cmd, sizeof(cmd), "cd '%s' && { %s ; } >out.txt 2>&1", simterm_dir, line) < sizeof(cmd));
	st = system(cmd);
	assert_true(WIFEXITED(st));
	return WEXITSTATUS(st);
}

static bool output_has(const char *text)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "grep -qF -- '%s' '%s/out.txt'", text, simterm_dir);
	return system(cmd) == 0;
}

static size_t load(const char *card, unsigned int fid, uint8_t *out, size_t size)
{
	char path[256];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cards/%s/EF_%04X.bin", simterm_dir, card, fid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fread(out, 1, size, f);
	fclose(f);
	return n;
}

/* The CMS inside EF.SOD (77) to cms.der; its signer to ds.pem and its content to so.der. */
static int open_sod(const char *card)
{
	static uint8_t sod[8192];
	size_t n = load(card, 0x011d, sod, sizeof(sod)), h;
	char path[256];
	FILE *f;

	assert_true(n > 4 && sod[0] == 0x77);
	h = sod[1] < 0x80 ? 2 : 2 + (sod[1] & 0x7f);
	snprintf(path, sizeof(path), "%s/cms.der", simterm_dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(sod + h, 1, n - h, f), n - h);
	fclose(f);
	return sh("openssl cms -verify -inform DER -in cms.der -noverify -certsout ds.pem -out so.der");
}

static int chain(const char *csca, const char *more)
{
	char line[512];

	snprintf(line, sizeof(line), "openssl x509 -inform DER -in trust/%s.cer -out ca.pem && "
		 "openssl crl -inform DER -in trust/%s.crl -out crl.pem && cat crl.pem >> ca.pem && "
		 "openssl verify -CAfile ca.pem %s ds.pem", csca, csca, more);
	return sh(line);
}

static void openssl_confirms_the_signatures(void **state)
{
	static const struct {
		const char *card, *csca;
	} rows[] = {
		{ "an", "VNM-2" }, { "old", "VNM-2" }, { "cloned", "VNM-2" }, { "forged", "VNM-2" }, { "lying", "VNM-2" },
		{ "badtlv", "VNM-2" }, { "truncated", "VNM-2" }, { "expired", "VNM-1" }, { "bac", "UTO-1" },
		{ "tdes", "UTO-1" }, { "cccd", "VNM-2" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(open_sod(rows[i].card), 0);
		if (chain(rows[i].csca, "-x509_strict -crl_check"))
			fail_msg("%s does not chain to %s", rows[i].card, rows[i].csca);
	}
	assert_int_equal(open_sod("an"), 0);
	assert_int_equal(sh("openssl cms -cmsout -print -inform DER -in cms.der"), 0);
	assert_true(output_has("undefined (2.23.136.1.1.1)"));
	assert_int_not_equal(chain("VNM-1", ""), 0);
}

static void openssl_refutes_the_others(void **state)
{
	/* Signatures are right; who made them is the question. */
	assert_int_equal(open_sod("resigned"), 0);
	assert_int_not_equal(chain("VNM-2", ""), 0);
	assert_int_equal(open_sod("impostor"), 0);
	assert_int_not_equal(chain("VNM-2", ""), 0);
	assert_int_equal(sh("openssl x509 -in ds.pem -noout -issuer -nameopt RFC2253 | sed s/^issuer=// > a; "
			    "openssl x509 -inform DER -in trust/VNM-2.cer -noout -subject -nameopt RFC2253 | "
			    "sed s/^subject=// > b; cmp a b"), 0);
	assert_int_equal(open_sod("revoked"), 0);
	assert_int_equal(chain("VNM-2", ""), 0);
	assert_int_not_equal(chain("VNM-2", "-crl_check"), 0);
	assert_true(output_has("certificate revoked"));
	assert_int_not_equal(open_sod("badsod"), 0);
	/* Explicit curve parameters: the signature itself holds, OpenSSL's chain building will have none of it. */
	assert_int_equal(open_sod("eac"), 0);
	assert_int_not_equal(chain("UTO-2", ""), 0);
	assert_true(output_has("explicit ECC parameters"));
}

static void hashes_are_of_the_files_but_where_a_sample_lies(void **state)
{
	static const struct {
		const char *card;
		unsigned int dg;
		bool same;
	} rows[] = {
		{ "an", 1, true }, { "an", 2, true }, { "an", 13, true }, { "an", 14, true }, { "forged", 1, false },
		{ "forged", 2, true }, { "resigned", 1, true }, { "impostor", 1, true }, { "truncated", 2, false },
		{ "badtlv", 13, true },
		{ "lying", 2, true }, { "cloned", 14, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[512];

		assert_int_equal(open_sod(rows[i].card), 0);
		snprintf(line, sizeof(line), "h=$(openssl dgst -sha256 -r cards/%s/EF_%04X.bin | cut -c1-64); "
			 "openssl asn1parse -inform DER -in so.der | grep -qi $h", rows[i].card, 0x0100 + rows[i].dg);
		if ((sh(line) == 0) != rows[i].same)
			fail_msg("%s DG%u", rows[i].card, rows[i].dg);
	}
}

static void certificates_follow_the_profile(void **state)
{
	assert_int_equal(sh("openssl x509 -inform DER -in trust/VNM-2.cer -noout -text"), 0);
	assert_true(output_has("CA:TRUE, pathlen:0"));
	assert_true(output_has("X509v3 Basic Constraints: critical"));
	assert_true(output_has("X509v3 Key Usage: critical"));
	assert_true(output_has("Certificate Sign, CRL Sign"));
	assert_true(output_has("DirName:/L=VNM") || output_has("DirName:L = VNM"));
	assert_true(output_has("X509v3 Private Key Usage Period"));
	assert_int_equal(open_sod("an"), 0);
	assert_int_equal(sh("openssl x509 -in ds.pem -noout -text"), 0);
	assert_true(output_has("Digital Signature"));
	assert_true(output_has("X509v3 Authority Key Identifier"));
	assert_true(output_has("2.23.136.1.1.6.2"));
	assert_int_equal(sh("openssl asn1parse -inform DER -in cards/an/EF_010E.bin"), 0);
	assert_true(output_has("0.4.0.127.0.7.2.2.3.2.2"));
	assert_true(output_has("0.4.0.127.0.7.2.2.1.2"));
	assert_true(output_has("0.4.0.127.0.7.2.2.4.2.2"));
}

static void mrzs_check_and_follow_the_rules_of_viet_nam(void **state)
{
	struct sim_sample *list;
	int n = sim_list(&list), seen = 0;

	assert_true(n >= 11);
	for (int i = 0; i < n; i++) {
		struct cr_mrz m;

		assert_int_equal(cr_mrz_parse(list[i].mrz, strlen(list[i].mrz), &m, NULL), 0);
		assert_true(list[i].text[0]);
		if (!strcmp(list[i].name, "an")) {
			seen++;
			assert_string_equal(list[i].can, "123456");
			assert_string_equal(m.document_number, "090123456");
			assert_string_equal(m.optional1, "001090123456");
			assert_string_equal(m.code, "ID");
			assert_string_equal(m.issuing_state, "VNM");
			assert_int_equal(m.sex, 'M');
		}
		if (!strcmp(list[i].name, "bac")) {
			seen++;
			assert_string_equal(m.format, "TD3");
			assert_string_equal(list[i].can, "");
		}
	}
	free(list);
	assert_int_equal(seen, 2);
}

static void an_is_as_big_as_real_cards_are(void **state)
{
	static uint8_t b[65536];
	struct cr_holder h = { 0 };
	struct cr_document d = { 0 };
	const uint8_t *image;
	const char *type;
	size_t n, len;

	n = load("an", 0x0102, b, sizeof(b));
	assert_int_equal(cr_lds_dg2(b, n, &image, &len, &type), 0);
	assert_string_equal(type, "image/jpeg");
	assert_in_range(len, 15000, 30000);
	n = load("an", 0x010d, b, sizeof(b));
	assert_int_equal(cr_lds_dg13(b, n, &d, &h), 0);
	assert_string_equal(h.id_number, "001090123456");
	assert_string_equal(h.full_name, "Nguyễn Văn An");
	assert_true(strlen(h.place_of_residence) > 127);
	assert_string_equal(h.former_id_number, "012345678");
	char **all[] = { &h.id_number, &h.full_name, &h.date_of_birth, &h.sex, &h.nationality, &h.ethnic_group,
			 &h.religion, &h.place_of_origin, &h.place_of_residence, &h.personal_identification,
			 &h.father_name, &h.mother_name, &h.spouse_name, &h.former_id_number, &h.primary_identifier,
			 &h.secondary_identifier, &d.type, &d.code, &d.issuing_state, &d.number, &d.date_of_issue,
			 &d.date_of_expiry, &d.mrz };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(*all[i]);
}

static void malformed_files_are_malformed(void **state)
{
	static uint8_t b[65536];
	struct cr_holder h = { 0 };
	struct cr_document d = { 0 };
	const uint8_t *image;
	const char *type;
	size_t n, len;

	n = load("badtlv", 0x010d, b, sizeof(b));
	assert_int_equal(cr_lds_dg13(b, n, &d, &h), CR_E_MALFORMED);
	n = load("lying", 0x0102, b, sizeof(b));
	assert_int_equal(cr_lds_dg2(b, n, &image, &len, &type), CR_E_MALFORMED);
	n = load("truncated", 0x0102, b, sizeof(b));
	assert_true(n < 4 + (size_t)(b[2] << 8 | b[3]));
}

static void make_is_repeatable_in_place_and_says_where_it_cannot(void **state)
{
	assert_int_equal(sim_make(simterm_dir), 0);
	assert_int_equal(sim_make("/nonexistent/deep"), CR_E_IO);
	assert_int_equal(sh("test ! -e cards/an/profile.new && test $(stat -c %a cards/an/ca.pem) = 600"), 0);
}

/* ---- the in-process door ---- */

static int exchange(cr_ring_t *ring, enum cardring_op op, const char *hex)
{
	const struct cardring_cqe *cqe;
	struct cardring_sqe *sqe = cr_ring_sqe(ring);
	int result;

	assert_non_null(sqe);
	sqe->opcode = op;
	sqe->tx_buf = 0;
	sqe->rx_buf = 1;
	if (hex)
		sqe->tx_len = (uint32_t)term_hex(cr_ring_payload(ring, 0), hex);
	assert_int_equal(cr_ring_submit(ring, 1, 1000), 1);
	cqe = cr_ring_peek(ring);
	while (cqe && (cqe->flags & CARDRING_CQE_EVENT)) {
		cr_ring_seen(ring);
		cqe = cr_ring_peek(ring);
	}
	assert_non_null(cqe);
	result = cqe->result;
	cr_ring_seen(ring);
	return result;
}

static void each_sample_is_a_reader(void **state)
{
	static const struct {
		const char *path;
		uint32_t level;
		int select;		/* result of SELECT of the application with file control information */
	} rows[] = {
		{ "sim:an", CARDRING_LEVEL_EXTENDED_APDU, 13 },
		{ "sim:an?level=short", CARDRING_LEVEL_SHORT_APDU, 13 },
		{ "sim:an?level=tpdu", CARDRING_LEVEL_TPDU, 2 },	/* 610B */
	};
	struct cr_reader_info list[64];
	struct cardring_info info;
	cr_ring_t *ring;
	int n = sim_backend.list(list, 64);

	assert_true(n >= 11 && n <= 64);
	for (int i = 0; i < n; i++) {
		assert_int_equal(sim_backend.owns(list[i].path), 1);
		assert_int_equal(sim_backend.open(list[i].path, NULL, &ring, &info), 0);
		cr_ring_close(ring);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(sim_backend.open(rows[i].path, NULL, &ring, &info), 0);
		assert_int_equal(info.level, rows[i].level);
		assert_int_equal(exchange(ring, CARDRING_OP_POWER_ON, NULL), -EACCES);
		assert_int_equal(cr_ring_claim(ring, 7, 0), -EINVAL);
		assert_int_equal(cr_ring_claim(ring, 0, 0), 0);
		assert_int_equal(cr_ring_claim(ring, 0, 0), -EALREADY);
		assert_int_equal(cr_ring_release(ring, 0), 0);
		assert_int_equal(cr_ring_release(ring, 0), -EACCES);
		assert_int_equal(cr_ring_claim(ring, 0, 0), 0);
		assert_true(exchange(ring, CARDRING_OP_POWER_ON, NULL) > 2);
		assert_int_equal(cr_ring_payload(ring, 1)[0], 0x3b);
		assert_int_equal(exchange(ring, CARDRING_OP_XFER, i == 2 ? "00A4040007A0000002471001" :
					  "00A4040007A000000247100100"), rows[i].select);
		assert_true(exchange(ring, CARDRING_OP_GET_PARAMS, NULL) > 0);
		assert_int_equal(exchange(ring, CARDRING_OP_ICC_CLOCK, NULL), -EREMOTEIO);
		assert_int_equal(exchange(ring, CARDRING_OP_POWER_OFF, NULL), 0);
		cr_ring_close(ring);
	}
	assert_int_equal(sim_backend.open("sim:nobody", NULL, &ring, &info), CR_E_NO_READER);
	assert_int_equal(sim_backend.open("sim:an?level=high", NULL, &ring, &info), CR_E_INVALID);
	assert_int_equal(sim_backend.open("sim:", NULL, &ring, &info), CR_E_NO_READER);
	assert_int_equal(sim_backend.open("sim:..", NULL, &ring, &info), CR_E_NO_READER);
}

static void *asks_where_samples_are(void *wrong)
{
	for (int i = 0; i < 20000; i++) {
		const char *dir = sim_dir();

		if (!dir || access(dir, R_OK | X_OK))
			__atomic_fetch_add((int *)wrong, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Beside the program, for which several places are tried. */
static void samples_are_found_by_several_threads(void **state)
{
	pthread_t thread[4];
	int wrong = 0;

	assert_int_equal(unsetenv("CARDRING_SIM_DIR"), 0);
	if (!sim_dir()) {
		setenv("CARDRING_SIM_DIR", simterm_dir, 1);
		skip();		/* none were made there */
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, asks_where_samples_are, &wrong), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	setenv("CARDRING_SIM_DIR", simterm_dir, 1);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(openssl_confirms_the_signatures),
		cmocka_unit_test(openssl_refutes_the_others),
		cmocka_unit_test(hashes_are_of_the_files_but_where_a_sample_lies),
		cmocka_unit_test(certificates_follow_the_profile),
		cmocka_unit_test(mrzs_check_and_follow_the_rules_of_viet_nam),
		cmocka_unit_test(an_is_as_big_as_real_cards_are),
		cmocka_unit_test(malformed_files_are_malformed),
		cmocka_unit_test(each_sample_is_a_reader),
		cmocka_unit_test(samples_are_found_by_several_threads),
		cmocka_unit_test(make_is_repeatable_in_place_and_says_where_it_cannot),
	};

	return cmocka_run_group_tests(tests, simterm_setup, simterm_teardown);
}
