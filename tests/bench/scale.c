// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many readers, one thread, one event loop; and beside it pcscd, as many as it takes.
 *
 *   scale [--ms N] [--repeat N] [--pcscd] [--memory FILE] [--fault LINE] [--json FILE] READERS...
 *
 * So many virtual readers as the greatest number says are attached. For each number, in turn, a process of its own
 * (this program once more, as "scale drive MS NODE...") keeps one linked batch of READ BINARY in flight on each of
 * so many of them, for --ms (1000); then all of it again, --repeat times (1). Every completion is checked: user_data
 * must be the very next of its reader, and the data must be what the file holds at the offset that belongs to that
 * number. So a lost, doubled or misled completion ends the run with status 1.
 *
 * --pcscd: the numbers that it takes, by our loop and by tests/bench/scale_pcscd one right after the other, before
 * more readers are attached. --memory: what a reader takes, of all that are attached. --fault: what the first reader
 * does wrong (vreader_fault.c), to see that the checks see it.
 *
 * Needs root, vhci_hcd and cardring.ko loaded.
 */
#include <getopt.h>
#include "many.h"

#define PCSCD_MOST	16	/* PCSCLITE_MAX_READERS_CONTEXTS */

/* Drives until MS are over; then says the commands of each reader, and its own time. */
static int drive(unsigned int ms, char **nodes, unsigned int n)
{
	static struct driven d[MAX_READERS];
	struct epoll_event ev[MAX_READERS];
	int epoll = drive_begin(d, nodes, n), ready;
	unsigned int busy = 0;
	uint64_t end, waits = 0;
	struct rusage a, b;

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
	say("over");
	/* A completion too many would be here by now, or come with one more round. */
	for (unsigned int i = 0; i < n; i++) {
		round_trip(&d[i]);
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

/* ---- what is measured ---- */

static json_t *measure(unsigned int n, unsigned int ms, pid_t pcscd)
{
	char text[16], count[16], *argv[] = { "scale_pcscd", "drive", text, count, NULL };
	unsigned long long own, waits;
	uint64_t sum = 0, daemon_us;
	uint32_t each[MAX_READERS];
	struct machine a, b;
	struct driver d;
	double per;

	snprintf(text, sizeof(text), "%u", ms);
	snprintf(count, sizeof(count), "%u", n);
	d = pcscd ? driver_start(argv[0], argv) : driver_on_nodes("scale", ms, n);
	driver_tell(&d);
	driver_hear(&d, "ready");
	daemon_us = process_us(pcscd);
	a = machine_now();
	driver_tell(&d);
	driver_hear(&d, "over");
	b = machine_now();
	daemon_us = process_us(pcscd) - daemon_us;
	for (unsigned int i = 0; i < n; i++) {
		if (fscanf(d.from, "%u", &each[i]) != 1)
			die("the driving process ended");
		sum += each[i];
	}
	if (fscanf(d.from, "%llu %llu", &own, &waits) != 2)
		die("the driving process ended");
	driver_end(&d);
	qsort(each, n, sizeof(each[0]), compare_u32);
	per = 1.0 / sum;
	return json_pack("{ss si sI sf sf sf sf sf sf sI sI}", "way", pcscd ? "pcscd" : "linked", "readers", n,
			 "commands", (json_int_t)sum, "seconds", (b.ns - a.ns) / 1e9,
			 "commands_per_second", sum / ((b.ns - a.ns) / 1e9),
			 "cpu_us_per_command", (b.busy_us - a.busy_us - (int64_t)(b.mine_us - a.mine_us)) * per,
			 "client_us_per_command", own * per, "pcscd_us_per_command", daemon_us * per,
			 "waits_per_command", waits * per,
			 "slowest_reader", (json_int_t)each[0], "median_reader", (json_int_t)each[n / 2]);
}

static double number(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

static void note(json_t *runs, json_t *run, unsigned int repetition, unsigned int attached)
{
	json_object_set_new(run, "repetition", json_integer(repetition));
	json_object_set_new(run, "attached", json_integer(attached));
	json_array_append_new(runs, run);
	printf("%3.0f readers, %-6s: %8.0f commands/s, CPU %7.1f us (client %6.1f, pcscd %6.1f), slowest/median reader %.3f\n",
	       number(run, "readers"), json_string_value(json_object_get(run, "way")),
	       number(run, "commands_per_second"), number(run, "cpu_us_per_command"),
	       number(run, "client_us_per_command"), number(run, "pcscd_us_per_command"),
	       number(run, "slowest_reader") / number(run, "median_reader"));
	fflush(stdout);
}

/* ---- who has the readers ---- */

static void driver_file(unsigned int i, const char *what)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/usb/drivers/cardring/%s", what);
	f = fopen(path, "we");
	if (!f || fprintf(f, "%s:1.0", usb_name[i]) < 0 || fclose(f))
		die("%s: %s: %s", path, usb_name[i], strerror(errno));
}

static void unbind_readers(unsigned int from, unsigned int n)
{
	for (unsigned int i = from; i < n; i++)
		driver_file(i, "unbind");
}

static void bind_readers(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		driver_file(i, "bind");
	for (unsigned int i = 0; i < n; i++)
		wait_for_node(i);
}

static json_t *measure_pcscd(unsigned int n, unsigned int ms)
{
	/* No reader but those on USB: what the host has in /etc/reader.conf.d (vpcd) would count among them. */
	char *argv[] = { "pcscd", "--foreground", "--critical", "--config", "/dev/null", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	json_t *run;
	pid_t pid;

	unbind_readers(0, n);
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* It complains of the readers that it was not given. */
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(null);
	run = measure(n, ms, pid);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	bind_readers(n);
	return run;
}

/* ---- memory ---- */

struct memory {
	long long free_kb;	/* on the free lists and on those of each CPU; of what can be dropped, all was */
	long long slab_kb;
	long long mine_kb;	/* of this process, which is the readers themselves */
};

static struct memory memory_now(void)
{
	/* What was given back may take a grace period to arrive. */
	const struct timespec settle = { .tv_nsec = 300000000 };
	const long page_kb = sysconf(_SC_PAGESIZE) / 1024;
	struct memory m = { 0 };
	long long n, shared;
	char line[256];
	FILE *f;

	nanosleep(&settle, NULL);
	f = fopen("/proc/sys/vm/drop_caches", "we");
	if (!f || fputs("3", f) < 0 || fclose(f))
		die("/proc/sys/vm/drop_caches: %s", strerror(errno));
	f = fopen("/proc/zoneinfo", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " pages free %lld", &n) == 1 || sscanf(line, " count: %lld", &n) == 1)
			m.free_kb += n * page_kb;
	if (f)
		fclose(f);
	f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Slab: %lld", &m.slab_kb);
	if (f)
		fclose(f);
	f = fopen("/proc/self/statm", "re");
	if (f && fscanf(f, "%*d %lld %lld", &n, &shared) == 2)
		m.mine_kb = (n - shared) * page_kb;
	if (f)
		fclose(f);
	return m;
}

static json_t *taken(struct memory a, struct memory b, unsigned int n)
{
	double mine = b.mine_kb - a.mine_kb;

	return json_pack("{sf sf}", "kb", (a.free_kb - b.free_kb - mine) / n, "slab_kb", (double)(b.slab_kb - a.slab_kb) / n);
}

/* The readers from the first on are not attached yet. Each is attached and with its driver after it. */
static void measure_memory(unsigned int first, unsigned int n, unsigned int repeat, const char *file)
{
	struct memory attached[2], bound, started, open;
	json_t *runs = json_array(), *bus, *run;
	struct driver d;

	unbind_readers(0, first);
	attached[0] = memory_now();
	attach_up_to(n, 0);
	unbind_readers(first, n);
	attached[1] = memory_now();
	bus = taken(attached[0], attached[1], n - first);
	json_object_set_new(bus, "virtual_reader_kb",
			    json_real((double)(attached[1].mine_kb - attached[0].mine_kb) / (n - first)));
	for (unsigned int r = 0; r < repeat; r++) {
		if (r) {
			unbind_readers(0, n);
			attached[1] = memory_now();
		}
		bind_readers(n);
		bound = memory_now();
		d = driver_on_nodes("scale", 1, n);
		started = memory_now();
		driver_tell(&d);
		driver_hear(&d, "ready");
		open = memory_now();
		driver_tell(&d);
		for (int c = 0; c != EOF;)
			c = fgetc(d.from);
		driver_end(&d);
		run = json_pack("{so so}", "idle", taken(attached[1], bound, n), "open", taken(started, open, n));
		json_array_append_new(runs, run);
		printf("memory a reader of %u: idle %.1f kB, open and set up %.1f kB more\n", n,
		       number(json_object_get(run, "idle"), "kb"), number(json_object_get(run, "open"), "kb"));
	}
	run = json_pack("{si so so}", "readers", n, "bus", bus, "runs", runs);
	if (json_dump_file(run, file, JSON_INDENT(1)))
		die("cannot write %s", file);
	json_decref(run);
}

/* ---- */

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ms", 1, NULL, 'm' }, { "repeat", 1, NULL, 'r' }, { "json", 1, NULL, 'j' }, { "pcscd", 0, NULL, 'p' },
		{ "memory", 1, NULL, 'k' }, { "fault", 1, NULL, 'f' }, { 0 },
	};
	unsigned int ms = 1000, repeat = 1, numbers[MAX_READERS], count = 0, most = 0, few = 0, n;
	const char *file = NULL, *memory = NULL, *fault = NULL;
	json_t *runs = json_array();
	bool pcscd = false;
	int o;

	if (argc > 3 && !strcmp(argv[1], "drive"))
		return drive(strtoul(argv[2], NULL, 10), argv + 3, argc - 3 < MAX_READERS ? argc - 3 : MAX_READERS);
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 'm': ms = strtoul(optarg, NULL, 10); break;
		case 'r': repeat = strtoul(optarg, NULL, 10); break;
		case 'j': file = optarg; break;
		case 'p': pcscd = true; break;
		case 'k': memory = optarg; break;
		case 'f': fault = optarg; break;
		default: return 2;
		}
	for (; optind < argc && count < MAX_READERS; optind++) {
		n = strtoul(argv[optind], NULL, 10);
		if (!n || n > MAX_READERS)
			die("1 to %u readers", MAX_READERS);
		numbers[count++] = n;
		most = n > most ? n : most;
		few = n > few && n <= PCSCD_MOST ? n : few;
	}
	if (!count || !runs)
		die("how many readers?");
	few = pcscd ? few : 0;
	attach_up_to(few, 0);
	for (unsigned int r = 0; r < repeat; r++)
		for (unsigned int i = 0; i < count; i++) {
			if (numbers[i] > few)
				continue;
			note(runs, measure(numbers[i], ms, 0), r, few);
			note(runs, measure_pcscd(numbers[i], ms), r, few);
		}
	if (memory && most > few)
		measure_memory(few, most, repeat < 3 ? repeat : 3, memory);
	attach_up_to(most, 0);
	if (fault && vreader_usb_fault(reader[0], fault))
		die("no such fault");
	/* Of those that were measured beside pcscd, the first once more: what the others are held against. */
	for (unsigned int r = 0; most > few && r < repeat; r++)
		for (unsigned int i = 0; i < count; i++)
			if (!i || numbers[i] > few)
				note(runs, measure(numbers[i], ms, 0), r, most);
	if (file && json_dump_file(runs, file, JSON_INDENT(1)))
		die("cannot write %s", file);
	detach_all();
	json_decref(runs);
	return 0;
}
