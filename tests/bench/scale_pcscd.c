// SPDX-License-Identifier: BSD-2-Clause
/*
 * The driving process of tests/bench/scale.c where pcscd and libccid have the readers: SCardTransmit blocks, so a
 * thread for each reader, and a context for each, since one context serves one call at a time.
 *
 *   scale_pcscd drive MS READERS
 *
 * Says the same as "scale drive", and checks each answer in the same way.
 */
#include <pthread.h>
#include <PCSC/winscard.h>
#include <PCSC/wintypes.h>
#include "driven.h"

struct one {
	pthread_t thread;
	char name[MAX_READERNAME];
	SCARDCONTEXT ctx;
	SCARDHANDLE card;
	const SCARD_IO_REQUEST *pci;
	uint64_t done;
};

static struct one one[MAX_READERS];
static uint64_t end_ns;

static void must(LONG rv, const char *name, const char *what)
{
	if (rv)
		die("%s: %s: %s", name, what, pcsc_stringify_error(rv));
}

static void transmit(struct one *o)
{
	unsigned int off = offset_of(o->done);
	const uint8_t apdu[] = { 0, 0xB0, off >> 8, off, BYTES };
	uint8_t answer[BYTES + 2];
	DWORD len = sizeof(answer);

	must(SCardTransmit(o->card, o->pci, apdu, sizeof(apdu), NULL, answer, &len), o->name, "SCardTransmit");
	if (len != sizeof(answer) || answer[BYTES] != 0x90 || answer[BYTES + 1] ||
	    memcmp(answer, card_file + off, BYTES))
		die("%s: command %llu brought something else", o->name, (unsigned long long)o->done);
	o->done++;
}

static void *drive(void *arg)
{
	while (now_ns() < end_ns)
		transmit(arg);
	return NULL;
}

/* pcscd may just be starting, and finds one reader after the other. */
static void find(unsigned int n)
{
	const struct timespec tick = { .tv_nsec = 20000000 };
	uint64_t end = now_ns() + 60000000000ULL;
	static char names[16384];
	unsigned int have = 0;
	SCARDCONTEXT ctx;
	DWORD len;
	LONG rv;

	while ((rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &ctx)) && now_ns() < end)
		nanosleep(&tick, NULL);
	must(rv, "pcscd", "SCardEstablishContext");
	while (have < n) {
		if (now_ns() > end)
			die("pcscd shows %u readers of %u", have, n);
		nanosleep(&tick, NULL);
		len = sizeof(names);
		rv = SCardListReaders(ctx, NULL, names, &len);
		have = 0;
		for (const char *p = names; !rv && *p && have < n; p += strlen(p) + 1)
			snprintf(one[have++].name, sizeof(one[0].name), "%.*s", MAX_READERNAME - 1, p);
	}
	SCardReleaseContext(ctx);
}

static void connect_one(struct one *o)
{
	const struct timespec tick = { .tv_nsec = 20000000 };
	uint64_t end = now_ns() + 60000000000ULL;
	DWORD protocol;
	LONG rv;

	must(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &o->ctx), o->name, "SCardEstablishContext");
	while ((rv = SCardConnect(o->ctx, o->name, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
				  &o->card, &protocol)) && now_ns() < end)
		nanosleep(&tick, NULL);	/* it looks at the card some time after it has found the reader */
	must(rv, o->name, "SCardConnect");
	o->pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
}

int main(int argc, char **argv)
{
	unsigned int n = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	uint64_t sum = 0;
	struct rusage a, b;

	if (!n || n > MAX_READERS)
		die("usage: scale_pcscd drive MS READERS");
	card_file_fill();
	say_and_wait("started");
	find(n);
	for (unsigned int i = 0; i < n; i++)
		connect_one(&one[i]);
	say_and_wait("ready");
	getrusage(RUSAGE_SELF, &a);
	end_ns = now_ns() + strtoul(argv[2], NULL, 10) * 1000000ULL;
	for (unsigned int i = 0; i < n; i++)
		if (pthread_create(&one[i].thread, NULL, drive, &one[i]))
			die("no thread");
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(one[i].thread, NULL);
		sum += one[i].done;
	}
	getrusage(RUSAGE_SELF, &b);
	say("over");
	for (unsigned int i = 0; i < n; i++)
		printf("%llu ", (unsigned long long)one[i].done);
	/* It waits once a command. */
	printf("\n%llu %llu\n", (unsigned long long)(usec(&b.ru_utime) + usec(&b.ru_stime) - usec(&a.ru_utime) -
						     usec(&a.ru_stime)), (unsigned long long)sum);
	for (unsigned int i = 0; i < n; i++) {
		SCardDisconnect(one[i].card, SCARD_LEAVE_CARD);
		SCardReleaseContext(one[i].ctx);
	}
	return 0;
}
