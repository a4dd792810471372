/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit LDS_B: the machine readable zone, of the whole document or of DG1 alone. The configurations' is a TD3 (ICAO 9303-4, 4.2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "conformity.h"

#define ZONE	88

/* Where a check digit is, and what it is of. */
static const struct { unsigned int at, from, len; } digits[] = {
	{ 53, 44, 9 }, { 63, 57, 6 }, { 71, 65, 6 }, { 86, 72, 14 },
};

/* ICAO 9303-4, 4.2.2.2; where there are no optional data, their check digit is left as it is: 0 or a filler. */
static void set_digits(char *zone)
{
	static const struct { unsigned int from, len; } parts[] = { { 44, 10 }, { 57, 7 }, { 65, 22 } };
	char all[ZONE];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++)
		if (digits[i].at != 86 || strncmp(zone + 72, "<<<<<<<<<<<<<<", 14) != 0)
			zone[digits[i].at] = sim_check_digit(zone + digits[i].from, digits[i].len);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		memcpy(all + n, zone + parts[i].from, parts[i].len);
		n += parts[i].len;
	}
	zone[87] = sim_check_digit(all, n);
}

/* "AT=TEXT": the text begins at AT (0). */
static int overwrite(char *zone, const char *arg)
{
	char *text;
	unsigned long at = strtoul(arg, &text, 10);

	if (*text != '=' || at + strlen(text + 1) > ZONE)
		return CR_E_MALFORMED;
	memcpy(zone + at, text + 1, strlen(text + 1));
	return 0;
}

static int mrz(struct conf_card *c, const char *arg)
{
	int err = strlen(c->mrz) == ZONE ? overwrite(c->mrz, arg) : CR_E_NOT_FOUND;

	if (!err)
		set_digits(c->mrz);
	return err;
}
CONF_GENERATOR(mrz, "AT=TEXT: this stands in the zone from AT (0) on, in DG1 and printed; check digits are right", .recipe = mrz);

/* The zone in DG1: 61 LL 5F1F LL. */
static int in_dg1(struct conf_card *c, const char *arg, bool right)
{
	struct sim_buf *b = &c->draft->dg[1];
	char *zone = (char *)b->p + 5;
	int err;

	if (b->len != 5 + ZONE)
		return CR_E_NOT_FOUND;
	err = overwrite(zone, arg);
	if (!err && right)
		set_digits(zone);
	return err;
}

static int dg1(struct conf_card *c, const char *arg)
{
	return in_dg1(c, arg, true);
}
CONF_GENERATOR(dg1, "AT=TEXT: this stands in DG1's zone from AT (0) on, and is not printed so; check digits are right", .groups = dg1);

static int dg1_as_is(struct conf_card *c, const char *arg)
{
	return in_dg1(c, arg, false);
}
CONF_GENERATOR(dg1_as_is, "AT=TEXT: the same, check digits left as they are", .groups = dg1_as_is);
