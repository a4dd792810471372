// SPDX-License-Identifier: BSD-2-Clause
#include <inttypes.h>
#include <stdio.h>
#include "times.h"

bool times_read(const char *path, struct times *t)
{
	FILE *f = fopen(path, "re");
	size_t i = 0;

	while (f && i < TIMES_BUCKETS && fscanf(f, "%" SCNu64, &t->count[i]) == 1)
		i++;
	if (f)
		fclose(f);
	return i == TIMES_BUCKETS;
}

bool times_since(const struct times *now, const struct times *before, struct times *out)
{
	for (size_t i = 0; i < TIMES_BUCKETS; i++) {
		if (now->count[i] < before->count[i])
			return false;
		out->count[i] = now->count[i] - before->count[i];
	}
	return true;
}

/* Where a bucket begins: one for each of 0 to 7, then four to each doubling. */
static double begins(size_t bucket)
{
	return bucket < 4 ? (double)bucket : (double)((4 + bucket % 4) << (bucket / 4 - 1));
}

double times_quantile(const struct times *t, double p)
{
	double rank, before = 0, all = 0, n;

	for (size_t i = 0; i < TIMES_BUCKETS; i++)
		all += (double)t->count[i];
	rank = p * all;
	for (size_t i = 0; i < TIMES_BUCKETS; i++) {
		n = (double)t->count[i];
		/* within a bucket as if they were spread evenly */
		if (n > 0 && before + n >= rank)
			return begins(i) + (begins(i + 1) - begins(i)) * (rank - before) / n;
		before += n;
	}
	return -1;
}
