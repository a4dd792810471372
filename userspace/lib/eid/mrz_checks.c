/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include "trust/country.h"
#include "mrz_checks.h"
#include "mrz_int.h"

static enum cr_result that(bool well)
{
	return well ? CR_SUCCESSFUL : CR_FAILED;
}

static bool is_listed(const char *code)
{
	char three[4] = "";
	size_t n = strcspn(code, "<");

	memcpy(three, code, n < 3 ? n : 3);
	return cr_country_is_listed(three);
}

static void check_digits(const char *zone, const struct cr_mrz_layout *l, bool legal, enum cr_result *out)
{
	struct cr_mrz number;
	unsigned int taken;

	out[CR_MRZ_DIGIT_COMPOSITE] = that(legal && cr_mrz_composite_matches(zone, l));
	out[CR_MRZ_DIGIT_DATE_OF_EXPIRY] = that(cr_mrz_digit_matches(zone, l->expiry, l->expiry.at + l->expiry.len));
	out[CR_MRZ_DIGIT_DATE_OF_BIRTH] = that(cr_mrz_digit_matches(zone, l->birth, l->birth.at + l->birth.len));
	/* only passports have one */
	out[CR_MRZ_DIGIT_OPTIONAL_DATA] = !l->optional1_checked ? CR_NOT_SUPPORTED :
					  that(cr_mrz_optional_matches(zone, l));
	/* its reader knows where a long one goes on; an empty one may have its digit right */
	memset(&number, 0, sizeof(number));
	out[CR_MRZ_DOCUMENT_NUMBER] = that(!cr_mrz_all_fillers(zone + l->number.at, l->number.len));
	out[CR_MRZ_DIGIT_DOCUMENT_NUMBER] = out[CR_MRZ_DOCUMENT_NUMBER] == CR_SUCCESSFUL ?
		that(!cr_mrz_read_number(zone, l, &number, &taken)) :
		that(cr_mrz_digit_matches(zone, l->number, l->number.at + l->number.len));
	explicit_bzero(&number, sizeof(number));
}

static void check_fields(const char *zone, const struct cr_mrz_layout *l, enum cr_result *out)
{
	const char *issuer = zone + l->state.at, *nationality = zone + l->nationality.at;
	char sex = zone[l->sex.at];
	struct cr_mrz names;

	out[CR_MRZ_DOCUMENT_TYPE] = that(cr_mrz_is_code(zone, l));
	out[CR_MRZ_ISSUER] = that(cr_mrz_is_country(issuer));
	out[CR_MRZ_NATIONALITY] = that(cr_mrz_is_country(nationality));
	out[CR_MRZ_ISSUER_LISTED] = that(is_listed(issuer));
	out[CR_MRZ_NATIONALITY_LISTED] = that(is_listed(nationality));
	/* states give documents to foreigners, too: which to whom is known to nobody here */
	out[CR_MRZ_ISSUER_NATIONALITY] = memcmp(issuer, nationality, 3) ? CR_NOT_SUPPORTED : CR_SUCCESSFUL;
	out[CR_MRZ_DATE_OF_BIRTH] = that(cr_mrz_is_date(zone + l->birth.at, true));
	/* cards without an end have none */
	out[CR_MRZ_DATE_OF_EXPIRY] = cr_mrz_all_fillers(zone + l->expiry.at, l->expiry.len) ? CR_NOT_SUPPORTED :
				     that(cr_mrz_is_date(zone + l->expiry.at, false));
	out[CR_MRZ_SEX] = that(sex == 'M' || sex == 'F' || sex == '<');
	memset(&names, 0, sizeof(names));
	out[CR_MRZ_SURNAME] = that(cr_mrz_read_names(zone + l->names.at, l->names.len, &names));
	/* ICAO 9303-3, 4.6.1: not everybody has one */
	out[CR_MRZ_GIVEN_NAME] = out[CR_MRZ_SURNAME] == CR_SUCCESSFUL && !names.secondary[0] ? CR_NOT_SUPPORTED :
				 out[CR_MRZ_SURNAME];
	explicit_bzero(&names, sizeof(names));
}

/* A copy, in which what no zone has is a question mark: of no field, and of no check digit. */
static bool copy_zone(char *out, const char *zone, size_t len)
{
	bool legal = true;

	for (size_t i = 0; i < len; i++) {
		out[i] = cr_mrz_check_digit(zone + i, 1) ? zone[i] : '?';
		legal &= out[i] == zone[i] && out[i] != '?';
	}
	out[len] = '\0';
	return legal;
}

size_t cr_mrz_check(const char *zone, size_t len, enum cr_result out[CR_MRZ_CHECKS])
{
	char copy[CR_MRZ_MAX + 1];

	for (size_t i = 0; i < CR_MRZ_FORMATS; i++) {
		const struct cr_mrz_layout *l = &cr_mrz_layouts[i];

		if (len != (size_t)l->line * l->lines)
			continue;
		out[CR_MRZ_LENGTH] = CR_SUCCESSFUL;
		check_digits(copy, l, copy_zone(copy, zone, len), out);
		check_fields(copy, l, out);
		explicit_bzero(copy, sizeof(copy));
		return CR_MRZ_CHECKS;
	}
	out[CR_MRZ_LENGTH] = CR_FAILED;
	return 1;
}

/* 5.10.4: what one of them fills up, it does not say. */
static bool dates_differ(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		if (*a != *b && *a != '<' && *b != '<')
			return true;
	}
	return *a != *b;
}

static const char *difference(const struct cr_mrz *a, const struct cr_mrz *b)
{
	if (strcmp(a->format, b->format) != 0 || strcmp(a->code, b->code) != 0)
		return "the document code";
	if (strcmp(a->issuing_state, b->issuing_state) != 0)
		return "the issuing state";
	if (strcmp(a->document_number, b->document_number) != 0)
		return "the document number";
	if (strcmp(a->primary, b->primary) != 0 || strcmp(a->secondary, b->secondary) != 0)
		return "the name";
	if (strcmp(a->nationality, b->nationality) != 0)
		return "the nationality";
	if (dates_differ(a->date_of_birth, b->date_of_birth))
		return "the date of birth";
	if (strcmp(a->date_of_expiry, b->date_of_expiry) != 0)
		return "the date of expiry";
	return a->sex != b->sex ? "the sex" : NULL;
}

enum cr_result cr_mrz_compare(const char *printed, const char *chip, const char **what)
{
	enum cr_result r = CR_ABORTED;
	struct cr_mrz a, b;

	*what = NULL;
	if (!cr_mrz_parse(printed, strlen(printed), &a, NULL) && !cr_mrz_parse(chip, strlen(chip), &b, NULL)) {
		*what = difference(&a, &b);
		r = *what ? CR_FAILED : CR_SUCCESSFUL;
		if (!*what && (strcmp(a.optional1, b.optional1) != 0 || strcmp(a.optional2, b.optional2) != 0)) {
			*what = "the optional data";
			r = CR_UNDETERMINED;
		}
		explicit_bzero(&b, sizeof(b));
	}
	explicit_bzero(&a, sizeof(a));
	return r;
}
