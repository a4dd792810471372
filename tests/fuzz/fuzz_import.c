// SPDX-License-Identifier: BSD-2-Clause
/*
 * A file for "cardring trust import": certificates, lists, master lists, LDIF. No root is named, so
 * no master list may be taken, and nobody vouches for an authority but whose file it is.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "trust/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_index none = { 0 };
	struct cr_import im;
	cr_trust_t *store;

	if (cr_trust_new(&store))
		__builtin_trap();
	cr_import_init(&im, NULL, 1790000000);
	if (!cr_import_file(&im, "fuzz", data, size) && cr_import_finish(&im, &none, store))
		__builtin_trap();
	if (im.lists || im.n_add > im.n_found || im.n_drop || im.known)
		__builtin_trap();
	cr_import_clear(&im);
	cr_trust_free(store);
	return 0;
}
