// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who handles libusb's events. A program's thread that waits in ENTER does it itself: an answer wakes that thread
 * and no other, and the next command of a chain leaves from there. Where no program's thread waits, the reader's
 * helper does it: at once if commands are in flight or the program polls the ring's descriptor, else a moment later,
 * so that a program that sends one command after the other is never crossed by it.
 *
 * Waiting is done on futexes, because a signal must end it.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "usb_int.h"

#define STALE		(5 * USB_MS)	/* nobody takes a card out and puts another in in less */
#define LONGEST		(3600 * 1000 * USB_MS)

uint64_t cr_usb_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * USB_MS + (uint64_t)t.tv_nsec;
}

/* Sleeps without the lock while *word is what it is; 0, -ETIME or -EINTR. */
static int futex_sleep(struct usb_reader *r, uint32_t *word, uint64_t until)
{
	uint32_t was = *word;
	uint64_t now = cr_usb_now();
	struct timespec t;
	long rc;

	/* always with an end: a wait without one is begun again behind a signal's handler */
	if (until > now + LONGEST)
		until = now + LONGEST;
	t.tv_sec = (time_t)(until / (1000 * USB_MS));
	t.tv_nsec = (long)(until % (1000 * USB_MS));
	pthread_mutex_unlock(&r->lock);
	rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, was, &t, NULL, FUTEX_BITSET_MATCH_ANY);
	if (rc)
		rc = errno == EINTR ? -EINTR : errno == ETIMEDOUT ? -ETIME : 0;
	pthread_mutex_lock(&r->lock);
	return (int)rc;
}

static void futex_wake(uint32_t *word)
{
	__atomic_add_fetch(word, 1, __ATOMIC_RELAXED);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void cr_usb_wake(struct usb_reader *r)
{
	if (r->sleepers)
		futex_wake(&r->changes);
	/* one of them may be handling events */
	if (r->pumping && !r->helper_pumps)
		libusb_interrupt_event_handler(r->ctx);
}

void cr_usb_nudge(struct usb_reader *r)
{
	if (r->napping)
		futex_wake(&r->nudges);
	else if (r->helper_pumps)
		libusb_interrupt_event_handler(r->ctx);
}

void cr_usb_sooner(struct usb_reader *r, uint64_t at)
{
	if (r->pumping && at < r->pump_until) {
		r->pump_until = at;
		libusb_interrupt_event_handler(r->ctx);
	}
}

int cr_usb_pump(struct usb_reader *r, uint64_t until, bool helper)
{
	uint64_t now = cr_usb_now(), next = cr_usb_next(r), wait;
	struct timeval tv;
	int rc;

	if (next < until)
		until = next;
	if (until > now + LONGEST)
		until = now + LONGEST;
	wait = until > now ? until - now : 0;
	tv.tv_sec = (time_t)(wait / (1000 * USB_MS));
	tv.tv_usec = (suseconds_t)((wait % (1000 * USB_MS) + 999) / 1000);
	if (tv.tv_usec > 999999)
		tv.tv_usec = 999999;
	r->pumping = true;
	r->helper_pumps = helper;
	r->pump_until = until;
	r->looked = now;
	pthread_mutex_unlock(&r->lock);
	rc = libusb_handle_events_timeout_completed(r->ctx, &tv, NULL);
	pthread_mutex_lock(&r->lock);
	r->pumping = r->helper_pumps = false;
	if (r->unplugged)
		cr_usb_lost(r);
	cr_usb_service(r);
	cr_usb_wake(r);
	return rc == LIBUSB_ERROR_INTERRUPTED ? -EINTR : 0;
}

int cr_usb_wait(struct usb_reader *r, uint64_t until)
{
	int err;

	if (cr_usb_now() >= until)
		return -ETIME;
	r->wanting++;
	if (!r->pumping) {
		err = cr_usb_pump(r, until, false);
		r->pumped = cr_usb_now();
	} else {
		if (r->helper_pumps)
			libusb_interrupt_event_handler(r->ctx);
		r->sleepers++;
		err = futex_sleep(r, &r->changes, until);
		r->sleepers--;
	}
	r->wanting--;
	return err == -ETIME ? 0 : err;
}

void cr_usb_look(struct usb_reader *r)
{
	if (r->pumping || cr_usb_now() - r->pumped < STALE)
		return;
	cr_usb_pump(r, 0, false);
	r->pumped = cr_usb_now();
}

/* Must somebody handle events although no program's thread waits? */
static bool urgent(const struct usb_reader *r)
{
	return r->polled || r->busy || (r->lost && !r->gone);
}

void cr_usb_leave(struct usb_reader *r)
{
	if (r->pumping)
		return;
	if (r->wanting)
		cr_usb_wake(r);
	else if (r->napping && (urgent(r) || r->jobs))
		futex_wake(&r->nudges);
}

/* The helper rests: program's threads handle events, or have done so a moment ago. */
void cr_usb_nap(struct usb_reader *r, uint64_t until)
{
	r->napping = true;
	futex_sleep(r, &r->nudges, until);
	r->napping = false;
}
