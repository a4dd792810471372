// SPDX-License-Identifier: BSD-2-Clause
/* A reader's life in this process: found by its path, opened by the first ring on it, closed with the last. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "usb_int.h"

#define BUSY_TRIES	25	/* another program may just be looking what is in its slots */
#define BUSY_US		10000
#define GRACE_NS	(20 * USB_MS)	/* how long the helper leaves the events to the program */
#define NAP_NS		(300 * USB_MS)
#define HELPER_STACK	(256 * 1024)

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t list_changed = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(, usb_reader) readers = LIST_HEAD_INITIALIZER(readers);

int cr_usb_error(int err)
{
	switch (err) {
	case LIBUSB_SUCCESS:
		return 0;
	case LIBUSB_ERROR_ACCESS:
		return CR_E_READER_DENIED;
	case LIBUSB_ERROR_NO_DEVICE:
	case LIBUSB_ERROR_NOT_FOUND:
		return CR_E_READER_GONE;
	case LIBUSB_ERROR_BUSY:
		return CR_E_READER_BUSY;
	case LIBUSB_ERROR_NO_MEM:
		return CR_E_NOMEM;
	}
	return CR_E_READER_FAILED;
}

/* ---- the helper ---- */

static bool helper_may_pump(const struct usb_reader *r)
{
	if (r->pumping || r->wanting)
		return false;
	return r->polled || r->busy || (r->lost && !r->gone) || cr_usb_now() - r->pumped >= GRACE_NS;
}

static void *helper(void *arg)
{
	struct usb_reader *r = arg;
	uint64_t nap = GRACE_NS;

	pthread_mutex_lock(&r->lock);
	while (!r->quit) {
		if (r->jobs) {
			pthread_mutex_unlock(&r->lock);
			cr_usb_job(r);
			pthread_mutex_lock(&r->lock);
		} else if (helper_may_pump(r)) {
			cr_usb_pump(r, USB_NEVER, true);
			nap = GRACE_NS;
		} else {
			/* longer and longer: a program's thread may be in ENTER for hours */
			cr_usb_nap(r, cr_usb_now() + nap);
			nap = nap < NAP_NS ? 2 * nap : nap;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static int start_helper(struct usb_reader *r)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int err;

	/* signals are the program's */
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HELPER_STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&r->helper, &attr, helper, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	r->helped = !err;
	return err ? CR_E_NOMEM : 0;
}

/* ---- opening ---- */

static int claim_interface(struct usb_reader *r)
{
	int err = libusb_claim_interface(r->handle, r->itf.number);

	for (unsigned int i = 0; err == LIBUSB_ERROR_BUSY && i < BUSY_TRIES; i++) {
		usleep(BUSY_US);
		err = libusb_claim_interface(r->handle, r->itf.number);
	}
	return cr_usb_error(err);
}

static struct libusb_transfer *transfer(struct usb_reader *r, uint8_t endpoint, unsigned char type,
					libusb_transfer_cb_fn done, void *arg)
{
	struct libusb_transfer *t = libusb_alloc_transfer(0);

	if (t) {
		t->dev_handle = r->handle;
		t->endpoint = endpoint;
		t->type = type;
		t->callback = done;
		t->user_data = arg;
	}
	return t;
}

static int make_transfers(struct usb_reader *r)
{
	const struct cr_ccid_interface *itf = &r->itf;
	size_t packet = itf->in_packet;

	r->rx.size = (itf->desc.max_message + packet - 1) / packet * packet;
	r->rx.buf = malloc(r->rx.size);
	r->rx.transfer = transfer(r, itf->in, LIBUSB_TRANSFER_TYPE_BULK, cr_usb_rx_done, r);
	if (!r->rx.buf || !r->rx.transfer)
		return CR_E_NOMEM;
	for (unsigned int i = 0; i < itf->desc.slots; i++) {
		struct usb_slot *s = &r->slot[i];

		s->tx = transfer(r, itf->out, LIBUSB_TRANSFER_TYPE_BULK, cr_usb_tx_done, s);
		s->control = transfer(r, 0, LIBUSB_TRANSFER_TYPE_CONTROL, cr_usb_control_done, s);
		if (!s->tx || !s->control)
			return CR_E_NOMEM;
	}
	if (!itf->interrupt)
		return 0;
	r->interrupt_buf = malloc(itf->interrupt_packet);
	r->interrupt = transfer(r, itf->interrupt, LIBUSB_TRANSFER_TYPE_INTERRUPT, cr_usb_interrupt_done, r);
	return r->interrupt_buf && r->interrupt ? 0 : CR_E_NOMEM;
}

static void wipe_free(void *p, size_t n)
{
	if (p)
		explicit_bzero(p, n);	/* what cards said */
	free(p);
}

static void free_transfers(struct usb_reader *r)
{
	for (unsigned int i = 0; i < r->itf.desc.slots; i++) {
		libusb_free_transfer(r->slot[i].tx);
		libusb_free_transfer(r->slot[i].control);
		wipe_free(r->slot[i].tx_buf, r->slot[i].tx_size);
	}
	libusb_free_transfer(r->interrupt);
	libusb_free_transfer(r->rx.transfer);
	free(r->interrupt_buf);
	wipe_free(r->rx.buf, r->rx.size);
}

static void let_go(struct usb_reader *r)
{
	/* offered to the module, if that was loaded meanwhile; what it let go before stays as it is */
	if (r->handle && !libusb_release_interface(r->handle, r->itf.number) && !r->module && cr_usb_module())
		libusb_attach_kernel_driver(r->handle, r->itf.number);
	cr_usb_device_close(r);
}

static int bring_up(struct usb_reader *r)
{
	int err;

	r->module = cr_usb_module();
	err = cr_usb_device_open(r);
	if (!err)
		err = claim_interface(r);
	if (!err)
		err = make_transfers(r);
	if (!err)
		err = start_helper(r);
	if (err)
		return err;
	pthread_mutex_lock(&r->lock);
	cr_usb_watch(r);
	cr_usb_leave(r);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

/* Every transfer comes back, the helper ends. */
static void shut_down(struct usb_reader *r)
{
	if (!r->helped)
		return;
	pthread_mutex_lock(&r->lock);
	r->closing = r->stopped = true;
	while (r->outstanding || r->jobs) {
		cr_usb_cancel_all(r);
		cr_usb_nudge(r);
		cr_usb_wait(r, cr_usb_now() + 100 * USB_MS);
	}
	r->quit = true;
	cr_usb_nudge(r);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->helper, NULL);
}

static struct usb_reader *reader_new(const char *name, const struct cr_ccid_interface *itf,
				     const struct cardring_info *info)
{
	struct usb_reader *r = calloc(1, sizeof(*r) + itf->desc.slots * sizeof(r->slot[0]));

	if (!r)
		return NULL;
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->itf = *itf;
	r->info = *info;
	r->refs = 1;
	r->settling = true;
	r->node = -1;
	r->interrupt_at = r->poll_at = USB_NEVER;
	pthread_mutex_init(&r->lock, NULL);
	LIST_INIT(&r->rings);
	for (unsigned int i = 0; i < itf->desc.slots; i++)
		cr_usb_slot_init(r, i);
	return r;
}

/* Of this name, settled, on this very device; NULL. With list_lock. */
static struct usb_reader *find_open(const char *name, uint32_t devnum)
{
	struct usb_reader *r;

again:
	LIST_FOREACH(r, &readers, link) {
		if (strcmp(r->name, name))
			continue;
		if (r->settling) {
			pthread_cond_wait(&list_changed, &list_lock);
			goto again;
		}
		if (r->info.devnum == devnum)
			return r;
	}
	return NULL;
}

/* Whoever waits to open it again finds the device free. */
static void drop(struct usb_reader *r)
{
	shut_down(r);
	free_transfers(r);
	let_go(r);
	pthread_mutex_lock(&list_lock);
	LIST_REMOVE(r, link);
	pthread_cond_broadcast(&list_changed);
	pthread_mutex_unlock(&list_lock);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

int cr_usb_open(const char *path, struct usb_reader **out)
{
	struct cr_ccid_interface itf;
	struct cardring_info info;
	struct usb_reader *r;
	char name[sizeof(r->name)];
	int err = cr_usb_resolve(path, name, sizeof(name), &itf, &info);

	if (err)
		return err;
	pthread_mutex_lock(&list_lock);
	r = find_open(name, info.devnum);
	if (r) {
		r->refs++;
		pthread_mutex_unlock(&list_lock);
		*out = r;
		return 0;
	}
	r = reader_new(name, &itf, &info);
	if (r)
		LIST_INSERT_HEAD(&readers, r, link);
	pthread_mutex_unlock(&list_lock);
	if (!r)
		return CR_E_NOMEM;
	err = bring_up(r);
	if (err) {
		drop(r);
		return err;
	}
	pthread_mutex_lock(&list_lock);
	r->settling = false;
	pthread_cond_broadcast(&list_changed);
	pthread_mutex_unlock(&list_lock);
	*out = r;
	return 0;
}

void cr_usb_close(struct usb_reader *r)
{
	bool last;

	pthread_mutex_lock(&list_lock);
	last = !--r->refs;
	r->settling = last;
	pthread_mutex_unlock(&list_lock);
	if (last)
		drop(r);
}

bool cr_usb_peek(const char *name, struct cardring_slot *slots, unsigned int max)
{
	struct usb_reader *r;

	pthread_mutex_lock(&list_lock);
	LIST_FOREACH(r, &readers, link) {
		if (!r->settling && !strcmp(r->name, name))
			break;
	}
	if (r) {
		pthread_mutex_lock(&r->lock);
		for (unsigned int i = 0; i < max && i < r->itf.desc.slots; i++)
			slots[i] = (struct cardring_slot) {
				.slot = i, .state = r->slot[i].state,
				.owner_pid = r->slot[i].owner ? getpid() : 0,
			};
		pthread_mutex_unlock(&r->lock);
	}
	pthread_mutex_unlock(&list_lock);
	return r;
}
