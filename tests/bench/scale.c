// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many readers, one thread, one event loop.
 *
 *   scale [--ms N] [--repeat N] [--json FILE] READERS...
 *
 * For each number: so many virtual readers are attached, and a process of its own (this program once more, as
 * "scale drive MS NODE...") keeps one linked batch of READ BINARY in flight on each, for --ms (1000). Every completion
 * is checked: user_data must be the very next of its reader, and the data must be what the file holds at the offset
 * that belongs to that number. So a lost, doubled or misled completion ends the run with status 1.
 *
 * Needs root, vhci_hcd and cardring.ko loaded.
 */
#include <getopt.h>
#include "many.h"

/* Says "ready"; at a line of input drives until MS are over; then the commands of each reader, and its own time. */
static int drive(unsigned int ms, char **nodes, unsigned int n)
{
	static struct driven d[MAX_READERS];
	struct epoll_event ev[MAX_READERS];
	int epoll = epoll_create1(EPOLL_CLOEXEC), ready;
	unsigned int busy = 0;
	uint64_t end, waits = 0;
	struct rusage a, b;
	char line[16];

	for (unsigned int i = 0; i < CARD_FILE; i++)
		card_file[i] = vcard_echo_byte(i);
	for (unsigned int i = 0; i < n; i++)
		driven_open(&d[i], nodes[i], epoll);
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	getrusage(RUSAGE_SELF, &a);
	end = now_ns() + ms * 1000000ULL;
	for (; busy < n; busy++)
		push_batch(&d[busy]);
	while (busy) {
		ready = epoll_wait(epoll, ev, MAX_READERS, 20000);
		waits++;
		if (!ready)
			die("no completion in 20 s, %u readers have commands in flight", busy);
		for (int i = 0; i < ready; i++) {
			struct driven *one = ev[i].data.ptr;

			reap(one);
			if (one->reaped != one->pushed)
				continue;
			if (now_ns() < end)
				push_batch(one);
			else
				busy--;
		}
	}
	getrusage(RUSAGE_SELF, &b);
	/* A completion too many would be here by now, or come with one more round. */
	for (unsigned int i = 0; i < n; i++) {
		push_batch(&d[i]);
		while (d[i].reaped != d[i].pushed) {
			enter(&d[i], 1, 20000);
			reap(&d[i]);
		}
		if (next_cqe(&d[i]))
			die("%s: a completion that belongs to nothing", nodes[i]);
		printf("%llu ", (unsigned long long)d[i].reaped - BATCH);
	}
	printf("\n%llu %llu\n", (unsigned long long)(usec(&b.ru_utime) + usec(&b.ru_stime) - usec(&a.ru_utime) -
						     usec(&a.ru_stime)), (unsigned long long)waits);
	for (unsigned int i = 0; i < n; i++)
		cr_ring_close(d[i].ring);
	return 0;
}

/* ---- the readers, and what is measured ---- */

static uint64_t available_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kb = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static json_t *measure(unsigned int n, unsigned int ms)
{
	uint64_t before = available_kb(), busy_kb;
	unsigned long long own, waits;
	uint32_t each[MAX_READERS];
	struct machine a, b;
	uint64_t sum = 0;
	FILE *to, *from;
	char line[4096];
	pid_t pid = spawn(n, ms, &to, &from);
	double per;
	int status;

	if (!fgets(line, sizeof(line), from))
		die("the driving process ended");
	busy_kb = before - available_kb();
	a = b = machine_now();
	fprintf(to, "go\n");
	fflush(to);
	for (unsigned int i = 0; i < n; i++) {
		if (fscanf(from, "%u", &each[i]) != 1)
			die("the driving process ended");
		if (!i)
			b = machine_now();
		sum += each[i];
	}
	if (fscanf(from, "%llu %llu", &own, &waits) != 2)
		die("the driving process ended");
	fclose(to);
	fclose(from);
	if (waitpid(pid, &status, 0) != pid || status)
		die("the driving process failed");
	qsort(each, n, sizeof(each[0]), compare_u32);
	per = 1.0 / (sum + BATCH * n);
	return json_pack("{si sI sf sf sf sf sf sI sI sI}", "readers", n, "commands", (json_int_t)sum,
			 "seconds", (b.ns - a.ns) / 1e9, "commands_per_second", (sum + BATCH * n) / ((b.ns - a.ns) / 1e9),
			 "cpu_us_per_command", (b.busy_us - a.busy_us - (int64_t)(b.mine_us - a.mine_us)) * per,
			 "client_us_per_command", own * per, "waits_per_command", waits * per,
			 "slowest_reader", (json_int_t)each[0], "median_reader", (json_int_t)each[n / 2],
			 "kb_of_all_when_open", (json_int_t)busy_kb);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ms", 1, NULL, 'm' }, { "repeat", 1, NULL, 'r' }, { "json", 1, NULL, 'j' }, { 0 },
	};
	unsigned int ms = 1000, repeat = 1, n;
	const char *file = NULL;
	json_t *runs, *run;
	int o, rc = 0;

	if (argc > 3 && !strcmp(argv[1], "drive"))
		return drive(strtoul(argv[2], NULL, 10), argv + 3, argc - 3 < MAX_READERS ? argc - 3 : MAX_READERS);
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 'm': ms = strtoul(optarg, NULL, 10); break;
		case 'r': repeat = strtoul(optarg, NULL, 10); break;
		case 'j': file = optarg; break;
		default: return 2;
		}
	runs = json_array();
	for (; optind < argc; optind++) {
		n = strtoul(argv[optind], NULL, 10);
		if (!n || n > MAX_READERS)
			die("1 to %u readers, rising", MAX_READERS);
		attach_up_to(n, 0);
		for (unsigned int r = 0; r < repeat; r++) {
			run = measure(n, ms);
			json_array_append_new(runs, run);
			printf("%3u readers: %8.0f commands/s, CPU %7.1f us (client %6.1f), slowest/median reader %.3f, %lld kB\n", n,
			       json_number_value(json_object_get(run, "commands_per_second")),
			       json_number_value(json_object_get(run, "cpu_us_per_command")),
			       json_number_value(json_object_get(run, "client_us_per_command")),
			       json_number_value(json_object_get(run, "slowest_reader")) /
			       json_number_value(json_object_get(run, "median_reader")),
			       (long long)json_integer_value(json_object_get(run, "kb_of_all_when_open")));
			fflush(stdout);
		}
	}
	if (file && json_dump_file(runs, file, JSON_INDENT(1))) {
		fprintf(stderr, "scale: cannot write %s\n", file);
		rc = 1;
	}
	for (unsigned int i = 0; i < MAX_READERS && reader[i]; i++)
		vreader_usb_fault(reader[i], "unplug");
	for (unsigned int i = 0; i < MAX_READERS && reader[i]; i++)
		vreader_detach(reader[i]);
	json_decref(runs);
	return rc;
}
