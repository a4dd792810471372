/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual reader on tests/bench/kmod/benchbus.c, with a thread of its own: as vreader_attach (usbip.h), cheaper. */
#ifndef TESTS_BENCH_BUS_H
#define TESTS_BENCH_BUS_H

#include "vreader.h"

struct bus_reader;
/* NULL and errno: ENOENT where the module is not loaded, EBUSY where it has a reader. */
struct bus_reader *bus_attach(const struct vreader_config *cfg);
/* The name of its device in sysfs, "9-1". */
const char *bus_name(const struct bus_reader *b);
/* As vreader_stamps. */
size_t bus_stamps(struct bus_reader *b, struct vreader_stamp *out, size_t max, uint64_t *total);
/* Unplugs and frees it. */
void bus_detach(struct bus_reader *b);

#endif
