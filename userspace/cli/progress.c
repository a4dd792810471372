// SPDX-License-Identifier: BSD-2-Clause
/* One line of standard error that says how far the reading is; only for eyes. */
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include "cli.h"

static bool shown;

void cli_progress(void *arg, const char *file, size_t got, size_t total)
{
	if (!isatty(STDERR_FILENO) || !total)
		return;
	fprintf(stderr, "\r\033[K");
	fprintf(stderr, _("Reading %s: %zu %% of %zu bytes"), file, got * 100 / total, total);
	fflush(stderr);
	shown = true;
}

void cli_progress_end(void)
{
	if (shown)
		fprintf(stderr, "\r\033[K");
	shown = false;
}
