// SPDX-License-Identifier: BSD-2-Clause
/*
 * Being told by pcscd of readers and cards that come and go: a thread that waits in SCardGetStatusChange. Cards are
 * told of by name; that the number of readers changed by the reader "\\?PnP?\Notification" (pcsc-lite, SCardGetStatusChange).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "pcsc_int.h"

#define READERS_MAX	64	/* pcsc-lite has 16 */
#define NOTIFICATION	"\\\\?PnP?\\Notification"
#define AGAIN_MS	2000	/* pcscd is looked for so often where it does not run */
#define CANCEL_MS	200	/* a cancel that comes just before the wait is lost: another one */
#define CANCELS		10

struct pcsc_watch {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	cr_pcsc_told_fn told;		/* NULL: nobody wants to know any more */
	void *arg;
	char reader[PCSC_NAME_MAX];	/* "": all */
	const struct pcsc_api *api;
	long ctx;
	bool has_ctx, ended;
	unsigned int refs;

	struct pcsc_state state[READERS_MAX];
	char names[READERS_MAX * PCSC_NAME_MAX];
};

static void unref(struct pcsc_watch *w)
{
	unsigned int left = --w->refs;

	pthread_mutex_unlock(&w->lock);
	if (left)
		return;
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* Told under the lock, so that nothing is told any more once unwatch has it. False: nobody wants to know. */
static bool tell(struct pcsc_watch *w, const struct pcsc_state *state, int err)
{
	bool wanted;

	pthread_mutex_lock(&w->lock);
	wanted = w->told;
	if (wanted)
		w->told(w->arg, state, err);
	pthread_mutex_unlock(&w->lock);
	return wanted;
}

static bool wanted(struct pcsc_watch *w)
{
	bool yes;

	pthread_mutex_lock(&w->lock);
	yes = w->told;
	pthread_mutex_unlock(&w->lock);
	return yes;
}

static long begin(struct pcsc_watch *w)
{
	long ctx, rv = w->api->establish(2, NULL, NULL, &ctx);

	if (rv)
		return rv;
	pthread_mutex_lock(&w->lock);
	w->ctx = ctx;
	w->has_ctx = true;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static void end(struct pcsc_watch *w)
{
	bool had;

	pthread_mutex_lock(&w->lock);
	had = w->has_ctx;
	w->has_ctx = false;
	pthread_mutex_unlock(&w->lock);
	if (had)
		w->api->release(w->ctx);
}

/* ---- one reader ---- */

static void watch_one(struct pcsc_watch *w)
{
	struct pcsc_state *s = w->state;
	long rv = begin(w);

	s->reader = w->reader;
	while (!rv) {
		rv = w->api->status_change(w->ctx, PCSC_INFINITE, s, 1);
		if (rv && (rv & 0xffffffffL) == PCSC_E_CANCELLED)
			rv = 0;
		else if (!rv && s->event & (PCSC_STATE_IGNORE | PCSC_STATE_UNKNOWN | PCSC_STATE_UNAVAILABLE))
			rv = PCSC_E_READER_UNAVAILABLE;
		else if (!rv && !tell(w, s, 0))
			break;
		if (!rv && !wanted(w))
			break;
		s->current = s->event;
	}
	if (rv)
		tell(w, NULL, cr_pcsc_error(rv));
}

/* ---- all ---- */

/* The readers there are, beside the notification; how many in all. */
static unsigned long list_all(struct pcsc_watch *w)
{
	unsigned long len = sizeof(w->names), n = 1;
	const char *name;

	memset(w->state, 0, sizeof(w->state));
	w->state[0].reader = NOTIFICATION;
	if (w->api->list(w->ctx, NULL, w->names, &len))
		return n;
	for (name = w->names; *name && n < READERS_MAX; name += strlen(name) + 1)
		w->state[n++].reader = name;
	/* as many as are in the list: it is a change when there are others */
	w->state[0].current = (n - 1) << 16;
	return n;
}

static bool watch_list(struct pcsc_watch *w)
{
	unsigned long n = list_all(w);
	/* what the states are to begin with */
	long rv = n > 1 ? w->api->status_change(w->ctx, 0, w->state + 1, n - 1) : 0;

	while (!rv) {
		for (unsigned long i = 1; i < n; i++)
			w->state[i].current = w->state[i].event;
		rv = w->api->status_change(w->ctx, PCSC_INFINITE, w->state, n);
		if ((rv & 0xffffffffL) == PCSC_E_CANCELLED)
			return wanted(w);
		if (!tell(w, NULL, 0))
			return false;
		if (!rv && w->state[0].event & 2)	/* SCARD_STATE_CHANGED */
			return true;
	}
	/* a reader that is gone: the list is another; or pcscd is */
	return (rv & 0xffffffffL) == PCSC_E_UNKNOWN_READER;
}

static bool pause_ms(struct pcsc_watch *w, unsigned int ms)
{
	struct timespec until;
	bool yes;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	pthread_mutex_lock(&w->lock);
	while (w->told && !pthread_cond_timedwait(&w->changed, &w->lock, &until))
		;
	yes = w->told;
	pthread_mutex_unlock(&w->lock);
	return yes;
}

static void watch_all(struct pcsc_watch *w)
{
	bool go_on = true;

	while (go_on) {
		if (cr_pcscd_runs() && !begin(w)) {
			go_on = tell(w, NULL, 0);
			while (go_on && watch_list(w))
				;
			end(w);
			go_on = tell(w, NULL, 0);
		}
		go_on = go_on && pause_ms(w, AGAIN_MS);
	}
}

/* ---- */

static void *watch(void *arg)
{
	struct pcsc_watch *w = arg;

	if (*w->reader)
		watch_one(w);
	else
		watch_all(w);
	end(w);
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	pthread_cond_broadcast(&w->changed);
	unref(w);
	return NULL;
}

int cr_pcsc_watch(const char *reader, cr_pcsc_told_fn told, void *arg, struct pcsc_watch **out)
{
	const struct pcsc_api *api = cr_pcsc();
	struct pcsc_watch *w;
	pthread_condattr_t attr;

	*out = NULL;
	if (!api)
		return CR_E_NO_SERVICE;
	w = calloc(1, sizeof(*w));
	if (!w)
		return CR_E_NOMEM;
	w->told = told;
	w->arg = arg;
	w->api = api;
	w->refs = 2;
	snprintf(w->reader, sizeof(w->reader), "%s", reader ? reader : "");
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (cr_pcsc_thread(watch, w)) {
		pthread_mutex_lock(&w->lock);
		w->refs = 1;
		unref(w);
		return CR_E_NOMEM;
	}
	*out = w;
	return 0;
}

/* SCardCancel speaks to pcscd too. */
struct cancel { const struct pcsc_api *api; long ctx; };

static void cancel(void *arg)
{
	const struct cancel *c = arg;

	c->api->cancel(c->ctx);
}

static void wait_end(struct pcsc_watch *w, unsigned int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (!w->ended && !pthread_cond_timedwait(&w->changed, &w->lock, &until))
		;
}

void cr_pcsc_unwatch(struct pcsc_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->told = NULL;
	pthread_cond_broadcast(&w->changed);
	/* a thread that stays inside of PC/SC beyond all this is left to itself */
	for (unsigned int i = 0; i < CANCELS && !w->ended; i++) {
		struct cancel *c = w->has_ctx ? malloc(sizeof(*c)) : NULL;

		if (c) {
			*c = (struct cancel){ w->api, w->ctx };
			pthread_mutex_unlock(&w->lock);
			if (!cr_pcsc_errand(cancel, free, c, CANCEL_MS))
				i = CANCELS;
			else
				free(c);
			pthread_mutex_lock(&w->lock);
		}
		wait_end(w, i < 2 ? 20 : CANCEL_MS);
	}
	unref(w);
}
