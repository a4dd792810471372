// SPDX-License-Identifier: BSD-2-Clause
/*
 * The fuzzers' targets without a fuzzer: every file of the sample cards, cut, and changed by numbers
 * that are the same in each run. `make fuzz` looks further.
 */
#include "simterm.h"
#include <dirent.h>
#include <sys/stat.h>
#include "simcard.h"

#define LLVMFuzzerTestOneInput fuzz_aa
#include "../fuzz/fuzz_aa.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_card
#define answer card_answer
#include "../fuzz/fuzz_card.c"
#undef answer
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_card_security
#include "../fuzz/fuzz_card_security.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_exchange
#define next next_answer
#include "../fuzz/fuzz_exchange.c"
#undef next
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_ccid
#include "../fuzz/fuzz_ccid.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_cvc
#include "../fuzz/fuzz_cvc.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_defect
#define parse parse_defects
#include "../fuzz/fuzz_defect.c"
#undef parse
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_import
#include "../fuzz/fuzz_import.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_index
#include "../fuzz/fuzz_index.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_ldif
#include "../fuzz/fuzz_ldif.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_files
#include "../fuzz/fuzz_files.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_items
#include "../fuzz/fuzz_items.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_picture
#include "../fuzz/fuzz_picture.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_lds
#include "../fuzz/fuzz_lds.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_masterlist
#include "../fuzz/fuzz_masterlist.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_mrz
#include "../fuzz/fuzz_mrz.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_pin
#include "../fuzz/fuzz_pin.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_security_info
#include "../fuzz/fuzz_security_info.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_sim
#include "../fuzz/fuzz_sim.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_sm
#include "../fuzz/fuzz_sm.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_sod
#include "../fuzz/fuzz_sod.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_tlv
#include "../fuzz/fuzz_tlv.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_trust
#include "../fuzz/fuzz_trust.c"
#undef LLVMFuzzerTestOneInput

#define ROUNDS	60

static uint32_t number;

/* Numerical Recipes' congruential generator: the same numbers everywhere. */
static uint32_t next(void)
{
	number = number * 1664525 + 1013904223;
	return number >> 8;
}

/* In memory of just its size, so that a sanitizer sees the first byte beyond. */
static void give(int (*target)(const uint8_t *, size_t), const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, p, n);
	assert_int_equal(target(copy, n), 0);
	free(copy);
}

static void mutate(int (*target)(const uint8_t *, size_t), const uint8_t *seed, size_t n)
{
	uint8_t *p = malloc(n);

	assert_non_null(p);
	give(target, seed, n);
	for (int i = 0; i < ROUNDS; i++) {
		size_t front = n < 64 ? n : 64, len = n;

		memcpy(p, seed, n);
		/* where lengths stand, more often than in the middle of a portrait */
		for (uint32_t k = next() % 4; k; k--)
			p[next() % (k & 1 ? front : n)] = (uint8_t)next();
		if (i % 3 == 0)
			len = next() % (n + 1);
		give(target, p, len);
	}
	free(p);
}

static void each_seed(int (*target)(const uint8_t *, size_t), const char *dir)
{
	static uint8_t seed[65536];
	char path[512];
	struct dirent *e;
	unsigned int seeds = 0;
	DIR *d = opendir(dir);

	if (!d)
		fail_msg("no folder %s", dir);
	while ((e = readdir(d))) {
		const char *name = e->d_name;
		size_t n;
		FILE *f;

		if (*name == '.' || !strcmp(name, "README.md"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		f = fopen(path, "r");
		assert_non_null(f);
		n = fread(seed, 1, sizeof(seed), f);
		fclose(f);
		if (!n)
			continue;
		/* not by the folder's order */
		for (number = 0; *name; name++)
			number = number * 31 + (uint8_t)*name;
		mutate(target, seed, n);
		seeds++;
	}
	closedir(d);
	assert_true(seeds > 3);
}

static void all_seeds(int (*target)(const uint8_t *, size_t))
{
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/cards/an", simterm_dir);
	each_seed(target, dir);
	snprintf(dir, sizeof(dir), "%s/cards/bac", simterm_dir);
	each_seed(target, dir);
	snprintf(dir, sizeof(dir), "%s/cards/cam", simterm_dir);
	each_seed(target, dir);
	snprintf(dir, sizeof(dir), "%s/cards/full", simterm_dir);
	each_seed(target, dir);
	/* from the folder that the tests were built in */
	snprintf(dir, sizeof(dir), "%.*sdata/fuzz", (int)(strstr(__FILE__, "unit/") - __FILE__), __FILE__);
	each_seed(target, dir);
}

#define TARGET(name) \
	static void name##_takes_anything(void **state) \
	{ \
		all_seeds(fuzz_##name); \
	}

TARGET(aa)
TARGET(card)
TARGET(card_security)
TARGET(cvc)
TARGET(defect)
TARGET(exchange)
TARGET(ccid)
TARGET(import)
TARGET(index)
TARGET(ldif)
TARGET(files)
TARGET(items)
TARGET(lds)
TARGET(masterlist)
TARGET(mrz)
TARGET(pin)
TARGET(picture)
TARGET(security_info)
TARGET(sim)
TARGET(sm)
TARGET(sod)
TARGET(tlv)
TARGET(trust)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aa_takes_anything),
		cmocka_unit_test(card_takes_anything),
		cmocka_unit_test(card_security_takes_anything),
		cmocka_unit_test(cvc_takes_anything),
		cmocka_unit_test(defect_takes_anything),
		cmocka_unit_test(exchange_takes_anything),
		cmocka_unit_test(ccid_takes_anything),
		cmocka_unit_test(import_takes_anything),
		cmocka_unit_test(index_takes_anything),
		cmocka_unit_test(ldif_takes_anything),
		cmocka_unit_test(files_takes_anything),
		cmocka_unit_test(items_takes_anything),
		cmocka_unit_test(lds_takes_anything),
		cmocka_unit_test(masterlist_takes_anything),
		cmocka_unit_test(mrz_takes_anything),
		cmocka_unit_test(pin_takes_anything),
		cmocka_unit_test(picture_takes_anything),
		cmocka_unit_test(security_info_takes_anything),
		cmocka_unit_test(sim_takes_anything),
		cmocka_unit_test(sm_takes_anything),
		cmocka_unit_test(sod_takes_anything),
		cmocka_unit_test(tlv_takes_anything),
		cmocka_unit_test(trust_takes_anything),
	};

	return cmocka_run_group_tests(tests, simterm_setup, simterm_teardown);
}
