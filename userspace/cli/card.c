// SPDX-License-Identifier: BSD-2-Clause
/* From the options to a reader and a powered card in it; and what became of them. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cardring/card.h>
#include "cli.h"
#include "iso7816/apdu.h"
#include "sim.h"

#define CLAIM_MS	500	/* another program may be about to finish */
#define SLICE_MS	250	/* a wait for a card is cut into these, so that Ctrl-C ends it */
#define SETTLE_MS	400	/* the kernel learns of an unplugged reader a little after its commands failed */

volatile int cli_canceled;

static void canceled(int sig)
{
	cli_canceled = 1;
}

void cli_catch_signals(void)
{
	/* The second Ctrl-C ends the program whatever it does: the module lets go of the card. */
	struct sigaction sa = { .sa_handler = canceled, .sa_flags = SA_RESETHAND };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

bool cli_is_sim(const char *reader)
{
	return reader && !strncmp(reader, "sim:", 4);
}

static void know_sim(void)
{
	static bool known;

	if (!known)
		cr_backend_register(&sim_backend);
	known = true;
}

bool cli_use_backend(const char *name)
{
	if (!strcmp(name, sim_backend.name))
		know_sim();
	return !cr_backend_use(name);
}

int cli_choose_backend(const struct cli *c)
{
	const char *name = c->backend ? c->backend : getenv("CARDRING_BACKEND");

	if (!name || !*name || cli_use_backend(name))
		return 0;
	return cli_fail(c, CLI_ERROR, "usage", NULL, _("There is no backend \"%s\": kernel, usb, pcsc or sim."), name);
}

const char *cli_slot_state(const struct cr_reader_info *r)
{
	switch (r->state) {
	case CARDRING_SLOT_EMPTY:	return "empty";
	case CARDRING_SLOT_PRESENT:	return "present";
	case CARDRING_SLOT_POWERED:	return "powered";
	case CARDRING_SLOT_DEAD:	return "dead";
	case CARDRING_SLOT_UNKNOWN:	break;
	}
	return "unknown";
}

const char *cli_slot_state_text(const struct cr_reader_info *r)
{
	static const char *const states[] = { N_("empty"), N_("present"), N_("powered"), N_("dead"), N_("unknown") };
	const char *name = cli_slot_state(r);

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(states[i], name))
			return _(states[i]);
	return name;
}

const char *cli_level(unsigned int level)
{
	switch (level) {
	case CARDRING_LEVEL_CHARACTER:		return "character";
	case CARDRING_LEVEL_TPDU:		return "tpdu";
	case CARDRING_LEVEL_SHORT_APDU:		return "short-apdu";
	case CARDRING_LEVEL_EXTENDED_APDU:	return "extended-apdu";
	}
	return "unknown";
}

/* Headers and status words; content stays unseen. */
static void trace(void *arg, const uint8_t *cmd, size_t cmd_len, const uint8_t *rsp, size_t rsp_len, int err)
{
	fprintf(stderr, "> ");
	for (size_t i = 0; i < cmd_len && i < 4; i++)
		fprintf(stderr, "%02X ", cmd[i]);
	if (err || rsp_len < 2)
		fprintf(stderr, "(%zu) < %s\n", cmd_len, cli_error_code(err));
	else
		fprintf(stderr, "(%zu) < %04X (%zu)\n", cmd_len, cr_rapdu_sw(rsp, rsp_len), rsp_len);
}

static long ms_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - t->tv_sec) * 1000 + (now.tv_nsec - t->tv_nsec) / 1000000;
}

static void pause_ms(long ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

static bool same_slot(const struct cr_reader_info *a, const struct cr_reader_info *b)
{
	return !strcmp(a->path, b->path) && a->slot == b->slot;
}

/* The slot as it is now; false: its reader is gone. */
static bool look_again(const struct cr_reader_info *old, struct cr_reader_info *now)
{
	struct cr_reader_info *all = NULL;
	int n = cr_reader_list(&all);
	bool found = n < 0;	/* not known: take it for unchanged */

	*now = *old;
	for (int i = 0; i < n && !found; i++) {
		if (!same_slot(&all[i], old))
			continue;
		*now = all[i];
		found = true;
	}
	free(all);
	return found;
}

/* Its readers go with pcscd, which it then is that must be seen to. */
static bool pcscd_gone(const struct cr_reader_info *info)
{
	cr_ring_t *ring = NULL;
	int err = cr_backend_pcsc.open(info->path, NULL, &ring, NULL);

	cr_ring_close(ring);
	return err == CR_E_NO_SERVICE;
}

int cli_card_error(int err, const struct cr_reader_info *info)
{
	struct timespec since;
	struct cr_reader_info now;

	if (!strcmp(info->backend, sim_backend.name))
		return err;
	if (err == CR_E_READER_GONE && !strcmp(info->backend, cr_backend_pcsc.name))
		return pcscd_gone(info) ? CR_E_NO_SERVICE : err;
	switch (err) {
	case CR_E_READER_FAILED:
	case CR_E_CARD_MUTE:
	case CR_E_CARD_PROTOCOL:
	case CR_E_TIMEOUT:
	case CR_E_NO_CARD:
	case CR_E_IO:
		break;
	default:
		return err;
	}
	clock_gettime(CLOCK_MONOTONIC, &since);
	do {
		if (!look_again(info, &now))
			return CR_E_READER_GONE;
		if (now.state == CARDRING_SLOT_EMPTY)
			return err == CR_E_NO_CARD ? err : CR_E_CARD_GONE;
		pause_ms(50);
	} while (err != CR_E_NO_CARD && ms_since(&since) < SETTLE_MS);
	return err;
}

int cli_card_open(const struct cli *c, struct cr_reader_info *info, cr_card_t **card)
{
	char link[PATH_MAX];
	const char *what = c->reader;
	struct cr_reader_info now;
	struct timespec since;
	bool told = false;
	int err, slice;

	memset(info, 0, sizeof(*info));
	if (cli_is_sim(c->reader))
		know_sim();
	if (what && what[0] == '/' && realpath(what, link))
		what = link;		/* udev's stable names are links */
	cli_catch_signals();
	clock_gettime(CLOCK_MONOTONIC, &since);
	for (;;) {
		/* anew each time: of several readers, the one that gets the card is meant */
		err = cr_reader_find(what, info);
		if (err)
			break;
		slice = c->wait ? SLICE_MS : 0;
		err = cr_card_open(info, CLAIM_MS, slice, card);
		if (cli_canceled) {
			if (!err)
				cr_card_close(*card);
			err = CR_E_CANCELED;
		}
		if (err != CR_E_NO_CARD || ms_since(&since) >= c->wait * 1000)
			break;
		if (!told && !c->json)
			cli_note(_("Waiting for a card in %s."), info->name);
		told = true;
	}
	if (!err) {
		cr_card_set_cancel(*card, &cli_canceled);
		if (c->trace)
			cr_card_set_trace(*card, trace, NULL);
		return 0;
	}
	*card = NULL;
	if (info->path[0])
		err = cli_card_error(err, info);
	if (err == CR_E_READER_BUSY && look_again(info, &now))
		*info = now;
	if (err == CR_E_NO_READER && cli_is_sim(c->reader))
		return cli_fail(c, CLI_NO_READER, cli_error_code(err), NULL,
				_("There is no sample card \"%s\"; \"cardring sim list\" lists them."),
				c->reader + 4);
	if (err == CR_E_INVALID && cli_is_sim(c->reader))
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("After sim:CARD may stand ?level=extended, ?level=short, ?level=tpdu or ?level=tpdu&protocol=1."));
	return cli_fail_err(c, err, info->path[0] ? info : NULL, NULL);
}
