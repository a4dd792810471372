// SPDX-License-Identifier: BSD-2-Clause
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <openssl/crypto.h>
#include "eid/kdf.h"
#include "eid/mrz.h"
#include "eid/secret.h"

#define CAN_DIGITS	6
#define ID_DIGITS	12
#define PUK_DIGITS	10

static int refuse(struct cr_secret *out, const char **why, const char *msgid)
{
	OPENSSL_cleanse(out, sizeof(*out));
	if (why)
		*why = msgid;
	return CR_E_INVALID;
}

static bool digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

int cr_secret_from_can(struct cr_secret *out, const char *can, const char **why)
{
	memset(out, 0, sizeof(*out));
	if (!can || strlen(can) != CAN_DIGITS || !digits(can, CAN_DIGITS))
		return refuse(out, why, "The card access number (CAN) has exactly six digits.");
	out->type = CR_SECRET_CAN;
	memcpy(out->can, can, CAN_DIGITS);
	return 0;
}

int cr_secret_from_pin(struct cr_secret *out, const char *pin, const char *can, const char **why)
{
	size_t n = pin ? strlen(pin) : 0;

	memset(out, 0, sizeof(*out));
	if ((n != 5 && n != 6) || !digits(pin, n))
		return refuse(out, why, "The PIN has six digits, or five before its first use.");
	if (can && cr_secret_from_can(out, can, why))
		return CR_E_INVALID;
	out->type = CR_SECRET_PIN;
	memcpy(out->pin, pin, n);
	return 0;
}

int cr_secret_from_puk(struct cr_secret *out, const char *puk, const char **why)
{
	memset(out, 0, sizeof(*out));
	if (!puk || strlen(puk) != PUK_DIGITS || !digits(puk, PUK_DIGITS))
		return refuse(out, why, "The PUK has exactly ten digits.");
	out->type = CR_SECRET_PUK;
	memcpy(out->pin, puk, PUK_DIGITS);
	return 0;
}

/*
 * Circular 07/2016/TT-BCA: province or country of birth (3), century and sex (1), year (2), serial
 * (6). That the CAN is the last six digits is what published readers for these cards document.
 */
int cr_secret_from_id_number(struct cr_secret *out, const char *id_number, const char **why)
{
	memset(out, 0, sizeof(*out));
	if (!id_number || strlen(id_number) != ID_DIGITS || !digits(id_number, ID_DIGITS))
		return refuse(out, why, "The identity number has exactly twelve digits.");
	if (!memcmp(id_number, "000", 3))
		return refuse(out, why,
			      "No identity number begins with 000: check what was typed.");
	if (id_number[3] > '3')
		return refuse(
			out, why,
			"The fourth digit of an identity number is 0 to 3: check what was typed.");
	return cr_secret_from_can(out, id_number + ID_DIGITS - CAN_DIGITS, why);
}

static bool mrz_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '<';
}

/* Upper case, outer white space and fillers off. */
static int document_number(char out[32], const char *s)
{
	size_t n;

	while (*s && isspace((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n && (isspace((unsigned char)s[n - 1]) || s[n - 1] == '<'))
		n--;
	if (!n || n > CR_DOCUMENT_NUMBER_MAX)
		return CR_E_INVALID;
	for (size_t i = 0; i < n; i++) {
		out[i] = (char)toupper((unsigned char)s[i]);
		if (!mrz_char(out[i]))
			return CR_E_INVALID;
	}
	out[n] = 0;
	return 0;
}

/*
 * YYMMDD. A part that is not known is "<<" (ICAO 9303-3, 4.8), and with several states month or day
 * is "00", which only a date of birth may have; a document without an end of validity has fillers
 * alone (mrz.c).
 */
static bool plausible_date(const char *s, bool birth)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int part[3];

	if (!birth && !strcmp(s, "<<<<<<"))
		return true;
	for (int i = 0; i < 3; i++) {
		const char *p = s + 2 * i;

		if (birth && p[0] == '<' && p[1] == '<')
			part[i] = -1;
		else if (digits(p, 2))
			part[i] = (p[0] - '0') * 10 + p[1] - '0';
		else
			return false;
	}
	if (!birth && (part[1] == 0 || part[2] == 0))
		return false;
	if (part[1] > 12)
		return false;
	return part[2] <= (part[1] < 1 ? 31 : days[part[1] - 1]);
}

static int date(char out[8], const char *s, bool birth)
{
	size_t n = s ? strlen(s) : 0;

	if (n == 10 && s[4] == '-' && s[7] == '-' && digits(s, 4))
		snprintf(out, 8, "%.2s%.2s%.2s", s + 2, s + 5, s + 8);
	else if (n == 6)
		memcpy(out, s, 7);
	else
		return CR_E_INVALID;
	return plausible_date(out, birth) ? 0 : CR_E_INVALID;
}

int cr_secret_from_fields(struct cr_secret *out, const char *number, const char *birth,
			  const char *expiry, const char **why)
{
	memset(out, 0, sizeof(*out));
	if (!number || document_number(out->document_number, number))
		return refuse(out, why, "The document number has 1 to 22 letters and digits.");
	if (date(out->date_of_birth, birth, true))
		return refuse(out, why, "The date of birth is written YYMMDD or YYYY-MM-DD.");
	if (date(out->date_of_expiry, expiry, false))
		return refuse(out, why, "The date of expiry is written YYMMDD or YYYY-MM-DD.");
	out->type = CR_SECRET_MRZ;
	return 0;
}

/* It was found right: at most 90 characters without the white space. */
static void copy_zone(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++) {
		if (!strchr(" \t\r\n", *text))
			out[n++] = *text;
	}
	out[n] = '\0';
}

int cr_secret_from_mrz(struct cr_secret *out, const char *text, const char **why)
{
	const char *reason = "This is not a machine readable zone.";
	struct cr_mrz mrz;
	int err;

	memset(out, 0, sizeof(*out));
	memset(&mrz, 0, sizeof(mrz));
	if (!text || cr_mrz_parse(text, strlen(text), &mrz, &reason))
		err = refuse(out, why, reason);
	else
		err = cr_secret_from_fields(out, mrz.document_number, mrz.date_of_birth,
					    *mrz.date_of_expiry ? mrz.date_of_expiry : "<<<<<<",
					    why);
	if (!err)
		copy_zone(out->mrz, sizeof(out->mrz), text);
	OPENSSL_cleanse(&mrz, sizeof(mrz));
	return err;
}

/* Appends a field, filled up to width, and its check digit. */
static char *put_field(char *p, const char *field, size_t width)
{
	size_t n = strlen(field), len = n < width ? width : n;

	memcpy(p, field, n);
	memset(p + n, '<', len - n);
	p[len] = cr_mrz_check_digit(p, len);
	return p + len + 1;
}

int cr_secret_mrz_info(const struct cr_secret *secret, char out[CR_MRZ_INFO_MAX + 1])
{
	char *p = out;

	if (secret->type != CR_SECRET_MRZ ||
	    strlen(secret->document_number) > CR_DOCUMENT_NUMBER_MAX ||
	    strlen(secret->date_of_birth) != 6 || strlen(secret->date_of_expiry) != 6)
		return CR_E_INVALID;
	p = put_field(p, secret->document_number, 9);
	p = put_field(p, secret->date_of_birth, 6);
	p = put_field(p, secret->date_of_expiry, 6);
	*p = 0;
	return strlen(out) == (size_t)(p - out) ? 0 : CR_E_INVALID;
}

static int mrz_digest(const struct cr_secret *secret, uint8_t md[20])
{
	char info[CR_MRZ_INFO_MAX + 1];
	int err = cr_secret_mrz_info(secret, info);

	if (!err)
		err = cr_sha1((const uint8_t *)info, strlen(info), md);
	OPENSSL_cleanse(info, sizeof(info));
	return err;
}

int cr_secret_pace(const struct cr_secret *secret, uint8_t out[CR_PACE_SECRET_MAX], size_t *len)
{
	const char *typed = secret->type == CR_SECRET_CAN ? secret->can : secret->pin;

	if (secret->type == CR_SECRET_MRZ) {
		*len = 20;
		return mrz_digest(secret, out);
	}
	*len = secret->type == CR_SECRET_NONE ? 0 : strnlen(typed, sizeof(secret->can));
	if (!*len || *len >= sizeof(secret->can))
		return CR_E_INVALID;
	memcpy(out, typed, *len);
	return 0;
}

int cr_secret_bac_seed(const struct cr_secret *secret, uint8_t out[16])
{
	uint8_t md[20];
	int err = mrz_digest(secret, md);

	if (!err)
		memcpy(out, md, 16);
	OPENSSL_cleanse(md, sizeof(md));
	return err;
}
