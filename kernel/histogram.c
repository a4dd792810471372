// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times, sorted into buckets as they are seen: what quantiles are made of
 * without keeping every one. Pure.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/sysfs.h>

#include "histogram.h"

/**
 * cr_histogram_bucket - where a time belongs
 * @us: microseconds
 *
 * Return: its bucket.
 */
unsigned int cr_histogram_bucket(u64 us)
{
	unsigned int octave;

	if (us < 4)
		return us;
	octave = fls64(us) - 1;
	return min(4 * (octave - 1) + ((unsigned int)(us >> (octave - 2)) & 3),
		   CR_BUCKETS - 1U);
}

/**
 * cr_histogram_emit - print the buckets for sysfs
 * @buf: a page
 * @h: the histogram; it may change meanwhile
 *
 * Return: bytes printed.
 */
ssize_t cr_histogram_emit(char *buf, const struct cr_histogram *h)
{
	unsigned int i;
	int len = 0;

	for (i = 0; i < CR_BUCKETS; i++)
		len += sysfs_emit_at(buf, len, "%llu%c", READ_ONCE(h->count[i]),
				     i + 1 < CR_BUCKETS ? ' ' : '\n');
	return len;
}
