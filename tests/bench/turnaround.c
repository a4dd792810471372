// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's turnaround, taken at the device: the time from the moment the device's answer is ready until the
 * next command reaches it. All that it holds is the host's and the bus's, whatever stack runs there; the card takes
 * no time.
 *
 *   turnaround WAY [--bus benchbus|vhci|xhci] [--bytes N]... [--ms N] [--repeat N] [--json FILE]
 *              [--strace FILE --count N]
 *
 * One reader is given to the driver that the way needs, and read from by tests/bench/client in a process of its own.
 * Each repetition lasts --ms (1000) and gives one line on stdout and one object in FILE.
 *
 *   benchbus  our virtual reader on a bus of our own (kmod/benchbus.c), the default: one system call of this process
 *             where the next command is sent from the completion of the last, as from a batch; where a program must
 *             run first, it sleeps and is woken, as a real controller's interrupt would wake the program, and that
 *             is in the figure. What drivers do when URBs end is done within the call, in the time of this process.
 *             A clock without vDSO and steady count (QEMU's HPET) adds two more
 *   vhci      the same reader on vhci_hcd (USB/IP): two threads, a socket and two system calls, part of each figure
 *   xhci      QEMU's own reader on its xHCI, there already, with tests/bench/stampcard in it: a reader at TPDU level,
 *             so at most 255 bytes. The device is QEMU's threads and that card, outside of the machine: their CPU
 *             time is in no figure
 *
 * --strace: COUNT commands under strace -c of the client, and of pcscd in FILE.pcscd; nothing is timed.
 *
 * Needs root, cardring.ko and cardring_bench.ko loaded, and benchbus.ko or vhci_hcd for its bus.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <jansson.h>
#include "bus.h"
#include "usbip.h"
#include "stamps.h"

#define CHUNK		480	/* commands between two looks at the stamps: two each, and room for others' */
#define WARM_UP		64
#define MAX_SIZES	8

static struct bus_reader *bus_reader;	/* on benchbus */
static struct vreader_usb *reader;	/* on vhci */
static const char *bus = "benchbus";
static bool xhci;
static char usb_name[32];	/* "9-1" */
static int node = -1;
static pid_t client, daemon_pid;
static FILE *to_client, *from_client;
static const char *way, *strace_file;

static void sleep_ms(unsigned int ms)
{
	const struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&t, NULL);
}

static void end_children(void)
{
	if (to_client)
		fclose(to_client);
	to_client = NULL;
	if (client > 0)
		waitpid(client, NULL, 0);
	if (daemon_pid > 0) {
		/* The group: strace itself, which may stand before pcscd, holds signals back until that has ended. */
		kill(-daemon_pid, SIGTERM);
		for (unsigned int i = 0; i < 500 && !waitpid(daemon_pid, NULL, WNOHANG); i++)
			sleep_ms(10);
		kill(-daemon_pid, SIGKILL);
	}
	client = daemon_pid = 0;
}

static void detach(void)
{
	if (bus_reader)
		bus_detach(bus_reader);
	if (reader)
		vreader_detach(reader);
	bus_reader = NULL;
	reader = NULL;
}

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "turnaround %s: ", way ? way : "");
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	end_children();
	detach();
	exit(1);
}

/* ---- the reader, and who drives it ---- */

static bool is(const char *name)
{
	return !strcmp(way, name);
}

static bool by_module(void)
{
	return is("linked") || is("queued") || is("single") || is("spin");
}

/* The first line of a file in sysfs, or none. */
static const char *sysfs_read(const char *path)
{
	static char line[64];
	FILE *f = fopen(path, "re");

	if (!f || !fgets(line, sizeof(line), f))
		line[0] = 0;
	line[strcspn(line, "\n")] = 0;
	if (f)
		fclose(f);
	return line;
}

/* Not refused where there is nothing to bind or unbind: who has the interface is looked at again. */
static void sysfs_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	if (write(fd, text, strlen(text)) < 0 && errno != ENODEV && errno != EBUSY)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

/* Takes the interface from whoever has it, and gives it to this driver (NULL: none). */
static void give_to(const char *driver)
{
	uint64_t end = now_ns() + 20000000000ULL;
	char interface[48], link[128], path[128], target[256];
	const char *has;
	ssize_t n;

	snprintf(interface, sizeof(interface), "%s:1.0", usb_name);
	snprintf(link, sizeof(link), "/sys/bus/usb/devices/%s/driver", interface);
	for (;;) {
		n = readlink(link, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = 0;
		has = n < 0 ? NULL : strrchr(target, '/') + 1;
		if (driver && has ? !strcmp(driver, has) : driver == has)
			return;
		if (now_ns() > end)
			die("the reader is with %s, not with %s", has ? has : "nobody", driver ? driver : "nobody");
		snprintf(path, sizeof(path), "/sys/bus/usb/drivers/%s/%s", has ? has : driver, has ? "unbind" : "bind");
		sysfs_write(path, interface);
		sleep_ms(5);
	}
}

static void attach_ours(void)
{
	/* A pair that libccid serves, without any special case in it; and a message as long as there is. */
	static const struct vreader_config cfg = {
		.vid = 0x04E6, .pid = 0x5790, .manufacturer = "Identiv", .product = "uTrust 3700 F CL Reader",
		.serial = "bench", .level = VREADER_EXTENDED,
	};

	if (!strcmp(bus, "benchbus")) {
		bus_reader = bus_attach(&cfg);
		if (!bus_reader)
			die("/dev/benchbus: %s", strerror(errno));
		snprintf(usb_name, sizeof(usb_name), "%s", bus_name(bus_reader));
		return;
	}
	reader = vreader_attach(&cfg);
	if (!reader)
		die("attach: %s", strerror(errno));
	if (vreader_usb_wait(reader, usb_name, sizeof(usb_name), 20000))
		die("the reader was not enumerated");
}

static bool find_qemu(void)
{
	DIR *d = opendir("/sys/bus/usb/devices");
	struct dirent *e;
	char path[300];
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/idVendor", e->d_name);
		if (strcmp(sysfs_read(path), "08e6"))
			continue;
		snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/idProduct", e->d_name);
		found = !strcmp(sysfs_read(path), "4433");
		snprintf(usb_name, sizeof(usb_name), "%.31s", e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

static void attach_xhci(void)
{
	uint64_t end = now_ns() + 20000000000ULL;
	char path[64];

	while (!find_qemu()) {
		if (now_ns() > end)
			die("QEMU's reader is not plugged in");
		sleep_ms(50);
	}
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/usb%d/product", atoi(usb_name));
	if (strcmp(sysfs_read(path), "xHCI Host Controller"))
		die("the reader %s is not on xHCI", usb_name);
}

static void attach(void)
{
	uint64_t end = now_ns() + 20000000000ULL;
	struct dirent *e;
	char path[128];
	DIR *d;

	if (xhci)
		attach_xhci();
	else
		attach_ours();
	give_to("cardring");
	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s:1.0/cardring", usb_name);
	while (node < 0) {
		d = opendir(path);
		while (d && (e = readdir(d)))
			if (sscanf(e->d_name, "cardring%d", &node) == 1)
				break;
		if (d)
			closedir(d);
		if (node < 0 && now_ns() > end)
			die("cardring did not take the reader");
		sleep_ms(5);
	}
	if (is("pcscd"))
		give_to(NULL);
	if (is("limit"))
		give_to("cardring_bench");
}

static uint64_t counter(const char *name)
{
	char path[96];
	unsigned long long n = 0;
	FILE *f;

	if (!by_module())
		return 0;
	snprintf(path, sizeof(path), "/sys/class/cardring/cardring%d/%s", node, name);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%llu", &n) != 1)
		die("%s cannot be read", path);
	fclose(f);
	return n;
}

/* ---- the programs above it ---- */

static pid_t spawn(char *const argv[], int in, int out)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	dup2(in, 0);
	dup2(out, 1);
	execvp(argv[0], argv);
	_exit(127);
}

/* argv behind "strace -c -f -o FILE", where the calls are to be counted. */
static pid_t spawn_traced(const char *file, char *const argv[], int in, int out)
{
	char *traced[16] = { "strace", "-c", "-f", "-o", (char *)file };
	unsigned int n = 5;

	if (!file)
		return spawn(argv, in, out);
	while (n < 15 && (traced[n] = *argv++))
		n++;
	return spawn(traced, in, out);
}

static void start_daemon(void)
{
	char file[256], *argv[] = { "pcscd", "--foreground", "--critical", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (strace_file)
		snprintf(file, sizeof(file), "%s.pcscd", strace_file);
	daemon_pid = spawn_traced(strace_file ? file : NULL, argv, null, null);
	close(null);
	if (daemon_pid < 0)
		die("fork: %s", strerror(errno));
}

static const char *hear(void)
{
	static char line[512];

	if (!fgets(line, sizeof(line), from_client))
		die("the client ended");
	return line;
}

static void start_client(void)
{
	char program[512], name[64], *argv[] = { program, (char *)way, name, NULL };
	int to[2], from[2];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 16);
	char *slash;

	if (n < 0)
		die("/proc/self/exe: %s", strerror(errno));
	program[n] = 0;
	slash = strrchr(program, '/');
	strcpy(slash + 1, "client");
	if (by_module())
		snprintf(name, sizeof(name), "/dev/cardring%d", node);
	else
		snprintf(name, sizeof(name), "%s", usb_name);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	client = spawn_traced(strace_file, argv, to[0], from[1]);
	if (client < 0)
		die("fork: %s", strerror(errno));
	close(to[0]);
	close(from[1]);
	to_client = fdopen(to[1], "w");
	from_client = fdopen(from[0], "r");
	if (!to_client || !from_client)
		die("out of memory");
	if (strcmp(hear(), "ready\n"))
		die("the client is not ready");
}

/* Runs so many commands; adds the client's own time to *us. */
static void command(unsigned int bytes, unsigned int count, uint64_t *us)
{
	unsigned long long user, system;

	fprintf(to_client, "%u %u\n", bytes, count);
	fflush(to_client);
	if (sscanf(hear(), "ok %llu %llu", &user, &system) != 2)
		die("the client said something else");
	if (us)
		*us += user + system;
}

/* ---- measuring ---- */

static uint32_t *gaps;	/* but on xHCI */

static size_t stamps(struct vreader_stamp *out, size_t max, uint64_t *total)
{
	return bus_reader ? bus_stamps(bus_reader, out, max, total) : vreader_usb_stamps(reader, 0, out, max, total);
}

/* The gaps between an answer and the next command, among the stamps since *from. */
static void collect(struct stamps *s, uint64_t *from)
{
	static struct vreader_stamp st[VREADER_STAMPS];
	uint64_t total, ready = 0;
	size_t have = stamps(st, VREADER_STAMPS, &total);

	if (total - *from > have)
		s->lost += total - *from - have;
	for (size_t i = total - *from < have ? have - (total - *from) : 0; i < have; i++) {
		if (st[i].in && st[i].type == RDR_DATA_BLOCK) {
			ready = st[i].ns;
		} else if (!st[i].in && st[i].type == PC_XFR_BLOCK) {
			if (ready && s->gaps < MAX_GAPS)
				gaps[s->gaps++] = st[i].ns - ready;
			else if (ready)
				s->lost++;
			ready = 0;
		} else {
			s->others++;
		}
	}
	*from = total;
}

/* What the card in QEMU's reader answers to this GET DATA: so many numbers. */
static void ask_card(unsigned int p2, uint32_t *words, size_t n)
{
	const char *hex;

	fprintf(to_client, "= 80ca01%02x%02zx\n", p2, n * sizeof(*words));
	fflush(to_client);
	hex = hear();
	for (size_t i = 0; i < n; i++)
		if (sscanf(hex + 8 * i, "%8x", &words[i]) != 1)
			die("the card says %s", hex);
	if (strcmp(hex + 8 * n, "9000\n"))
		die("the card says %s", hex);
}

static void ask_stamps(struct stamps *s)
{
	ask_card(1, (uint32_t *)s, sizeof(*s) / sizeof(uint32_t));
}

static json_t *curve(const struct stamps *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < CURVE_POINTS; i++)
		json_array_append_new(a, json_pack("[fI]", curve_at[i], (json_int_t)s->curve[i]));
	return a;
}

static json_t *measure(unsigned int bytes, unsigned int ms)
{
	struct stamps s = { 0 };
	struct machine a, b;
	uint64_t from = 0, end, own = 0, pcscd, n = 0, rx, copied;
	uint32_t seen = 0;
	double per;

	command(bytes, WARM_UP, NULL);
	if (xhci)
		ask_stamps(&s);
	else
		stamps(NULL, 0, &from);
	rx = counter("bytes_rx");
	copied = counter("bytes_copied");
	pcscd = daemon_pid ? process_us(daemon_pid) : 0;
	a = machine_now();
	end = a.ns + ms * 1000000ULL;
	do {
		command(bytes, CHUNK, &own);
		n += CHUNK;
		/* Between two chunks this process has its say: that is no gap. */
		if (xhci)
			ask_card(0, &seen, 1);
		else
			collect(&s, &from);
		if (xhci && seen != n - n / CHUNK)
			die("the card saw %u turnarounds in %llu commands", seen, (unsigned long long)n);
	} while (now_ns() < end);
	b = machine_now();
	pcscd = daemon_pid ? process_us(daemon_pid) - pcscd : 0;
	rx = counter("bytes_rx") - rx;
	copied = counter("bytes_copied") - copied;
	if (xhci)
		ask_stamps(&s);
	else
		stamps_of(&s, gaps, s.gaps);
	if (!s.gaps)
		die("no turnaround was seen in %llu commands", (unsigned long long)n);

	per = 1.0 / n;
	return json_pack("{ss ss si sI sf sI sI sI sI sI sI so s{sf sf sf sf sf} sf sf sI sI}",
			 "way", way, "bus", bus, "bytes", bytes,
			 "commands", (json_int_t)n, "seconds", (b.ns - a.ns) / 1e9,
			 "p50_ns", (json_int_t)s.curve[P50], "p99_ns", (json_int_t)s.curve[P99],
			 "max_ns", (json_int_t)s.curve[MAX], "mean_ns", (json_int_t)s.mean,
			 "lost_stamps", (json_int_t)s.lost, "other_messages", (json_int_t)s.others,
			 "curve", curve(&s),
			 "cpu_us_per_command",
			 "machine", (b.busy_us - a.busy_us) * per,
			 "reader", xhci ? 0.0 : (b.mine_us - a.mine_us) * per,
			 "vhci", (b.vhci_us - a.vhci_us) * per,
			 "client", own * per, "pcscd", pcscd * per,
			 "switches_per_command", (b.switches - a.switches) * per,
			 "interrupts_per_command", (b.interrupts - a.interrupts) * per,
			 "bytes_rx", (json_int_t)rx, "bytes_copied", (json_int_t)copied);
}

static double number(const json_t *o, const char *name)
{
	return json_number_value(json_object_get(o, name));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "bytes", 1, NULL, 'b' }, { "ms", 1, NULL, 'm' }, { "repeat", 1, NULL, 'r' }, { "json", 1, NULL, 'j' },
		{ "strace", 1, NULL, 's' }, { "count", 1, NULL, 'c' }, { "bus", 1, NULL, 'B' }, { 0 },
	};
	unsigned int bytes[MAX_SIZES], sizes = 0, ms = 1000, repeat = 1, count = 512;
	const char *file = NULL;
	json_t *runs = json_array(), *run, *cpu;
	bool known = true;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case 'b':
			if (sizes < MAX_SIZES)
				bytes[sizes++] = strtoul(optarg, NULL, 10);
			break;
		case 'm': ms = strtoul(optarg, NULL, 10); break;
		case 'r': repeat = strtoul(optarg, NULL, 10); break;
		case 'j': file = optarg; break;
		case 's': strace_file = optarg; break;
		case 'c': count = strtoul(optarg, NULL, 10); break;
		case 'B':
			bus = optarg;
			xhci = !strcmp(bus, "xhci");
			known = xhci || !strcmp(bus, "vhci") || !strcmp(bus, "benchbus");
			break;
		default: return 2;
		}
	gaps = malloc(MAX_GAPS * sizeof(*gaps));
	if (optind + 1 != argc || !known || !gaps || !runs)
		die("usage: turnaround WAY [--bus benchbus|vhci|xhci] [--bytes N]... [--ms N] [--repeat N] "
		    "[--json FILE] [--strace FILE --count N]");
	way = argv[optind];
	if (!sizes)
		bytes[sizes++] = 240;
	for (unsigned int i = 0; xhci && i < sizes; i++)
		if (bytes[i] > 255)
			die("QEMU's reader works at TPDU level: no %u bytes in one command", bytes[i]);
	signal(SIGPIPE, SIG_IGN);

	attach();
	if (is("pcscd"))
		start_daemon();
	start_client();
	if (strace_file) {
		command(bytes[0], count, NULL);
	} else {
		for (unsigned int r = 0; r < repeat; r++)
			for (unsigned int i = 0; i < sizes; i++) {
				run = measure(bytes[i], ms);
				json_array_append_new(runs, run);
				cpu = json_object_get(run, "cpu_us_per_command");
				printf("%-12s %5u bytes: p50 %8.1f us  p99 %8.1f us  max %9.1f us; CPU %7.1f us, client %7.1f, pcscd %7.1f\n",
				       way, bytes[i], number(run, "p50_ns") / 1e3, number(run, "p99_ns") / 1e3,
				       number(run, "max_ns") / 1e3, number(cpu, "machine"), number(cpu, "client"),
				       number(cpu, "pcscd"));
				fflush(stdout);
			}
	}
	end_children();
	detach();
	if (file && json_dump_file(runs, file, JSON_INDENT(1))) {
		fprintf(stderr, "turnaround: cannot write %s\n", file);
		return 1;
	}
	json_decref(runs);
	free(gaps);
	return 0;
}
