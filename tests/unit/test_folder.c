// SPDX-License-Identifier: BSD-2-Clause
/* A trust store on the disk: what verify reads of it, whatever happens to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "testlist.h"
#include "eid/checks.h"
#include "eid/lds.h"
#include "trust/card_security.h"
#include "trust/folder.h"
#include "trust/passive.h"

#define N	24

static EVP_PKEY *keys[N];
static X509 *certs[N];
static char dir[64];

static int setup(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < N; i++) {
		char country[3] = { 'A', (char)('A' + i), 0 };
		struct pki_cert c = { .country = country, .name = "CSCA", .ca = true };

		c.key = keys[i] = pki_key("P-256", false);
		certs[i] = pki_make(&c);
	}
	return 0;
}

static int teardown(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < N; i++) {
		EVP_PKEY_free(keys[i]);
		X509_free(certs[i]);
	}
	return 0;
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/cr-folder-XXXXXX");
	return !mkdtemp(dir);
}

static int remove_dir(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static int import(int from, int to)
{
	struct cr_import im;
	struct cr_folder f;
	cr_trust_t *store;
	unsigned char *der;
	int i, n, err;

	cr_import_init(&im, NULL, NOW);
	for (i = from; i < to; i++) {
		der = NULL;
		n = i2d_X509(certs[i], &der);
		if (cr_import_file(&im, "test", der, (size_t)n))
			return CR_E_INTERNAL;
		OPENSSL_free(der);
	}
	err = cr_folder_open(&f, dir, true);
	if (!err) {
		cr_trust_new(&store);
		err = cr_folder_load(&f, store, true, NULL, NULL);
		if (!err)
			err = cr_import_finish(&im, &f.index, store);
		cr_trust_free(store);
	}
	if (!err)
		err = cr_folder_commit(&f, &im);
	cr_folder_close(&f);
	cr_import_clear(&im);
	return err;
}

/* What verify would trust. */
static int trusted(size_t *skipped)
{
	cr_trust_t *t;
	int n;

	cr_trust_new(&t);
	n = cr_trust_add_dir(t, dir, skipped);
	if (n >= 0 && (size_t)n != cr_trust_count(t))
		n = -1000;
	cr_trust_free(t);
	return n;
}

/* The n-th file with that ending, in no order. */
static void path_of(const char *ending, char *path, size_t size)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while ((e = readdir(d))) {
		if (strlen(e->d_name) > 4 && !strcmp(e->d_name + strlen(e->d_name) - 4, ending))
			snprintf(path, size, "%s/%s", dir, e->d_name);
	}
	closedir(d);
}

static size_t files(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	while ((e = readdir(d)))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return n;
}

static void what_is_imported_is_trusted(void **state)
{
	struct stat st;
	char path[200];
	size_t skipped;

	(void)state;
	assert_int_equal(import(0, 3), 0);
	assert_int_equal(trusted(&skipped), 3);
	assert_int_equal(skipped, 0);
	assert_int_equal(import(0, N), 0);
	assert_int_equal(trusted(&skipped), N);
	assert_int_equal(files(), N + 1);
	assert_int_equal(import(0, N), 0);
	assert_int_equal(files(), N + 1);
	path_of(".cer", path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void what_is_not_in_the_index_is_not_trusted(void **state)
{
	char path[200], copy[300];
	size_t skipped;

	(void)state;
	assert_int_equal(import(0, 2), 0);
	path_of(".cer", path, sizeof(path));
	snprintf(copy, sizeof(copy), "cp %s %s/mine.cer", path, dir);
	assert_int_equal(system(copy), 0);
	assert_int_equal(trusted(&skipped), 2);
	assert_int_equal(skipped, 1);
	/* changed, cut, gone, a link to something else, a pipe: none of them is trusted, and none stops verify */
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(trusted(&skipped), 1);
	assert_int_equal(skipped, 2);
	unlink(path);
	assert_int_equal(trusted(&skipped), 1);
	assert_int_equal(skipped, 2);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(trusted(&skipped), 1);
	snprintf(path, sizeof(path), "%s/" CR_INDEX_NAME, dir);
	assert_int_equal(truncate(path, 150), 0);
	assert_int_equal(trusted(NULL), CR_E_MALFORMED);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(trusted(NULL), CR_E_MALFORMED);
}

static void a_changed_file_is_not_trusted(void **state)
{
	char path[200];
	size_t skipped;
	int fd;

	(void)state;
	assert_int_equal(import(0, 1), 0);
	path_of(".cer", path, sizeof(path));
	fd = open(path, O_WRONLY);
	/* another certificate that parses as well */
	assert_int_equal(pwrite(fd, "\xff", 1, 18), 1);
	close(fd);
	assert_int_equal(trusted(&skipped), 0);
	assert_int_equal(skipped, 1);
}

static void a_plain_folder_stays_one(void **state)
{
	char path[200];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/a.pem", dir);
	f = fopen(path, "w");
	PEM_write_X509(f, certs[0]);
	PEM_write_X509(f, certs[1]);
	fclose(f);
	assert_int_equal(trusted(NULL), 2);
	/* an index would turn a.pem away */
	assert_int_equal(import(2, 3), CR_E_INVALID);
	assert_int_equal(trusted(NULL), 2);
	assert_int_equal(files(), 1);
}

/* Its own process: no room on the disk after so many bytes of a file. */
static void an_import_that_fails_changes_nothing(void **state)
{
	size_t before, skipped;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(import(0, 2), 0);
	before = files();
	pid = fork();
	if (!pid) {
		struct rlimit l = { 1500, 1500 };	/* the certificates fit, the index does not */

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &l);
		_exit(import(0, N) == CR_E_IO ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(files(), before);
	assert_int_equal(trusted(&skipped), 2);
	assert_int_equal(skipped, 0);
}

/* Killed at any moment: all or nothing, and the next one cleans up. */
static void an_import_that_is_killed_is_whole_or_none(void **state)
{
	int i, n, seen[2] = { 0, 0 };
	pid_t pid;

	(void)state;
	for (i = 0; i < 40; i++) {
		pid = fork();
		if (!pid)
			_exit(import(0, N) != 0);
		usleep((useconds_t)(i * 400));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		n = trusted(NULL);
		assert_true(n == 0 || n == N);
		seen[n == N]++;
		if (n == N) {
			remove_dir(state);
			assert_int_equal(mkdir(dir, 0755), 0);
		}
	}
	assert_true(seen[0]);
	/* what was left lying about is in nobody's way */
	remove_dir(state);
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(import(0, N), 0);
	assert_int_equal(trusted(NULL), N);
	assert_int_equal(files(), N + 1);
}

static void two_imports_at_once_are_both_there(void **state)
{
	pid_t pids[4];
	int i, status;

	(void)state;
	for (i = 0; i < 4; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(import(i * N / 4, (i + 1) * N / 4) != 0);
	}
	for (i = 0; i < 4; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(trusted(NULL), N);
}

/* verify reads while imports and removals go on: never less than what was there all the time. */
static void readers_wait_for_nobody(void **state)
{
	size_t one = 0;
	int i, n, status;
	pid_t pid;

	(void)state;
	assert_int_equal(import(0, 12), 0);
	pid = fork();
	if (!pid) {
		for (i = 0; i < 30; i++) {
			struct cr_folder f;

			if (import(0, N) || cr_folder_open(&f, dir, true) || cr_folder_remove(&f, &(size_t){ N - 1 }, 1))
				_exit(1);
			cr_folder_close(&f);
		}
		_exit(0);
	}
	do {
		n = trusted(NULL);
		assert_true(n == 12 || n == N || n == N - 1);
		one++;
	} while (!waitpid(pid, &status, WNOHANG));
	assert_int_equal(status, 0);
	assert_true(one > 1);
	assert_int_equal(trusted(NULL), N - 1);
}

static void what_is_removed_is_not_trusted(void **state)
{
	const size_t some[] = { 0, 2, 4 };
	struct cr_folder f;
	size_t skipped;

	(void)state;
	assert_int_equal(import(0, 5), 0);
	assert_int_equal(cr_folder_open(&f, dir, true), 0);
	assert_int_equal(f.index.n, 5);
	assert_int_equal(cr_folder_remove(&f, some, 3), 0);
	cr_folder_close(&f);
	assert_int_equal(trusted(&skipped), 2);
	assert_int_equal(skipped, 0);
	assert_int_equal(files(), 3);
	assert_int_equal(cr_folder_open(&f, dir, false), 0);
	assert_int_equal(f.index.n, 2);
	assert_int_equal(strncmp(f.index.e[0].file, "AB-", 3), 0);
	assert_int_equal(strncmp(f.index.e[1].file, "AD-", 3), 0);
	cr_folder_close(&f);
}

/* EF.CardSecurity by that signer: what is EF.SOD's but for the outer tag, and the content's type. */
static enum cr_result card_security(const cr_trust_t *t, const struct pki_sod *sod, const struct pki_dg *dg, char *why)
{
	struct cr_inspection insp = { 0 };
	struct pki_sod spec = *sod;
	enum cr_result r;
	struct cr_tlv tlv;
	uint8_t *file;
	size_t len;

	spec.content_type = "0.4.0.127.0.7.3.2.1";
	file = pki_make_sod(&spec, dg, 1, &len);
	assert_int_equal(cr_tlv_parse_all(file, len, &tlv), 0);
	r = cr_card_security_verify(&insp, tlv.val, tlv.len, t, NOW, false, false, why);
	free(insp.checks);
	free(file);
	return r;
}

/* A document without its signer's certificate: the store has it. */
static void a_signer_is_found_in_the_store(void **state)
{
	static uint8_t dg1[] = "\x61\x5b\x5f\x1f\x58"
		"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<L898902C36UTO7408122F1204159ZE184226B<<<<<10";
	EVP_PKEY *ca_key = pki_key("P-256", false), *key = pki_key("P-256", false), *other;
	struct pki_cert c = { .country = "UT", .name = "CSCA", .ca = true, .key = ca_key };
	X509 *ca = pki_make(&c), *signers[3], *stranger;
	const struct pki_dg dg = { 1, dg1, sizeof(dg1) - 1 };
	struct pki_sod spec = { .key = key, .no_cert = true };
	struct cr_file files[2] = {
		{ .fid = CR_FID_SOD }, { .fid = CR_FID_DG(1), .data = dg1, .len = sizeof(dg1) - 1 },
	};
	unsigned char *der;
	struct cr_import im;
	struct cr_folder f;
	char why[160];
	cr_trust_t *t;
	int i, n;

	(void)state;
	c = (struct pki_cert){ .country = "UT", .name = "DS", .issuer = ca, .key = key, .issuer_key = ca_key };
	cr_import_init(&im, NULL, NOW);
	for (i = 0; i < 4; i++) {		/* the third stays out of the store */
		X509 *x = i < 3 ? signers[i] = pki_make(&c) : ca;

		der = NULL;
		n = i2d_X509(x, &der);
		if (i != 2)
			assert_int_equal(cr_import_file(&im, "test", der, (size_t)n), 0);
		OPENSSL_free(der);
	}
	assert_int_equal(cr_folder_open(&f, dir, true), 0);
	cr_trust_new(&t);
	assert_int_equal(cr_import_finish(&im, &f.index, t), 0);
	cr_trust_free(t);
	assert_int_equal(cr_folder_commit(&f, &im), 0);
	cr_folder_close(&f);
	cr_import_clear(&im);

	cr_trust_new(&t);
	assert_int_equal(cr_trust_add_dir(t, dir, NULL), 3);
	assert_int_equal(cr_trust_count(t), 3);
	assert_int_equal(sk_X509_num(t->certs), 1);
	for (i = 0; i < 6; i++) {
		struct cr_inspection insp = { .files = files, .n_files = 2 };

		spec.signer = signers[i / 2];
		spec.skid = i & 1;
		files[0].data = pki_make_sod(&spec, &dg, 1, &files[0].len);
		assert_int_equal(cr_passive_authenticate(&insp, t, NOW), 0);
		/* the three have one key, and with it its identifier: any of them will do then */
		assert_int_equal(cr_check_get(&insp, CR_CHECK_SOD_SIGNATURE),
				 i / 2 < 2 || i & 1 ? CR_SUCCESSFUL : CR_UNDETERMINED);
		assert_int_equal(insp.passive.status, i / 2 < 2 || i & 1 ? CR_SUCCESSFUL : CR_UNDETERMINED);
		free(files[0].data);
		free(insp.checks);
		free(insp.passive.issuer);
		free(insp.passive.signer);
		free(insp.passive.digest);

		assert_int_equal(card_security(t, &spec, &dg, why),
				 i / 2 < 2 || i & 1 ? CR_SUCCESSFUL : CR_UNDETERMINED);
		assert_int_equal(!*why, i / 2 < 2 || i & 1);
		assert_int_equal(card_security(NULL, &spec, &dg, why), CR_UNDETERMINED);
	}
	/* found, and its key is not the one that signed */
	other = pki_key("P-256", false);
	spec = (struct pki_sod){ .key = other, .no_cert = true };
	c.key = other;
	spec.signer = stranger = pki_make(&c);
	X509_set_serialNumber(stranger, X509_get_serialNumber(signers[0]));
	assert_int_equal(card_security(t, &spec, &dg, why), CR_FAILED);
	assert_true(*why);
	X509_free(stranger);
	EVP_PKEY_free(other);
	cr_trust_free(t);
	for (i = 0; i < 3; i++)
		X509_free(signers[i]);
	X509_free(ca);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_FOLDER(what_is_imported_is_trusted),
		IN_A_FOLDER(what_is_not_in_the_index_is_not_trusted),
		IN_A_FOLDER(a_changed_file_is_not_trusted),
		IN_A_FOLDER(a_plain_folder_stays_one),
		IN_A_FOLDER(an_import_that_fails_changes_nothing),
		IN_A_FOLDER(an_import_that_is_killed_is_whole_or_none),
		IN_A_FOLDER(two_imports_at_once_are_both_there),
		IN_A_FOLDER(readers_wait_for_nobody),
		IN_A_FOLDER(what_is_removed_is_not_trusted),
		IN_A_FOLDER(a_signer_is_found_in_the_store),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
