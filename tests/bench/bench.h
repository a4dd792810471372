/* SPDX-License-Identifier: BSD-2-Clause */
/* What the measuring programs share: clocks, the machine's counters, processes, quantiles. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static inline uint64_t usec(const struct timeval *t)
{
	return t->tv_sec * 1000000ULL + t->tv_usec;
}

static inline uint64_t ticks_us(uint64_t ticks)
{
	return ticks * 1000000ULL / sysconf(_SC_CLK_TCK);
}

/* User and system time of a process so far, in microseconds; 0 if there is none. */
static inline uint64_t process_us(int pid)
{
	unsigned long long user = 0, system = 0;
	char path[32], text[512], *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	/* fields 14 and 15; the name, field 2, may hold anything */
	if (fgets(text, sizeof(text), f) && (p = strrchr(text, ')')))
		sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system);
	fclose(f);
	return ticks_us(user + system);
}

/* The same, of all processes and kernel threads with this name. */
static inline uint64_t named_us(const char *name)
{
	DIR *d = opendir("/proc");
	char path[300], comm[32];
	struct dirent *e;
	uint64_t sum = 0;
	FILE *f;

	while (d && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f)) {
			comm[strcspn(comm, "\n")] = 0;
			if (!strcmp(comm, name))
				sum += process_us(atoi(e->d_name));
		}
		fclose(f);
	}
	if (d)
		closedir(d);
	return sum;
}

/* What the whole machine has done. */
struct machine {
	uint64_t ns;		/* CLOCK_MONOTONIC */
	int64_t busy_us;	/* of all CPUs: the time that went by on them, less the time they were idle */
	uint64_t switches;	/* context switches */
	uint64_t interrupts;
	uint64_t mine_us;	/* of this process */
	uint64_t vhci_us;	/* of the threads that stand for the host controller's hardware */
};

static inline struct machine machine_now(void)
{
	unsigned long long idle = 0, iowait = 0;
	struct machine m = { 0 };
	struct rusage u;
	char line[8192];
	FILE *f = fopen("/proc/stat", "re");

	m.vhci_us = named_us("vhci_rx") + named_us("vhci_tx");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "cpu ", 4))	/* all of them */
			sscanf(line + 4, "%*u %*u %*u %llu %llu", &idle, &iowait);
		sscanf(line, "ctxt %lu", &m.switches);
		sscanf(line, "intr %lu", &m.interrupts);
	}
	if (f)
		fclose(f);
	m.ns = now_ns();
	m.busy_us = (int64_t)(m.ns / 1000 * sysconf(_SC_NPROCESSORS_ONLN)) - (int64_t)ticks_us(idle + iowait);
	getrusage(RUSAGE_SELF, &u);
	m.mine_us = usec(&u.ru_utime) + usec(&u.ru_stime);
	return m;
}

static inline int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Of n sorted values (n > 0), the one that a share p of them does not exceed. */
static inline uint32_t quantile(const uint32_t *sorted, size_t n, double p)
{
	size_t i = p * n;

	return sorted[i < n ? i : n - 1];
}

#endif
