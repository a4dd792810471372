/* SPDX-License-Identifier: BSD-2-Clause */
/* Times as the module sorts them (kernel/histogram.h), and what quantiles they have. */
#ifndef CLI_TIMES_H
#define CLI_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMES_BUCKETS	80

struct times {
	uint64_t count[TIMES_BUCKETS];
};

/* Reads such a file of sysfs. false: it is not there, or another kind. */
bool times_read(const char *path, struct times *t);
/* What was counted in now and not yet in before. false: it did not grow from that. */
bool times_since(const struct times *now, const struct times *before, struct times *out);
/* In microseconds, the time that a share p of all does not exceed; negative: there are none. */
double times_quantile(const struct times *t, double p);

#endif
