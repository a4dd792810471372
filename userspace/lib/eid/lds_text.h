/* SPDX-License-Identifier: BSD-2-Clause */
/* Text and dates inside of data groups, made fit to be shown. No I/O. */
#ifndef CR_EID_LDS_TEXT_H
#define CR_EID_LDS_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * The bytes as a string: well-formed UTF-8 (RFC 3629: no overlong form, no surrogate), no control
 * characters (the text goes to terminals; tab and line ends become spaces), outer spaces taken off.
 * 0 and *out (free), also for an empty text; CR_E_MALFORMED, CR_E_NOMEM.
 */
int cr_text_new(const uint8_t *p, size_t len, char **out);

/*
 * Letters without their diacritics, in lower case, as far as Vietnamese and Latin-1 need it,
 * composed or not: "Nữ" is "nu". Other characters become '?'. out always ends in 0 and may be cut
 * short.
 */
void cr_text_fold(const char *text, char *out, size_t size);

/* Sets *to to text (taken over), freeing what was there. Empty text only clears. */
void cr_text_set(char **to, char *text);
/* Wipes and frees. */
void cr_text_free(char *text);

/*
 * YYMMDD to ISO 8601, unknown parts left off ("1990-05", "1990"); NULL if even the year is unknown
 * or no memory.
 */
char *cr_date_of_birth(const char *yymmdd, time_t now);
char *cr_date_of_expiry(const char *yymmdd, time_t now);
/* ccyymmdd, 00 for an unknown part, to ISO 8601; NULL if it is no date. */
char *cr_date_of_ymd(const char *digits);
/* dd/mm/yyyy, mm/yyyy or yyyy, 00 for an unknown part, to ISO 8601; NULL if it is none of them. */
char *cr_date_of_dmy(const char *text);

#endif
