/* SPDX-License-Identifier: BSD-2-Clause */
/* Inspection systems for the sample cards: an authority, its document verifier, and a terminal with its key. */
#include "issue.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cardring/error.h>

#define DAY	86400L

void sim_day(char out[7], long from_now)
{
	time_t t = time(NULL) + from_now * DAY;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 7, "%y%m%d", &tm);
}

int sim_holder_new(const struct sim_holder_spec *spec, struct sim_holder *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", spec->name);
	out->kind = strncmp(spec->key, "RSA", 3) ? 2 : 1;
	out->scheme = spec->scheme;
	out->chat = spec->chat;
	if (out->kind == 2)
		snprintf(out->group, sizeof(out->group), "%s", spec->key);
	sim_day(out->from, spec->from);
	sim_day(out->to, spec->to);
	out->key = sim_key_new(spec->key, false);
	return out->key ? 0 : CR_E_CRYPTO;
}

/* TR-03110-3, A.6.2.2: the name, and zeroes up to 36 bytes. */
void sim_write_cvca(const char *name, struct sim_buf *out)
{
	sim_ber_str(out, 0x42, name);
	while (!out->failed && out->len < 36)
		sim_buf_byte(out, 0);
}
