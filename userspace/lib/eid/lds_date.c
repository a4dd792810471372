/* SPDX-License-Identifier: BSD-2-Clause */
/* Dates as documents write them, to ISO 8601. No I/O. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lds_text.h"

/* -1: not two digits. */
static int two_digits(const char *s)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return -1;
	return (s[0] - '0') * 10 + s[1] - '0';
}

static int days_of(int year, int month)
{
	static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/* month or day below 1: unknown. A day without its month says nothing. */
static char *iso(int year, int month, int day)
{
	char *s = NULL;
	int n;

	if (month < 1)
		n = asprintf(&s, "%04d", year);
	else if (day < 1)
		n = asprintf(&s, "%04d-%02d", year, month);
	else
		n = asprintf(&s, "%04d-%02d-%02d", year, month, day);
	return n < 0 ? NULL : s;
}

/* ICAO 9303-3, 4.8: the century is not printed; nobody is born in the future. */
char *cr_date_of_birth(const char *yymmdd, time_t now)
{
	int yy = two_digits(yymmdd), mm = -1, dd = -1, year;
	struct tm tm;

	if (yy < 0 || !gmtime_r(&now, &tm))
		return NULL;
	mm = two_digits(yymmdd + 2);
	if (mm > 0)
		dd = two_digits(yymmdd + 4);
	year = (tm.tm_year + 1900) / 100 * 100 + yy;
	if (year > tm.tm_year + 1900 ||
	    (year == tm.tm_year + 1900 &&
	     (mm > tm.tm_mon + 1 || (mm == tm.tm_mon + 1 && dd > tm.tm_mday + 1))))
		year -= 100;
	return iso(year, mm, dd);
}

/*
 * The hundred years that begin fifty years ago, but not before 2004, when there was no document
 * with a chip: 99 is the end of this century, as cards that are valid for life print it, and not
 * 1999.
 */
char *cr_date_of_expiry(const char *yymmdd, time_t now)
{
	int yy = two_digits(yymmdd), first, year;
	struct tm tm;

	if (yy < 0 || !gmtime_r(&now, &tm))
		return NULL;
	first = tm.tm_year + 1900 - 50;
	if (first < 2004)
		first = 2004;
	year = first / 100 * 100 + yy;
	if (year < first)
		year += 100;
	return iso(year, two_digits(yymmdd + 2), two_digits(yymmdd + 4));
}

char *cr_date_of_ymd(const char *digits)
{
	int year, month, day;

	if (strlen(digits) != 8 || strspn(digits, "0123456789") != 8)
		return NULL;
	year = two_digits(digits) * 100 + two_digits(digits + 2);
	month = two_digits(digits + 4);
	day = two_digits(digits + 6);
	if (year < 1800 || month > 12 || (month && day > days_of(year, month)) || day > 31)
		return NULL;
	return iso(year, month, day);
}

char *cr_date_of_dmy(const char *text)
{
	int part[3] = { 0 }, digits[3] = { 0 }, n = 0, day = 0, month = 0, year;

	for (; *text; text++) {
		if (*text >= '0' && *text <= '9') {
			if (++digits[n] > 4)
				return NULL;
			part[n] = part[n] * 10 + *text - '0';
		} else if ((*text == '/' || *text == '-' || *text == '.') && digits[n] && n < 2) {
			n++;
		} else {
			return NULL;
		}
	}
	if (digits[n] != 4)
		return NULL;
	year = part[n];
	if (n >= 1)
		month = part[n - 1];
	if (n == 2)
		day = part[0];
	if (year < 1800 || month > 12 || (month && day > days_of(year, month)) ||
	    (!month && day > 31))
		return NULL;
	return iso(year, month, day);
}
