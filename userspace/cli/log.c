// SPDX-License-Identifier: BSD-2-Clause
/* --log: the guideline's log of one inspection, in a file of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "cli.h"

static void why_not(const struct cli *c, struct cli_fault *fault)
{
	if (errno == EEXIST)
		cli_fault(fault, "exists", _("%s is there already: a log is not written over."), c->log);
	else
		cli_fault(fault, "io", _("%s cannot be written: %s"), c->log, strerror(errno));
}

int cli_log_prepare(const struct cli *c)
{
	struct cli_fault fault = { 0 };
	struct stat st;

	if (!c->log)
		return 0;
	if (!lstat(c->log, &st)) {	/* a link to nowhere is there, too */
		errno = EEXIST;
		why_not(c, &fault);
	} else if (cli_write_check(c->log)) {
		why_not(c, &fault);
	}
	return cli_fault_end(c, &fault);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void cli_log_write(const struct cli *c, const struct cr_inspection *in, const char *reader, struct cli_fault *fault)
{
	struct cr_log_about about = { .end_ms = now_ms(), .version = CLI_VERSION, .reader = reader };
	char *xml;
	size_t len;
	int err;

	if (!c->log || !in)
		return;
	about.start_ms = about.end_ms - in->ms;
	err = cr_inspection_log(in, &about, &xml, &len);
	if (err) {
		cli_fault_err(fault, err);
		return;
	}
	if (cli_write_new_file(c->log, (const uint8_t *)xml, len))
		why_not(c, fault);
	free(xml);
}
