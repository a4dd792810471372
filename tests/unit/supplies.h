/* SPDX-License-Identifier: BSD-2-Clause */
/* A made-up /sys/class/power_supply. After <cmocka.h>. */
#ifndef TEST_SUPPLIES_H
#define TEST_SUPPLIES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char supplies[64];

static void supplies_remove(void)
{
	char cmd[96];

	if (!supplies[0])
		return;
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", supplies);
	assert_int_equal(system(cmd), 0);
	supplies[0] = 0;
}

/* An empty one, instead of what there was. */
static void supplies_make(void)
{
	supplies_remove();
	strcpy(supplies, "/tmp/cardring-supplies-XXXXXX");
	assert_non_null(mkdtemp(supplies));
}

/* One attribute of one supply, which is made if it is not there. */
static void supply(const char *name, const char *attribute, const char *text)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", supplies, name);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/%s", supplies, name, attribute);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "%s\n", text);
	fclose(f);
}

/* A laptop. */
static void supplies_laptop(const char *online, const char *status)
{
	supplies_make();
	supply("AC", "type", "Mains");
	supply("AC", "online", online);
	supply("BAT0", "type", "Battery");
	supply("BAT0", "present", "1");
	supply("BAT0", "status", status);
}

#endif
