// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many readers, one thread, one event loop: each slot has one linked batch in flight, of which the kernel sends every
 * command from the completion of the last. Ends when the last reader is gone. For readers that take APDUs.
 *   cc many-readers.c $(pkg-config --cflags --libs libcardring) -o many-readers
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <cardring/reader.h>

/* EF.CardAccess is selected, 8 bytes of it are read (ICAO 9303-10, 3.11.3): cards with PACE give it to everybody. */
static const uint8_t apdus[2][7] = { { 0, 0xA4, 2, 0x0C, 2, 1, 0x1C }, { 0, 0xB0, 0, 0, 8 } };
enum { ANSWER = 2, BUFFERS };	/* the first two hold the commands */
static const struct cardring_sqe batch[] = {
	{ .opcode = CARDRING_OP_POWER_ON, .user_data = 0, .flags = CARDRING_SQE_LINK, .rx_buf = ANSWER },
	{ .opcode = CARDRING_OP_XFER, .user_data = 1, .flags = CARDRING_SQE_LINK | CARDRING_SQE_EXPECT_SW,
	  .tx_buf = 0, .tx_len = 7, .rx_buf = ANSWER, .sw = 0x9000, .sw_mask = 0xffff },
	{ .opcode = CARDRING_OP_XFER, .user_data = 2, .flags = CARDRING_SQE_EXPECT_SW,
	  .tx_buf = 1, .tx_len = 5, .rx_buf = ANSWER, .sw = 0x9000, .sw_mask = 0xffff },
};
enum { LAST = 2 };

struct reader {
	struct cr_reader_info info;
	cr_ring_t *ring;
	int busy, ready, powered;	/* a batch is in flight; another may be; the card needs no power on */
	unsigned long done;
};

static int start(struct reader *r)	/* 0, or -errno: the reader is lost */
{
	for (int i = r->powered ? 1 : 0; i <= LAST; i++) {
		struct cardring_sqe *sqe = cr_ring_sqe(r->ring);	/* there is room: nothing else is in flight */

		*sqe = batch[i];
		sqe->slot = (uint8_t)r->info.slot;
	}
	r->busy = r->powered = 1;
	r->ready = 0;
	int n = cr_ring_submit(r->ring, 0, 0);	/* does not wait: epoll does */
	return n < 0 ? n : 0;
}

static void completed(struct reader *r, const struct cardring_cqe *c)
{
	if (c->result == -EBADMSG)
		printf("%s: the card answered %04X\n", r->info.name, c->sw);
	else if (c->result < 0 && c->result != -ECANCELED)	/* which is what follows a failure */
		printf("%s: %s\n", r->info.name, strerror(-c->result));
	if (c->user_data != LAST)
		return;
	r->busy = 0;
	if (c->result < 0)
		return;		/* not ready: until the card is taken off and put back */
	r->ready = 1;
	if (r->done++)
		return;
	printf("%s: the card answered", r->info.name);
	for (uint32_t i = 0; i < c->bytes; i++)
		printf(" %02X", cr_ring_payload(r->ring, ANSWER)[i]);
	printf("\n");
}

static int serve(struct reader *r)	/* negative: the reader is lost */
{
	for (const struct cardring_cqe *c; (c = cr_ring_peek(r->ring)); cr_ring_seen(r->ring)) {
		if (!(c->flags & CARDRING_CQE_EVENT)) {
			completed(r, c);
		} else if (c->result == CARDRING_EVENT_GONE) {
			return -ENODEV;
		} else if (c->result == CARDRING_EVENT_RESET ||
			   (c->result == CARDRING_EVENT_CARD_IN && c->slot == r->info.slot)) {
			r->ready = 1;
			r->powered = 0;
		} else if (c->result == CARDRING_EVENT_CARD_OUT && c->slot == r->info.slot) {
			printf("%s: card out after %lu batches\n", r->info.name, r->done);
			r->done = 0;
		}
	}
	return r->ready && !r->busy ? start(r) : 0;
}

static int open_reader(struct reader *r)	/* 0, or an error that is told */
{
	struct cr_ring_params params = { .entries = 8, .buffers = BUFFERS, .buf_size = 300 };	/* little is locked */
	/* libusb where no module drives it; pcscd where that has it */
	const struct cr_backend *const backends[] = { &cr_backend_kernel, &cr_backend_usb, &cr_backend_pcsc };
	int err = CR_E_UNSUPPORTED;

	for (int i = 0; i < 3; i++)
		if (!strcmp(r->info.backend, backends[i]->name))
			err = backends[i]->open(r->info.path, &params, &r->ring, NULL);
	if (!err && cr_ring_claim(r->ring, r->info.slot, 0))
		err = CR_E_READER_BUSY;
	for (uint32_t i = 0; !err && i < ANSWER; i++)
		memcpy(cr_ring_payload(r->ring, i), apdus[i], sizeof(apdus[i]));
	if (!err && start(r))
		err = CR_E_READER_GONE;
	if (err) {
		printf("%s: %s\n", r->info.name, cr_strerror(err));
		cr_ring_close(r->ring);
	}
	return err;
}

int main(void)
{
	struct cr_reader_info *list = NULL;
	int n = cr_reader_list(&list), live = 0, ep = epoll_create1(EPOLL_CLOEXEC);
	struct reader *readers = calloc(n > 0 ? (size_t)n : 1, sizeof(*readers));
	struct epoll_event ev[64];

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 0; readers && i < n; i++) {
		readers[i].info = list[i];
		ev[0] = (struct epoll_event){ .events = EPOLLIN, .data.ptr = &readers[i] };
		if (!open_reader(&readers[i]))
			live += !epoll_ctl(ep, EPOLL_CTL_ADD, cr_ring_fd(readers[i].ring), &ev[0]);
	}
	if (!live)
		fprintf(stderr, "%s\n", cr_strerror(n < 0 ? n : CR_E_NO_READER));
	int rc = live ? 0 : 1;
	while (live) {
		n = epoll_wait(ep, ev, 64, -1);
		for (int i = 0; i < n; i++) {
			struct reader *r = ev[i].data.ptr;

			if (serve(r) >= 0)
				continue;
			printf("%s: gone after %lu batches\n", r->info.name, r->done);
			cr_ring_close(r->ring);		/* gives everything back; epoll forgets it */
			live--;
		}
	}
	free(readers);
	free(list);
	return rc;
}
