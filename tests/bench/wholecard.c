// SPDX-License-Identifier: BSD-2-Clause
/*
 * How much of a whole card is the host's: a virtual card that keeps the time of a contactless one
 * (userspace/sim/timing.c), and a program that inspects it.
 *
 *   wholecard CARD RATE WAY [--gaps] PROGRAM [ARG]...
 *
 * CARD is put into a reader on vhci_hcd, at RATE kbit/s; the PROGRAM is run with "--reader /dev/cardringN" behind its
 * arguments, and must end with 0. One JSON object on stdout, WAY copied into it; --gaps: and on stderr each wait for
 * the host of 0.1 ms and more.
 *
 * All is taken at the device. The whole is the time from the first command that powers the card on until the last
 * answer to an APDU is ready; the host's part of it the waits from an answer's being ready until the next command is
 * there: the USB transfer of both, the module, the library, and whatever the program computes meanwhile. The rest is
 * the card's, as it was told to take; by how much the simulator's clock was late in it is told (late_seconds). What the
 * program does before and after keeps no card waiting: before_seconds, after_seconds.
 *
 * Needs root, vhci_hcd and cardring.ko loaded.
 */
#include "many.h"

#define GAP_SHOWN	100000	/* ns */

struct sums {
	uint64_t begin, end, host, card, sent, received;
	unsigned int commands;
};

static bool gaps;

static void attach(const char *card, unsigned int rate)
{
	struct vreader_config cfg = { .level = VREADER_EXTENDED };
	struct vcard *vcard;
	int err;

	if (!timing_init(&cfg.timing, rate))
		die("%u: not a bit rate", rate);
	vcard = vcard_sim_new(card, cfg.level, &err);
	if (!vcard)
		die("%s: %s", card, cr_strerror(err));
	cfg.cards = &vcard;
	reader[0] = vreader_attach(&cfg);
	if (!reader[0])
		die("attach: %s", strerror(errno));
	if (vreader_usb_wait(reader[0], usb_name[0], sizeof(usb_name[0]), 20000))
		die("the reader was not enumerated");
	wait_for_node(0);
}

/* Runs argv, which has room for two more; its standard output is not of interest. */
static void run(char **argv, unsigned int n)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), status;
	pid_t pid;

	argv[n] = "--reader";
	argv[n + 1] = node[0];
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(null);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		die("%s failed (%x)", argv[0], status);
}

/* Command, answer, command, answer: one slot. From the first power-on to the last answer to an APDU. */
static void add_up(const struct vreader_stamp *st, size_t n, struct sums *s)
{
	struct sums now = { 0 };
	size_t first = 0;

	while (first < n && (st[first].in || st[first].type != PC_ICC_POWER_ON))
		first++;
	for (size_t i = first; i + 1 < n; i += 2) {
		uint64_t gap = i > first ? st[i].ns - st[i - 1].ns : 0;

		if (st[i].in || !st[i + 1].in || st[i].seq != st[i + 1].seq)
			die("message %zu is not the answer to the one before", i + 1);
		if (gaps && gap >= GAP_SHOWN)
			fprintf(stderr, "%3u: %8.3f ms, then %3u bytes (%02x), answered with %3u\n", now.commands, gap / 1e6,
				st[i].len, st[i].type, st[i + 1].len);
		now.begin = st[first].ns;
		now.end = st[i + 1].ns;
		now.host += gap;
		now.card += st[i].card_ns;
		now.commands++;
		now.sent += st[i].len;
		now.received += st[i + 1].len;
		if (st[i].type == PC_XFR_BLOCK)
			*s = now;
	}
	if (!s->commands)
		die("no APDU was seen");
}

int main(int argc, char **argv)
{
	static struct vreader_stamp st[VREADER_STAMPS];
	char *args[64], *card, *way;
	unsigned int rate, n = 0;
	uint64_t from, total, start, stop;
	struct sums s = { 0 };
	double whole;
	json_t *j;
	size_t have;
	int i = 4;

	if (argc > 4 && !strcmp(argv[4], "--gaps")) {
		gaps = true;
		i++;
	}
	if (argc <= i || argc - i > 60)
		die("usage: wholecard CARD RATE WAY [--gaps] PROGRAM [ARG]...");
	card = argv[1];
	rate = (unsigned int)strtoul(argv[2], NULL, 10);
	way = argv[3];
	memset(args, 0, sizeof(args));
	while (i < argc)
		args[n++] = argv[i++];

	attach(card, rate);
	vreader_usb_stamps(reader[0], 0, NULL, 0, &from);
	start = now_ns();
	run(args, n);
	stop = now_ns();
	have = vreader_usb_stamps(reader[0], 0, st, VREADER_STAMPS, &total);
	if (total - from > have)
		die("more messages than stamps");
	add_up(st + have - (total - from), total - from, &s);
	vreader_detach(reader[0]);

	whole = (s.end - s.begin) / 1e9;
	j = json_pack("{si ss sf sf sf sf sf sf sf si sI sI}", "rate", (int)rate, "way", way, "seconds", whole,
		      "host_seconds", s.host / 1e9, "card_seconds", whole - s.host / 1e9,
		      "late_seconds", whole - (s.host + s.card) / 1e9, "host_share", s.host / 1e9 / whole,
		      "before_seconds", (s.begin - start) / 1e9, "after_seconds", (stop - s.end) / 1e9,
		      "commands", (int)s.commands, "bytes_sent", (json_int_t)s.sent,
		      "bytes_received", (json_int_t)s.received);
	if (!j || json_dumpf(j, stdout, JSON_REAL_PRECISION(9)) || putchar('\n') == EOF)
		die("out of memory");
	json_decref(j);
	return 0;
}
