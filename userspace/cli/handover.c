// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "handover.h"
#include "reader/backend.h"
#include "reader/pcsc_int.h"

#define ASK_MS		3000
#define LET_GO_MS	10000	/* pcscd ends what it does with a card first, on a machine that may have other work */
#define BIND_MS		2000
#define LOOK_MS		20

/* ---- events ---- */

/* What does not work is seen by what does not happen: it is waited for. */
static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		errno = 0;	/* unplugged meanwhile */
	close(fd);
}

/*
 * Documentation/ABI/testing/sysfs-uevent: an event as if it had happened; "add" with SYNTH_ARG_CARDRING=handover, by
 * which udev/70-cardring.rules keeps udev from loading the module for it, as it does for a reader that is plugged in.
 */
#define REMOVE	"remove"
#define ADD	"add 0b0b0b0b-c1d0-4000-8000-000000000000 CARDRING=handover"
static void tell(const struct cli_interface *i, const char *event)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/uevent", i->name);
	put(path, event);
}

static void pause_ms(void)
{
	const struct timespec t = { .tv_nsec = LOOK_MS * 1000000L };

	nanosleep(&t, NULL);
}

static bool wait_for(bool (*is_so)(const struct cli_handover *h), const struct cli_handover *h, unsigned int ms)
{
	for (unsigned int waited = 0; !is_so(h); waited += LOOK_MS) {
		if (waited >= ms)
			return false;
		pause_ms();
	}
	return true;
}

/* Has pcscd, by libusb, or what it had through our handler? */
static bool let_go(const struct cli_handover *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (cli_has_open("", h->pcscd, h->moved[i].node))
			return false;
	return h->to_module || !cli_has_open("", h->pcscd, "/dev/cardring*");
}

static bool bound(const struct cli_handover *h)
{
	char driver[64];

	for (size_t i = 0; i < h->n; i++)
		if (!cr_usb_driver("", h->moved[i].name, driver, sizeof(driver)))
			return false;
	return true;
}

/* ---- PC/SC programs ---- */

/* Cards in use are pcscd's own word (SCardGetStatusChange, which touches no card); it may never come. */
struct usage {
	const struct pcsc_api *api;
	bool used;
};

static void ask(void *arg)
{
	char readers[4096] = "", *name;
	unsigned long len = sizeof(readers) - 2;
	struct usage *u = arg;
	long ctx;

	if (u->api->establish(2, NULL, NULL, &ctx))
		return;
	if (u->api->list(ctx, NULL, readers, &len))
		readers[0] = '\0';
	for (name = readers; *name && !u->used; name += strlen(name) + 1) {
		struct pcsc_state s = { .reader = name };

		u->used = !u->api->status_change(ctx, 0, &s, 1) && s.event & (PCSC_STATE_EXCLUSIVE | PCSC_STATE_INUSE);
	}
	u->api->release(ctx);
}

/* Is any card in use? It is not known of which reader on the bus. -1: pcscd does not say. */
static int card_in_use(void)
{
	const struct pcsc_api *api = cr_pcsc();
	struct usage *u = api ? calloc(1, sizeof(*u)) : NULL;
	int used;

	if (!u)
		return api ? -1 : 0;
	u->api = api;
	if (!cr_pcsc_errand(ask, free, u, ASK_MS))
		return -1;
	used = u->used;
	free(u);
	return used;
}

struct names { char *text; size_t size; };

/* Programs that have PC/SC's library loaded. */
static bool add_client(void *arg, const char *root, int pid)
{
	struct names *n = arg;
	size_t len = strlen(n->text);
	char path[64], line[PATH_MAX + 128], name[64];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = pid == getpid() ? NULL : fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "/libpcsclite");
	if (f)
		fclose(f);
	if (found && cli_process_name(root, pid, name, sizeof(name)) && strcmp(name, "pcscd") && len < n->size)
		snprintf(n->text + len, n->size - len, "%s%s (%d)", len ? ", " : "", name, pid);
	return false;
}

static int refuse_in_use(const struct cli *c)
{
	char clients[256] = "";
	struct names n = { clients, sizeof(clients) };

	cli_processes("", add_client, &n);
	if (!*clients)
		return cli_fail(c, CLI_ERROR, "in-use", NULL,
				_("A PC/SC program uses a card: end it first, or take the card from it with --force."));
	return cli_fail(c, CLI_ERROR, "in-use", NULL,
			_("A card is in use by a PC/SC program (%s): end it first, or take the card from it with --force."),
			clients);
}

/* ---- the way there and back ---- */

/* Whoever ended the command halfway would leave pcscd without the readers. All that it waits for there has its bound. */
static void hold_signals(struct cli_handover *h)
{
	static const int those[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(those) / sizeof(those[0]); i++)
		sigaddset(&set, those[i]);
	pthread_sigmask(SIG_BLOCK, &set, &h->signals);
}

static void choose(struct cli_handover *h)
{
	struct cli_interface all[CLI_MAX_INTERFACES];
	size_t n = cli_interfaces("", all, CLI_MAX_INTERFACES);

	for (size_t i = 0; i < n; i++) {
		bool ours = !strcmp(all[i].driver, "cardring");
		bool free_or_pcscds = !*all[i].driver || (!strcmp(all[i].driver, "usbfs") &&
							   cli_has_open("", h->pcscd, all[i].node));

		if (h->to_module ? !all[i].token && free_or_pcscds : ours)
			h->moved[h->n++] = all[i];
	}
}

int cli_handover_begin(const struct cli *c, struct cli_handover *h, bool to_module)
{
	int used;

	memset(h, 0, sizeof(*h));
	h->to_module = to_module;
	h->pcscd = cli_process_called("", "pcscd");
	if (!h->pcscd || geteuid())
		return 0;
	choose(h);
	if (!h->n)
		return 0;
	if (to_module && !c->force && !cli_has_handler(""))
		return cli_fail(c, CLI_ERROR, "no-handler", NULL,
				_("pcscd has not cardring's handler, and PC/SC programs would lose their readers: install libpcsclite-dev, then \"make && sudo make install\" and restart pcscd; or take the readers by --force."));
	used = c->force ? 0 : card_in_use();
	if (used < 0)
		return cli_fail(c, CLI_ERROR, "pcscd-hangs", NULL,
				_("pcscd does not answer: \"systemctl stop pcscd.socket pcscd\", or go on without its answer by --force."));
	if (used)
		return refuse_in_use(c);
	hold_signals(h);
	for (size_t i = 0; i < h->n; i++)
		tell(&h->moved[i], REMOVE);
	if (wait_for(let_go, h, LET_GO_MS))
		return 0;
	cli_handover_end(h);
	if (!to_module)
		return cli_fail(c, CLI_ERROR, "in-use", NULL, _("pcscd does not let go of its readers: \"systemctl stop pcscd.socket pcscd\", and then again."));
	cli_note(_("pcscd does not let go of its readers, and keeps them: \"systemctl stop pcscd.socket pcscd\" ends it."));
	return 0;
}

size_t cli_handover_end(struct cli_handover *h)
{
	char driver[64];
	size_t taken = 0;

	if (!h->n)
		return 0;
	for (size_t i = 0; i < h->n && h->to_module; i++)
		if (!cr_usb_driver("", h->moved[i].name, driver, sizeof(driver)))
			put("/sys/bus/usb/drivers_probe", h->moved[i].name);
	if (h->to_module && cli_module_loaded())
		wait_for(bound, h, BIND_MS);
	for (size_t i = 0; i < h->n; i++) {
		taken += strcmp(h->moved[i].driver, "cardring") &&
			 cr_usb_driver("", h->moved[i].name, driver, sizeof(driver)) && !strcmp(driver, "cardring");
		tell(&h->moved[i], ADD);
	}
	h->n = 0;
	pthread_sigmask(SIG_SETMASK, &h->signals, NULL);
	return taken;
}
