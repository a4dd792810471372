/* SPDX-License-Identifier: BSD-2-Clause */
/* What every process that drives many readers shares, whichever way it does: what it reads, and how it is led. */
#ifndef TESTS_BENCH_DRIVEN_H
#define TESTS_BENCH_DRIVEN_H

#include <errno.h>
#include <stdarg.h>
#include "vreader.h"
#include "bench.h"

#define MAX_READERS	120
#define BYTES		240
#define CARD_FILE	32768

static inline void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

/* The file of the built-in test card; command number n of a reader reads BYTES of it at offset_of(n). */
static uint8_t card_file[CARD_FILE];

static inline void card_file_fill(void)
{
	for (unsigned int i = 0; i < CARD_FILE; i++)
		card_file[i] = vcard_echo_byte(i);
}

static inline unsigned int offset_of(uint64_t n)
{
	return n * 251 % (CARD_FILE - BYTES);
}

/* Tells the process that leads this one. */
static inline void say(const char *word)
{
	printf("%s\n", word);
	fflush(stdout);
}

static inline void say_and_wait(const char *word)
{
	char line[16];

	say(word);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

#endif
