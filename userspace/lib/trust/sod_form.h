/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of EF.SOD's SignedData, ICAO 9303-10, 4.6.2.2. No I/O. */
#ifndef CR_TRUST_SOD_FORM_H
#define CR_TRUST_SOD_FORM_H

#include <stddef.h>
#include <stdint.h>

/*
 * What is against the profile in a ContentInfo that parses (what is in its signature and its content apart): a constant
 * text; NULL: nothing. It makes no signature wrong.
 */
const char *cr_sod_form(const uint8_t *cms, size_t len);

#endif
