/* SPDX-License-Identifier: BSD-2-Clause */
/* Units LDS_D to LDS_K: fingers and irises, EF.CVCA, and what is beside the application. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cardring/error.h>
#include "conformity.h"

static bool image_kind(const char *name, size_t n, enum sim_image *out)
{
	static const char *const names[] = { [SIM_RAW] = "raw", [SIM_WSQ] = "wsq", [SIM_JP2] = "jp2" };

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) != n || memcmp(names[i], name, n))
			continue;
		*out = (enum sim_image)i;
		return true;
	}
	return false;
}

static int fingers(struct conf_card *c, const char *arg)
{
	size_t n = strcspn(arg, "/");
	enum sim_image kind;

	if (arg[n] != '/' || !image_kind(arg, n, &kind))
		return CR_E_MALFORMED;
	sim_buf_free(&c->draft->dg[3]);
	sim_write_fingers((unsigned int)atoi(arg + n + 1), kind, &c->draft->dg[3]);
	return 0;
}
CONF_GENERATOR(fingers, "KIND/N: DG3 has N fingers (1 to 4) as raw, wsq or jp2", .groups = fingers);

static int eyes(struct conf_card *c, const char *arg)
{
	enum sim_image kind;

	if (!image_kind(arg, strlen(arg), &kind))
		return CR_E_MALFORMED;
	sim_buf_free(&c->draft->dg[4]);
	sim_write_eyes(kind, &c->draft->dg[4]);
	return 0;
}
CONF_GENERATOR(eyes, "KIND: DG4 has two irises as raw or jp2", .groups = eyes);

static int no_trust_point(struct conf_card *c, const char *arg)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/cards/card/cvca.cv", c->dir);
	return unlink(path) ? CR_E_IO : 0;
}
CONF_GENERATOR(no_trust_point, "the chip knows no authority of terminals", .folder = no_trust_point);

/* PACEDomainParameterInfo, in EF.CardAccess and wherever else PACE's parameters stand. */
static int pace_own(struct conf_card *c, const char *arg)
{
	const char *name = strchr(arg, ':');
	unsigned long n = name ? strtoul(arg, NULL, 10) : 0;

	if (n > c->recipe.n_pace || !c->recipe.n_pace)
		return CR_E_NOT_FOUND;
	for (unsigned int i = 0; i < c->recipe.n_pace; i++)
		if (!n || i + 1 == n)
			c->recipe.pace[i].own = name ? name + 1 : arg;
	return 0;
}
CONF_GENERATOR(pace_own, "NAME, N:NAME: PACE's domain parameters (the Nth alone) are the issuer's own, of this group", .recipe = pace_own);
