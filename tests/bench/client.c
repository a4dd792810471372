// SPDX-License-Identifier: BSD-2-Clause
/*
 * The host's side of tests/bench/turnaround.c: one program for each way there is to send a command to a reader.
 *
 *   client WAY NODE|USBNAME      linked, queued, single, spin: /dev/cardringN; limit, libusb, libusb-async: the
 *                                device's "BUS-PORT"; pcscd: anything
 *
 * Says "ready", then for each line
 *   BYTES COUNT   reads BYTES of the test card COUNT times, looks at each answer, and says "ok USER_US SYSTEM_US" of
 *                 its own time over that
 *   = HEX         sends this command once and says the answer in hexadecimal
 * Ends with its input, or with a message and status 1.
 *
 * A reader at TPDU level gets the same commands where they are T=0 TPDUs too: a header of five bytes, and no data. It
 * is told no parameters: QEMU's reader sets them itself (dwFeatures).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <libusb-1.0/libusb.h>
#include <PCSC/winscard.h>
#include <PCSC/wintypes.h>
#include "reader/backend.h"
#include "vreader.h"
#include "bench.h"

#define BATCH		32
#define MAX_ANSWER	65556
#define MAX_ONCE	16	/* bytes of a command that is sent once */

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "client: ");
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static size_t read_apdu(uint8_t *apdu, unsigned int bytes)
{
	memset(apdu, 0, 7);
	apdu[1] = 0xB0;
	if (bytes < 256) {
		apdu[4] = bytes;
		return 5;
	}
	apdu[5] = bytes >> 8;
	apdu[6] = bytes;
	return 7;
}

/* The same for every way: length, status word, the first byte and the last. */
static void look(const uint8_t *answer, size_t len, unsigned int bytes)
{
	if (len != bytes + 2 || answer[len - 2] != 0x90 || answer[len - 1] ||
	    answer[0] != vcard_echo_byte(0) || answer[bytes - 1] != vcard_echo_byte(bytes - 1))
		die("a wrong answer of %zu bytes to a READ BINARY of %u", len, bytes);
}

/* ---- through the module's rings ---- */

static cr_ring_t *ring;

static const struct cardring_cqe *next_cqe(void)
{
	const struct cardring_cqe *cqe;

	while ((cqe = cr_ring_peek(ring)) && cqe->flags & CARDRING_CQE_EVENT)
		cr_ring_seen(ring);
	return cqe;
}

static void ring_enter(unsigned int min_complete, int timeout_ms)
{
	int n = cr_ring_submit(ring, min_complete, timeout_ms);

	if (n < 0 && n != -EINTR)
		die("ENTER: %s", strerror(-n));
}

static void ring_open(const char *node)
{
	const struct cr_ring_params params = { .entries = 2 * BATCH, .buffers = 1 + 2 * BATCH, .buf_size = 32768 + 2 };
	const struct cardring_cqe *cqe;
	struct cardring_info info;
	struct cardring_sqe *sqe;
	int err = cr_backend_kernel.open(node, &params, &ring, &info);

	if (err)
		die("%s: %s", node, cr_strerror(err));
	cr_ring_set_spin(ring, CR_SPIN_OFF, 0);
	err = ring->ops->claim(ring, 0, 5000);
	if (err)
		die("claim: %s", strerror(-err));
	sqe = cr_ring_sqe(ring);
	sqe->opcode = CARDRING_OP_POWER_ON;
	sqe->rx_buf = 0;
	ring_enter(1, 5000);
	while (!(cqe = next_cqe()))
		ring_enter(1, 5000);
	if (cqe->result < 0)
		die("power on: %s", strerror(-cqe->result));
	cr_ring_seen(ring);
}

/* Buffer 0 is the command, which is the same for all; answers go to buffers 1 to 2 * BATCH in turn. */
static void ring_push(unsigned int n, size_t tx_len, bool link)
{
	struct cardring_sqe *sqe = cr_ring_sqe(ring);

	if (!sqe)
		die("the submission ring is full");
	sqe->opcode = CARDRING_OP_XFER;
	sqe->flags = CARDRING_SQE_EXPECT_SW | (link ? CARDRING_SQE_LINK : 0);
	sqe->sw = 0x9000;
	sqe->sw_mask = 0xFFFF;
	sqe->user_data = n;
	sqe->tx_len = tx_len;
	sqe->rx_buf = 1 + n % (2 * BATCH);
}

/* false: there is none yet. */
static bool ring_reap(unsigned int n, unsigned int bytes)
{
	const struct cardring_cqe *cqe = next_cqe();

	if (!cqe)
		return false;
	if (cqe->result < 0 || cqe->user_data != n)
		die("command %u: %lld: %s", n, (long long)cqe->user_data, strerror(-cqe->result));
	look(cr_ring_payload(ring, 1 + n % (2 * BATCH)), cqe->result, bytes);
	cr_ring_seen(ring);
	return true;
}

static void ring_single(unsigned int bytes, unsigned int count)
{
	size_t len = read_apdu(cr_ring_payload(ring, 0), bytes);

	for (unsigned int n = 0; n < count; n++) {
		ring_push(n, len, false);
		ring_enter(1, -1);
		while (!ring_reap(n, bytes))
			ring_enter(1, -1);
	}
}

static void ring_spin(unsigned int bytes, unsigned int count)
{
	cr_ring_set_spin(ring, CR_SPIN_ON, 10000);
	ring_single(bytes, count);
}

/* ahead: batches in flight beyond the one that is waited for. */
static void ring_batches(unsigned int bytes, unsigned int count, unsigned int ahead)
{
	size_t len = read_apdu(cr_ring_payload(ring, 0), bytes);
	unsigned int pushed = 0, reaped = 0, last;

	while (reaped < count) {
		while (pushed < count && pushed < reaped + (1 + ahead) * BATCH) {
			last = pushed + BATCH < count ? pushed + BATCH : count;
			for (; pushed < last; pushed++)
				ring_push(pushed, len, pushed + 1 < last);
		}
		last = reaped + BATCH < count ? reaped + BATCH : count;
		ring_enter(last - reaped, -1);
		while (reaped < last)
			if (ring_reap(reaped, bytes))
				reaped++;
			else
				ring_enter(last - reaped, -1);
	}
}

static size_t ring_once(const uint8_t *apdu, size_t len, uint8_t *answer)
{
	const struct cardring_cqe *cqe;
	struct cardring_sqe *sqe = cr_ring_sqe(ring);
	size_t n;

	if (!sqe)
		die("the submission ring is full");
	memcpy(cr_ring_payload(ring, 0), apdu, len);
	sqe->opcode = CARDRING_OP_XFER;
	sqe->tx_len = len;
	sqe->rx_buf = 1;
	ring_enter(1, 5000);
	while (!(cqe = next_cqe()))
		ring_enter(1, 5000);
	if (cqe->result < 0)
		die("a command: %s", strerror(-cqe->result));
	n = cqe->result;
	memcpy(answer, cr_ring_payload(ring, 1), n);
	cr_ring_seen(ring);
	return n;
}

static void ring_linked(unsigned int bytes, unsigned int count)
{
	ring_batches(bytes, count, 0);
}

static void ring_queued(unsigned int bytes, unsigned int count)
{
	ring_batches(bytes, count, 1);
}

/* ---- the do-nothing module ---- */

static int limit_fd;

static void limit_open(const char *name)
{
	limit_fd = open("/sys/kernel/debug/cardring_bench", O_RDWR);
	if (limit_fd < 0)
		die("/sys/kernel/debug/cardring_bench: %s", strerror(errno));
}

static void limit_run(unsigned int bytes, unsigned int count)
{
	if (dprintf(limit_fd, "%u %u", bytes, count) < 0)
		die("the do-nothing module: %s", strerror(errno));
}

static size_t limit_once(const uint8_t *apdu, size_t len, uint8_t *answer)
{
	char text[2 + 2 * MAX_ONCE + 1] = "= ";
	ssize_t n;

	for (size_t i = 0; i < len; i++)
		sprintf(text + 2 + 2 * i, "%02x", apdu[i]);
	if (write(limit_fd, text, strlen(text)) < 0)
		die("the do-nothing module: %s", strerror(errno));
	n = pread(limit_fd, answer, MAX_ANSWER, 0);
	if (n < 0)
		die("the do-nothing module's answer: %s", strerror(errno));
	return n;
}

/* ---- libusb ---- */

static libusb_device_handle *usb;
static uint8_t usb_out[32], *usb_in, seq, ep_out, ep_in;
static unsigned int usb_want, usb_in_size, usb_got;

static size_t usb_command(uint8_t type, size_t len)
{
	usb_out[0] = type;
	usb_out[1] = len;
	memset(usb_out + 2, 0, 8);
	usb_out[6] = ++seq;
	return CCID_HDR + len;
}

static void usb_look(int len)
{
	if (len < CCID_HDR || usb_in[0] != RDR_DATA_BLOCK || usb_in[6] != seq || usb_in[7] & 0xC0)
		die("a wrong message of %d bytes", len);
	usb_got = len - CCID_HDR;
	if (usb_want)
		look(usb_in + CCID_HDR, usb_got, usb_want);
}

static void usb_exchange(size_t len)
{
	int err, n;

	err = libusb_bulk_transfer(usb, ep_out, usb_out, len, &n, 5000);
	if (!err)
		err = libusb_bulk_transfer(usb, ep_in, usb_in, usb_in_size, &n, 5000);
	if (err)
		die("bulk transfer: %s", libusb_error_name(err));
	usb_look(n);
}

/* "9-1": of the bus and the port; the reader is plugged into a root hub. */
static bool usb_named(libusb_device *dev, const char *name)
{
	char mine[32];

	snprintf(mine, sizeof(mine), "%u-%u", libusb_get_bus_number(dev), libusb_get_port_number(dev));
	return !strcmp(mine, name);
}

/* The bulk endpoints, and dwMaxCCIDMessageLength (CCID 1.1, 5.1) up to whole packets. */
static void usb_endpoints(libusb_device *dev)
{
	const struct libusb_interface_descriptor *i;
	const struct libusb_endpoint_descriptor *e;
	struct libusb_config_descriptor *config;
	unsigned int packet = 0;

	if (libusb_get_active_config_descriptor(dev, &config))
		die("no configuration");
	i = config->interface[0].altsetting;
	for (e = i->endpoint; e < i->endpoint + i->bNumEndpoints; e++) {
		if ((e->bmAttributes & LIBUSB_TRANSFER_TYPE_MASK) != LIBUSB_TRANSFER_TYPE_BULK)
			continue;
		if (e->bEndpointAddress & LIBUSB_ENDPOINT_IN) {
			ep_in = e->bEndpointAddress;
			packet = e->wMaxPacketSize;
		} else {
			ep_out = e->bEndpointAddress;
		}
	}
	if (!packet || !ep_out || i->extra_length < 48)
		die("the interface is not a card reader's");
	usb_in_size = i->extra[44] | i->extra[45] << 8 | i->extra[46] << 16;
	usb_in_size = (usb_in_size + packet - 1) / packet * packet;
	libusb_free_config_descriptor(config);
}

static void usb_open(const char *name)
{
	libusb_device **list;
	ssize_t n;
	int err = libusb_init(NULL);

	if (err)
		die("libusb: %s", libusb_error_name(err));
	n = libusb_get_device_list(NULL, &list);
	for (ssize_t i = 0; i < n && !usb; i++)
		if (usb_named(list[i], name)) {
			err = libusb_open(list[i], &usb);
			if (err)
				die("open: %s", libusb_error_name(err));
			usb_endpoints(list[i]);
		}
	if (!usb)
		die("libusb has no device %s", name);
	libusb_free_device_list(list, 1);
	libusb_set_auto_detach_kernel_driver(usb, 1);
	err = libusb_claim_interface(usb, 0);
	if (err)
		die("claim: %s", libusb_error_name(err));
	/* DMA memory where usbfs gives it, so that it does not copy */
	usb_in = libusb_dev_mem_alloc(usb, usb_in_size);
	if (!usb_in)
		usb_in = malloc(usb_in_size);
	if (!usb_in)
		die("out of memory");
	usb_exchange(usb_command(PC_ICC_POWER_ON, 0));
}

static void usb_run(unsigned int bytes, unsigned int count)
{
	usb_want = bytes;
	for (unsigned int i = 0; i < count; i++)
		usb_exchange(usb_command(PC_XFR_BLOCK, read_apdu(usb_out + CCID_HDR, bytes)));
}

static size_t usb_once(const uint8_t *apdu, size_t len, uint8_t *answer)
{
	usb_want = 0;
	memcpy(usb_out + CCID_HDR, apdu, len);
	usb_exchange(usb_command(PC_XFR_BLOCK, len));
	memcpy(answer, usb_in + CCID_HDR, usb_got);
	return usb_got;
}

struct usb_loop {
	struct libusb_transfer *in, *out;
	unsigned int left, pending;
	int failed;
};

static void usb_send(struct usb_loop *l)
{
	int err;

	l->out->length = usb_command(PC_XFR_BLOCK, usb_out[1]);
	l->pending = 2;
	err = libusb_submit_transfer(l->out);
	if (!err)
		err = libusb_submit_transfer(l->in);
	if (err)
		die("submit: %s", libusb_error_name(err));
}

static void LIBUSB_CALL usb_done(struct libusb_transfer *t)
{
	struct usb_loop *l = t->user_data;

	if (t->status != LIBUSB_TRANSFER_COMPLETED)
		die("transfer: status %d", t->status);
	if (t == l->in)
		usb_look(t->actual_length);
	if (!--l->pending && --l->left)
		usb_send(l);
}

static void usb_run_async(unsigned int bytes, unsigned int count)
{
	struct usb_loop l = { .in = libusb_alloc_transfer(0), .out = libusb_alloc_transfer(0), .left = count };

	if (!l.in || !l.out)
		die("out of memory");
	usb_want = bytes;
	usb_out[1] = read_apdu(usb_out + CCID_HDR, bytes);
	libusb_fill_bulk_transfer(l.out, usb, ep_out, usb_out, 0, usb_done, &l, 5000);
	libusb_fill_bulk_transfer(l.in, usb, ep_in, usb_in, usb_in_size, usb_done, &l, 5000);
	usb_send(&l);
	while (l.left)
		if (libusb_handle_events(NULL))
			die("libusb: no more events");
	libusb_free_transfer(l.in);
	libusb_free_transfer(l.out);
}

/* ---- pcscd and libccid ---- */

static SCARDHANDLE card;
static const SCARD_IO_REQUEST *pci;

static void pcsc_open(const char *name)
{
	const struct timespec tick = { .tv_nsec = 50000000 };
	uint64_t end = now_ns() + 60000000000ULL;
	SCARDCONTEXT ctx;
	DWORD len, protocol;
	char readers[1024];
	LONG rv;

	while ((rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &ctx)) && now_ns() < end)
		nanosleep(&tick, NULL);
	if (rv)
		die("SCardEstablishContext: %s", pcsc_stringify_error(rv));
	do {
		nanosleep(&tick, NULL);
		len = sizeof(readers);
		rv = SCardListReaders(ctx, NULL, readers, &len);
		/* Drivers without a device may be listed too (vpcd): the first with a card in it. */
		for (const char *r = readers; !card && !rv && *r; r += strlen(r) + 1)
			if (SCardConnect(ctx, r, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
					 &card, &protocol))
				card = 0;
		if (!rv && !card)
			rv = SCARD_E_NO_SMARTCARD;
	} while (rv && now_ns() < end);
	if (rv)
		die("no card by pcscd: %s", pcsc_stringify_error(rv));
	pci = protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
}

static size_t pcsc_once(const uint8_t *apdu, size_t len, uint8_t *answer)
{
	DWORD n = MAX_ANSWER;
	LONG rv = SCardTransmit(card, pci, apdu, len, NULL, answer, &n);

	if (rv)
		die("SCardTransmit: %s", pcsc_stringify_error(rv));
	return n;
}

static void pcsc_run(unsigned int bytes, unsigned int count)
{
	static uint8_t answer[MAX_ANSWER];
	uint8_t apdu[8];
	size_t n = read_apdu(apdu, bytes);
	DWORD len;
	LONG rv;

	for (unsigned int i = 0; i < count; i++) {
		len = sizeof(answer);
		rv = SCardTransmit(card, pci, apdu, n, NULL, answer, &len);
		if (rv)
			die("SCardTransmit: %s", pcsc_stringify_error(rv));
		look(answer, len, bytes);
	}
}

/* ---- */

static const struct way {
	const char *name;
	void (*open)(const char *name);
	void (*run)(unsigned int bytes, unsigned int count);
	size_t (*once)(const uint8_t *apdu, size_t len, uint8_t *answer);
} ways[] = {
	{ "linked", ring_open, ring_linked, ring_once },
	{ "queued", ring_open, ring_queued, ring_once },
	{ "single", ring_open, ring_single, ring_once },
	{ "spin", ring_open, ring_spin, ring_once },
	{ "limit", limit_open, limit_run, limit_once },
	{ "libusb", usb_open, usb_run, usb_once },
	{ "libusb-async", usb_open, usb_run_async, usb_once },
	{ "pcscd", pcsc_open, pcsc_run, pcsc_once },
};

static void once(const struct way *way, const char *hex)
{
	static uint8_t answer[MAX_ANSWER];
	uint8_t apdu[MAX_ONCE];
	size_t len = 0, n;

	while (len < sizeof(apdu) && sscanf(hex + 2 * len, "%2hhx", &apdu[len]) == 1)
		len++;
	n = way->once(apdu, len, answer);
	for (size_t i = 0; i < n; i++)
		printf("%02x", answer[i]);
	printf("\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const struct way *way = NULL;
	unsigned int bytes, count;
	struct rusage a, b;
	char line[64];

	for (size_t i = 0; argc == 3 && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, argv[1]))
			way = &ways[i];
	if (!way)
		die("usage: client WAY NODE|USBNAME");
	way->open(argv[2]);
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "= ", 2)) {
			once(way, line + 2);
			continue;
		}
		if (sscanf(line, "%u %u", &bytes, &count) != 2 || !count || !bytes || bytes > 32768)
			die("not BYTES COUNT: %s", line);
		getrusage(RUSAGE_SELF, &a);
		way->run(bytes, count);
		getrusage(RUSAGE_SELF, &b);
		printf("ok %llu %llu\n", (unsigned long long)(usec(&b.ru_utime) - usec(&a.ru_utime)),
		       (unsigned long long)(usec(&b.ru_stime) - usec(&a.ru_stime)));
		fflush(stdout);
	}
	return 0;
}
