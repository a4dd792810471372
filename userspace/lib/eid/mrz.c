/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine readable zone.
 *
 * The three formats hold the same fields in different places: one table says where (ICAO 9303-4,
 * -5, -6, each in 4.2.2), one function reads them all. A zone is taken whole or not at all: every
 * character is of the MRZ's alphabet, every field of its own, every check digit right.
 */
#include <stdbool.h>
#include <string.h>
#include <cardring/error.h>
#include "mrz_int.h"
#include "rule.h"

const struct cr_mrz_layout cr_mrz_layouts[CR_MRZ_FORMATS] = {
	{	/* ICAO 9303-5, 4.2.2 */
		.name = "TD1", .line = 30, .lines = 3,
		.code = { 0, 2 }, .state = { 2, 3 }, .number = { 5, 9 }, .optional1 = { 15, 15 },
		.birth = { 30, 6 }, .sex = { 37, 1 }, .expiry = { 38, 6 }, .nationality = { 45, 3 },
		.optional2 = { 48, 11 }, .names = { 60, 30 },
		.composite = { { 5, 25 }, { 30, 7 }, { 38, 7 }, { 48, 11 } },
	},
	{	/* ICAO 9303-6, 4.2.2 */
		.name = "TD2", .line = 36, .lines = 2,
		.code = { 0, 2 }, .state = { 2, 3 }, .names = { 5, 31 },
		.number = { 36, 9 }, .nationality = { 46, 3 }, .birth = { 49, 6 }, .sex = { 56, 1 },
		.expiry = { 57, 6 }, .optional1 = { 64, 7 },
		.composite = { { 36, 10 }, { 49, 7 }, { 57, 14 } },
	},
	{	/* ICAO 9303-4, 4.2.2 */
		.name = "TD3", .line = 44, .lines = 2,
		.code = { 0, 2 }, .state = { 2, 3 }, .names = { 5, 39 },
		.number = { 44, 9 }, .nationality = { 54, 3 }, .birth = { 57, 6 }, .sex = { 64, 1 },
		.expiry = { 65, 6 }, .optional1 = { 72, 14 }, .optional1_checked = true,
		.composite = { { 44, 10 }, { 57, 7 }, { 65, 22 } },
	},
};

/* ICAO 9303-3, 4.9: 0 to 9 are themselves, A to Z are 10 to 35, the filler is 0. */
static int value_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return c == '<' ? 0 : -1;
}

/* The sum of one more stretch; *n counts characters so that stretches continue each other. */
static int add_weighted(const char *s, size_t len, unsigned int *n, unsigned int *sum)
{
	static const unsigned char weight[3] = { 7, 3, 1 };
	size_t i;

	for (i = 0; i < len; i++) {
		int v = value_of(s[i]);

		if (v < 0)
			return -1;
		*sum = (*sum + (unsigned int)v * weight[*n]) % 10;
		*n = (*n + 1) % 3;
	}
	return 0;
}

char cr_mrz_check_digit(const char *s, size_t len)
{
	unsigned int n = 0, sum = 0;

	if (add_weighted(s, len, &n, &sum) < 0)
		return 0;
	return (char)('0' + sum);
}

bool cr_mrz_digit_matches(const char *zone, struct cr_mrz_span f, unsigned char at)
{
	return zone[at] == cr_mrz_check_digit(zone + f.at, f.len);
}

bool cr_mrz_composite_matches(const char *zone, const struct cr_mrz_layout *l)
{
	unsigned int n = 0, sum = 0, i;

	for (i = 0; i < sizeof(l->composite) / sizeof(l->composite[0]); i++)
		add_weighted(zone + l->composite[i].at, l->composite[i].len, &n, &sum);
	/* The last character of the second line in each format. */
	return zone[2 * l->line - 1] == (char)('0' + sum);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return c >= 'A' && c <= 'Z';
}

bool cr_mrz_all_fillers(const char *s, size_t len)
{
	while (len && s[len - 1] == '<')
		len--;
	return !len;
}

/* Copies without trailing fillers. */
static size_t copy_trimmed(char *out, const char *s, size_t len)
{
	while (len && s[len - 1] == '<')
		len--;
	memcpy(out, s, len);
	out[len] = '\0';
	return len;
}

/* ICAO 9303-3, 5: letters, filled up at the end ("D<<"). */
bool cr_mrz_is_country(const char *s)
{
	if (!is_letter(s[0]))
		return false;
	if (s[1] == '<')
		return s[2] == '<';
	return is_letter(s[1]) && (is_letter(s[2]) || s[2] == '<');
}

/*
 * ICAO 9303-3, 4.8: YYMMDD; a part that is not known is filled up. "00" for an unknown month or
 * day is no rule of the standard but is what several states print, and nobody is born in month 0.
 */
bool cr_mrz_is_date(const char *s, bool may_be_partial)
{
	unsigned int part[3], i;

	for (i = 0; i < 3; i++) {
		const char *p = s + 2 * i;

		if (is_digit(p[0]) && is_digit(p[1]))
			part[i] = (unsigned int)(p[0] - '0') * 10 + (unsigned int)(p[1] - '0');
		else if (may_be_partial && p[0] == '<' && p[1] == '<')
			part[i] = 0;
		else
			return false;
	}
	if (part[1] > 12 || part[2] > 31)
		return false;
	if (may_be_partial && (!part[1] || !part[2]))
		return true;
	if (!part[1] || !part[2])
		return false;
	if (part[1] == 2)	/* The century is not known here: 00 may be a leap year. */
		return part[2] <= (part[0] % 4 ? 28u : 29u);
	if (part[1] == 4 || part[1] == 6 || part[1] == 9 || part[1] == 11)
		return part[2] <= 30;
	return true;
}

/* ICAO 9303-3, 4.6: primary<<secondary, each of its parts separated by one filler. */
bool cr_mrz_read_names(const char *s, size_t len, struct cr_mrz *out)
{
	char *to = out->primary;
	size_t i, n = 0;

	out->names_cut = s[len - 1] != '<';
	while (len && s[len - 1] == '<')
		len--;
	if (!len || s[0] == '<')
		return false;
	for (i = 0; i < len; i++) {
		if (s[i] != '<' && !is_letter(s[i]))
			return false;
		if (s[i] == '<' && s[i + 1] == '<' && to == out->primary) {
			to[n] = '\0';
			to = out->secondary;
			n = 0;
			i++;
			continue;
		}
		/* Further double fillers are not of the standard; they separate like one. */
		if (s[i] == '<' && (!n || to[n - 1] == ' '))
			continue;
		to[n++] = s[i] == '<' ? ' ' : s[i];
	}
	to[n] = '\0';
	return true;
}

/*
 * The document number and its check digit. Where the number is longer than nine characters, a
 * filler stands in the check digit's place and the rest of the number, its check digit and a filler
 * begin the optional data (ICAO 9303-5, 4.2.2.1 note j; 9303-6 likewise). TD3 has no such rule.
 */
const char *cr_mrz_read_number(const char *zone, const struct cr_mrz_layout *l, struct cr_mrz *out,
			       unsigned int *taken)
{
	const char *opt = zone + l->optional1.at;
	unsigned char check = l->number.at + l->number.len;
	size_t n;

	*taken = 0;
	if (zone[check] != '<') {
		if (!CR_RULE(mrz_number_digit, cr_mrz_digit_matches(zone, l->number, check)))
			return "The check digit of the document number is wrong";
		copy_trimmed(out->document_number, zone + l->number.at, l->number.len);
		if (!out->document_number[0])
			return "The document number is missing";
		return NULL;
	}
	if (l->optional1_checked || opt[0] == '<')
		return "The check digit of the document number is missing";
	n = 0;
	while (n < l->optional1.len && opt[n] != '<')
		n++;
	if (n < 2)	/* at least one character of the number, then its check digit */
		return "The check digit of the document number is missing";
	memcpy(out->document_number, zone + l->number.at, l->number.len);
	memcpy(out->document_number + l->number.len, opt, n - 1);
	out->document_number[l->number.len + n - 1] = '\0';
	if (memchr(out->document_number, '<', l->number.len))
		return "The document number has a filler inside";
	if (cr_mrz_check_digit(out->document_number, l->number.len + n - 1) != opt[n - 1])
		return "The check digit of the document number is wrong";
	*taken = (unsigned int)n;
	return NULL;
}

/* ICAO 9303-4, -5, -6: P for passports; A, C or I for cards; V is a visa, which has no chip. */
bool cr_mrz_is_code(const char *zone, const struct cr_mrz_layout *l)
{
	char c = zone[l->code.at], second = zone[l->code.at + 1];

	return (c == 'P' || ((c == 'A' || c == 'C' || c == 'I') && l->line != 44)) &&
	       (second == '<' || is_letter(second));
}

bool cr_mrz_optional_matches(const char *zone, const struct cr_mrz_layout *l)
{
	unsigned char at = l->optional1.at + l->optional1.len;

	/* ICAO 9303-4, 4.2.2.2: when the field is empty, 0 or a filler. */
	return (zone[at] == '<' && cr_mrz_all_fillers(zone + l->optional1.at, l->optional1.len)) ||
	       cr_mrz_digit_matches(zone, l->optional1, at);
}

static const char *read_zone(const char *zone, const struct cr_mrz_layout *l, struct cr_mrz *out)
{
	unsigned int taken;
	const char *why;
	char c;

	memcpy(out->format, l->name, sizeof(out->format));
	if (!CR_RULE(mrz_document_code, cr_mrz_is_code(zone, l)))
		return "The document code is not one of a passport or an identity card";
	if (!CR_RULE(mrz_issuing_state, cr_mrz_is_country(zone + l->state.at)))
		return "The code of the issuing state is not a code";
	if (!CR_RULE(mrz_nationality, cr_mrz_is_country(zone + l->nationality.at)))
		return "The code of the nationality is not a code";
	if (!CR_RULE(mrz_birth, cr_mrz_is_date(zone + l->birth.at, true)))
		return "The date of birth is not a date";
	/*
	 * No state may leave it out, but cards without an end of validity exist: filled up, all of
	 * it.
	 */
	if (!CR_RULE(mrz_expiry, cr_mrz_is_date(zone + l->expiry.at, false) ||
		     cr_mrz_all_fillers(zone + l->expiry.at, l->expiry.len)))
		return "The date of expiry is not a date";
	c = zone[l->sex.at];
	if (!CR_RULE(mrz_sex, c == 'M' || c == 'F' || c == '<'))
		return "The sex is none of M, F and the filler";
	why = cr_mrz_read_number(zone, l, out, &taken);
	if (why)
		return why;
	if (!CR_RULE(mrz_birth_digit, cr_mrz_digit_matches(zone, l->birth, l->birth.at + l->birth.len)))
		return "The check digit of the date of birth is wrong";
	if (!CR_RULE(mrz_expiry_digit, cr_mrz_digit_matches(zone, l->expiry, l->expiry.at + l->expiry.len)))
		return "The check digit of the date of expiry is wrong";
	if (!CR_RULE(mrz_optional_digit, !l->optional1_checked || cr_mrz_optional_matches(zone, l)))
		return "The check digit of the optional data is wrong";
	if (!CR_RULE(mrz_composite_digit, cr_mrz_composite_matches(zone, l)))
		return "The composite check digit is wrong";
	if (!CR_RULE(mrz_names, cr_mrz_read_names(zone + l->names.at, l->names.len, out)))
		return "The name is missing or is not letters";

	copy_trimmed(out->code, zone + l->code.at, l->code.len);
	copy_trimmed(out->issuing_state, zone + l->state.at, l->state.len);
	copy_trimmed(out->nationality, zone + l->nationality.at, l->nationality.len);
	memcpy(out->date_of_birth, zone + l->birth.at, 6);
	if (zone[l->expiry.at] != '<')
		memcpy(out->date_of_expiry, zone + l->expiry.at, 6);
	out->sex = zone[l->sex.at];
	while (taken < l->optional1.len && zone[l->optional1.at + taken] == '<')
		taken++;
	copy_trimmed(out->optional1, zone + l->optional1.at + taken, l->optional1.len - taken);
	copy_trimmed(out->optional2, zone + l->optional2.at, l->optional2.len);
	return NULL;
}

int cr_mrz_parse(const char *text, size_t len, struct cr_mrz *out, const char **why)
{
	const char *unused, *bad = NULL;
	char zone[CR_MRZ_MAX + 1];
	size_t i, n = 0;

	if (!why)
		why = &unused;
	memset(out, 0, sizeof(*out));
	for (i = 0; i < len && !bad; i++) {
		if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
			continue;
		if (value_of(text[i]) < 0)
			bad = "A character is none of A to Z, 0 to 9 and <";
		else if (n == sizeof(zone) - 1)
			bad = "The machine readable zone is longer than 90 characters";
		else
			zone[n++] = text[i];
	}
	zone[n] = '\0';
	if (!bad) {
		bad = "The machine readable zone has none of the lengths 90, 72 and 88";
		for (i = 0; i < CR_MRZ_FORMATS; i++) {
			if (n == (size_t)cr_mrz_layouts[i].line * cr_mrz_layouts[i].lines)
				bad = read_zone(zone, &cr_mrz_layouts[i], out);
		}
	}
	explicit_bzero(zone, sizeof(zone));
	if (!bad) {
		*why = NULL;
		return CR_OK;
	}
	explicit_bzero(out, sizeof(*out));
	*why = bad;
	return CR_E_MALFORMED;
}
