/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CR_HISTOGRAM_H
#define CR_HISTOGRAM_H

#include <linux/types.h>

#define CR_BUCKETS	80

/**
 * struct cr_histogram - how often times of which length were seen
 * @count: by bucket: 0 to 7 microseconds one each, then four to each doubling,
 *	so that none is wider than a quarter of its least; the last takes all
 *	from 1.75 * 2^20 microseconds on
 */
struct cr_histogram {
	u64 count[CR_BUCKETS];
};

unsigned int cr_histogram_bucket(u64 us);
ssize_t cr_histogram_emit(char *buf, const struct cr_histogram *h);

#endif /* CR_HISTOGRAM_H */
