// SPDX-License-Identifier: BSD-2-Clause
/*
 * A master list, and its content alone as if its signature were right: nobody signs what a fuzzer
 * changes, and what follows the signature is to be tried too.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "trust/masterlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cr_master_list list;
	char why[160];

	if (!cr_master_list_verify(data, size, NULL, 1790000000, &list, why))
		__builtin_trap();
	cr_master_list_clear(&list);
	cr_master_list_parse(data, size, &list, why);
	if (list.certs && sk_X509_num(list.certs) > CR_MASTER_LIST_MAX)
		__builtin_trap();
	cr_master_list_clear(&list);
	return 0;
}
