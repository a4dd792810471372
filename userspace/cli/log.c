// SPDX-License-Identifier: BSD-2-Clause
/* --log: the guideline's log of one inspection, in a file of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"

static int failed(const struct cli *c)
{
	if (errno == EEXIST)
		return cli_fail(c, CLI_ERROR, "exists", NULL, _("%s is there already: a log is not written over."), c->log);
	return cli_fail(c, CLI_ERROR, "io", NULL, _("%s cannot be written: %s"), c->log, strerror(errno));
}

int cli_log_prepare(const struct cli *c)
{
	if (!c->log || (access(c->log, F_OK) && errno == ENOENT))
		return 0;
	if (!access(c->log, F_OK))
		errno = EEXIST;
	return failed(c);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int cli_log_write(const struct cli *c, const struct cr_inspection *in, const char *reader)
{
	struct cr_log_about about = { .end_ms = now_ms(), .version = CLI_VERSION, .reader = reader };
	char *xml;
	size_t len;
	int err, rc = 0;

	if (!c->log || !in)
		return 0;
	about.start_ms = about.end_ms - in->ms;
	err = cr_inspection_log(in, &about, &xml, &len);
	if (err)
		return cli_fail_err(c, err, NULL, NULL);
	if (cli_write_new_file(c->log, (const uint8_t *)xml, len))
		rc = failed(c);
	free(xml);
	return rc;
}
