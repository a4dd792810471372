// SPDX-License-Identifier: BSD-2-Clause
/* "cardring sim serve CARD --usbip": virtual readers that live until stopped, told their faults by lines of text. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cardring/error.h>
#include "contact.h"
#include "usbip.h"

struct server {
	struct vreader_usb **dev;
	unsigned int count;
	FILE *out;
	char line[1024];
	size_t len;
};

__attribute__((format(printf, 2, 3)))
static void say(const struct server *s, const char *format, ...)
{
	va_list ap;

	if (!s->out)
		return;
	va_start(ap, format);
	vfprintf(s->out, format, ap);
	va_end(ap);
	fflush(s->out);
}

enum vreader_level vreader_level_parse(const char *s)
{
	return !strcmp(s, "tpdu") ? VREADER_TPDU : !strcmp(s, "short") ? VREADER_SHORT :
	       !strcmp(s, "extended") ? VREADER_EXTENDED : 0;
}

static struct vcard *load_one(const char *card, const struct vreader_config *c, unsigned int protocol, int *err)
{
	const struct sim_contact_config contact = { .ta1 = 0x95 };
	enum vreader_level level = c->level || c->as_declared ? c->level : VREADER_EXTENDED;
	bool echo = !strcmp(card, "echo");

	*err = CR_E_NOMEM;
	if (protocol)
		return echo ? vcard_echo_contact_new(&contact) : vcard_sim_contact_new(card, &contact, err);
	return echo ? vcard_echo_new(level) : vcard_sim_new(card, level, err);
}

/* A card for each slot of one reader. 0 or negative enum cr_error. */
static int load(struct vcard **cards, const char *card, const struct vreader_config *c, unsigned int protocol)
{
	unsigned int n = c->slots ? c->slots : 1;
	int err;

	if (n > VREADER_MAX_SLOTS)
		return CR_E_INVALID;
	for (unsigned int i = 0; i < n; i++) {
		cards[i] = load_one(card, c, protocol, &err);
		if (cards[i])
			continue;
		while (i--)
			vcard_free(cards[i]);
		return err;
	}
	return 0;
}

static void command(struct server *s, const char *line)
{
	unsigned int dev = 0;
	int used = 0;

	if (!strncmp(line, "help", 4)) {
		say(s, "%s", vreader_fault_help);
		return;
	}
	if (sscanf(line, " dev=%u %n", &dev, &used) == 1 && used)
		line += used;
	if (dev >= s->count || vreader_usb_fault(s->dev[dev], line) < 0)
		say(s, "error: %s\n", line);
	else
		say(s, "ok\n");
}

/* false: no more commands will come. */
static bool commands(struct server *s, int fd)
{
	ssize_t n = read(fd, s->line + s->len, sizeof(s->line) - 1 - s->len);
	char *end;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n == 0)
		return false;
	s->len += n;
	s->line[s->len] = 0;
	while ((end = strchr(s->line, '\n'))) {
		*end = 0;
		command(s, s->line);
		s->len -= end + 1 - s->line;
		memmove(s->line, end + 1, s->len + 1);
	}
	if (s->len == sizeof(s->line) - 1)
		s->len = 0;	/* no command is that long */
	return true;
}

static bool all_gone(const struct server *s)
{
	for (unsigned int i = 0; i < s->count; i++)
		if (!vreader_usb_gone(s->dev[i]))
			return false;
	return true;
}

/* Plugs in one device. 0 or negative enum cr_error. */
static int plug(struct server *s, const char *card, const struct sim_usbip_options *opt)
{
	struct vreader_config c[USBIP_MAX_FUNCTIONS] = { opt->reader };
	struct vcard *cards[USBIP_MAX_FUNCTIONS][VREADER_MAX_SLOTS];
	unsigned int n = opt->as ? opt->n_as : 1, loaded = 0;
	int err = 0;

	for (unsigned int i = 0; opt->as && i < n; i++) {
		c[i] = opt->as[i].config;
		c[i].serial = opt->reader.serial;
		c[i].latency_us = opt->reader.latency_us;
	}
	if (opt->protocol)
		c[0].protocols = 3;
	for (; !err && loaded < n; loaded += !err) {
		err = load(cards[loaded], card, &c[loaded], opt->protocol);
		c[loaded].cards = cards[loaded];
	}
	if (!err) {
		s->dev[s->count] = vreader_attach_composite(c, n);
		if (s->dev[s->count]) {
			s->count++;
			return 0;
		}
		return errno == ENOENT ? CR_E_NO_DRIVER : errno == EACCES || errno == EPERM ? CR_E_READER_DENIED :
		       CR_E_IO;
	}
	while (loaded--)
		for (unsigned int i = 0; i < (c[loaded].slots ? c[loaded].slots : 1); i++)
			vcard_free(cards[loaded][i]);
	return err;
}

static int attach_all(struct server *s, const char *card, const struct sim_usbip_options *opt, unsigned int n)
{
	char name[32];
	int err;

	while (s->count < n) {
		err = plug(s, card, opt);
		if (err)
			return err;
	}
	for (unsigned int i = 0; i < n; i++)
		if (vreader_usb_wait(s->dev[i], name, sizeof(name), 10000) == 0)
			say(s, "reader %u: port %d, USB device %s\n", i, vreader_usb_port(s->dev[i]), name);
		else
			say(s, "reader %u: port %d, not enumerated\n", i, vreader_usb_port(s->dev[i]));
	return 0;
}

int sim_usbip_serve(const char *card, const struct sim_usbip_options *opt, int control_fd,
		    const volatile int *stop)
{
	unsigned int n = opt->readers ? opt->readers : 1;
	struct server s = { .out = opt->reply };
	int err;

	s.dev = calloc(n, sizeof(*s.dev));
	if (!s.dev)
		return CR_E_NOMEM;
	err = attach_all(&s, card, opt, n);
	while (!err && !*stop && !all_gone(&s)) {
		struct pollfd p = { .fd = control_fd, .events = POLLIN };

		/* stop is set by a signal: a wait that ends soon, lest one between the test and the poll is missed */
		if (poll(&p, 1, 200) > 0 && !commands(&s, control_fd))
			control_fd = -1;
	}
	for (unsigned int i = 0; i < s.count; i++)
		vreader_usb_fault(s.dev[i], "unplug");
	while (s.count)
		vreader_detach(s.dev[--s.count]);
	free(s.dev);
	return err;
}
