/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of the library, by name (eid/rule.h): which there are, which said no, and which are taken away. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "conformity.h"
#include "eid/rule.h"

extern const char *const __start_cr_rules[], *const __stop_cr_rules[];

static char off[256];
static int log_fd = -1;

static bool listed(const char *names, const char *name, size_t len)
{
	for (const char *p = names; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == len && !memcmp(p, name, n))
			return true;
		p += n;
	}
	return false;
}

void conf_rules_off(const char *names, const char *log)
{
	snprintf(off, sizeof(off), "%s", names);
	log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

bool cr_rule_is_off(const char *name)
{
	return listed(off, name, strlen(name));
}

bool cr_rule_off(const char *name)
{
	dprintf(log_fd, "%s\n", name);
	return cr_rule_is_off(name);
}

bool conf_rule_exists(const char *name, size_t len)
{
	for (const char *const *p = __start_cr_rules; p < __stop_cr_rules; p++)
		if (strlen(*p) == len && !memcmp(*p, name, len))
			return true;
	return false;
}

void conf_rules_print(void)
{
	for (const char *const *p = __start_cr_rules; p < __stop_cr_rules; p++)
		puts(*p);
}
