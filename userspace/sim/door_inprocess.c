/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The in-process door: each sample card as a reader of its own, "sim:NAME", on the ring in memory.
 *
 * The path may say what kind of reader it is: "sim:an?level=extended" (the default), "short", "tpdu" (T=0), and
 * "sim:an?level=tpdu&protocol=1" (T=1). "sim:echo" is the built-in test card (vreader.h). Each opening is a reader and a
 * card of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "reader/softring.h"
#include "contact.h"
#include "sim.h"
#include "vreader.h"

#define PREFIX	"sim:"

struct kind {
	enum cardring_level level;
	bool t1;
};

struct door {
	struct vcard *card;
	struct kind kind;
	bool powered;
};

/* CCID 1.1, 6.2.6 */
enum { ICC_ACTIVE = 0x00, ICC_INACTIVE = 0x01, FAILED = 0x40 };
enum { CMD_NOT_SUPPORTED = 0x00, ICC_MUTE = 0xfe };

static int failed(struct cr_soft_cmd *cmd, uint8_t error)
{
	cmd->status |= FAILED;
	cmd->error = error;
	return -EREMOTEIO;
}

/* As far as it fits. */
static int answer(struct cr_soft_cmd *cmd, const void *p, size_t len)
{
	cmd->rx_len = len < cmd->rx_room ? len : cmd->rx_room;
	memcpy(cmd->rx, p, cmd->rx_len);
	return len > cmd->rx_room ? -EMSGSIZE : 0;
}

/* What the card takes over it, but no longer than is waited for. */
static int take_time(unsigned int ms, unsigned int deadline_ms)
{
	unsigned int most = ms < deadline_ms ? ms : deadline_ms;
	const struct timespec t = { most / 1000, most % 1000 * 1000000L };

	if (most)
		nanosleep(&t, NULL);
	return ms < deadline_ms ? 0 : -ETIMEDOUT;
}

static int xfer(struct door *d, struct cr_soft_cmd *cmd)
{
	static const size_t most = 65538;
	uint8_t *rsp = malloc(most);
	unsigned int ms = 0;
	size_t n;
	int err;

	if (!rsp)
		return -ENOMEM;
	n = d->card->ops->exchange(d->card, cmd->tx, cmd->tx_len, rsp, most, &ms);
	err = take_time(ms, cmd->deadline_ms);
	if (!err)
		err = n ? answer(cmd, rsp, n) : failed(cmd, ICC_MUTE);
	memset(rsp, 0, n);
	free(rsp);
	return err;
}

static int exec(void *arg, struct cr_soft_cmd *cmd)
{
	/* CCID 1.1, 6.2.3: Fi/Di 11, guard time, waiting time, clock stop (T=1: and IFSC, NAD) */
	static const uint8_t t0_params[] = { 0x11, 0x00, 0x00, 0x0a, 0x00 };
	static const uint8_t t1_params[] = { 0x11, 0x10, 0x00, 0x4d, 0x00, 0xfe, 0x00 };
	struct door *d = arg;
	bool t0 = d->kind.level == CARDRING_LEVEL_TPDU && !d->kind.t1;
	const uint8_t *atr;
	size_t len;

	cmd->status = d->powered ? ICC_ACTIVE : ICC_INACTIVE;
	switch (cmd->op) {
	case CARDRING_OP_POWER_ON:
		atr = d->card->ops->power_on(d->card, &len);
		d->powered = true;
		cmd->status = ICC_ACTIVE;
		return answer(cmd, atr, len);
	case CARDRING_OP_POWER_OFF:
		d->card->ops->power_off(d->card);
		d->powered = false;
		cmd->status = ICC_INACTIVE;
		return 0;
	case CARDRING_OP_SLOT_STATUS:
		return 0;
	case CARDRING_OP_XFER:
		return xfer(d, cmd);
	case CARDRING_OP_GET_PARAMS:
	case CARDRING_OP_RESET_PARAMS:
	case CARDRING_OP_SET_PARAMS:
		if (cmd->op == CARDRING_OP_SET_PARAMS && cmd->param[0] != !t0)
			return failed(cmd, 7);	/* table 6.1-7: bProtocolNum is at offset 7 */
		cmd->rparam = !t0;
		return t0 ? answer(cmd, t0_params, sizeof(t0_params)) : answer(cmd, t1_params, sizeof(t1_params));
	default:
		return failed(cmd, CMD_NOT_SUPPORTED);
	}
}

static void destroy(void *arg)
{
	struct door *d = arg;

	vcard_free(d->card);
	free(d);
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* CCID 1.1, table 5.1-1 */
static void describe(struct cardring_info *dev, const char *name, struct kind kind)
{
	enum cardring_level level = kind.level;

	memset(dev, 0, sizeof(*dev));
	dev->abi = CARDRING_ABI_VERSION;
	dev->slots = 1;
	dev->busy_slots = 1;
	dev->level = level;
	dev->max_payload = level == CARDRING_LEVEL_EXTENDED_APDU ? 65544 : 261;
	dev->max_message = dev->max_payload + CARDRING_HDR_ROOM;
	/* all automatic but for the exchange: bits 1 to 5, 7 (parameters by the reader) */
	dev->features = (uint32_t)level << 16 | 0xbe;
	dev->has_interrupt = 1;
	dev->speed = 3;
	snprintf(dev->name, sizeof(dev->name), "Virtual reader, card %s", name);
	snprintf(dev->serial, sizeof(dev->serial), "%s", name);
	dev->descriptor[0] = sizeof(dev->descriptor);
	dev->descriptor[1] = 0x21;
	dev->descriptor[2] = 0x10;
	dev->descriptor[3] = 0x01;
	dev->descriptor[5] = 0x07;
	put32(dev->descriptor + 6, kind.t1 ? 2 : level == CARDRING_LEVEL_TPDU ? 1 : 3);
	put32(dev->descriptor + 10, 4000);
	put32(dev->descriptor + 14, 4000);
	put32(dev->descriptor + 19, 10753);
	put32(dev->descriptor + 23, 10753);
	put32(dev->descriptor + 28, 254);
	put32(dev->descriptor + 40, dev->features);
	put32(dev->descriptor + 44, dev->max_message);
	dev->descriptor[53] = 1;
}

static int sim_owns(const char *path)
{
	return !strncmp(path, PREFIX, strlen(PREFIX));
}

/* "sim:NAME?level=LEVEL[&protocol=1]" */
static int parse(const char *path, char *name, size_t size, struct kind *kind)
{
	static const struct { const char *text; struct kind kind; } kinds[] = {
		{ "", { CARDRING_LEVEL_EXTENDED_APDU, false } },
		{ "?level=extended", { CARDRING_LEVEL_EXTENDED_APDU, false } },
		{ "?level=short", { CARDRING_LEVEL_SHORT_APDU, false } },
		{ "?level=tpdu", { CARDRING_LEVEL_TPDU, false } },
		{ "?level=tpdu&protocol=0", { CARDRING_LEVEL_TPDU, false } },
		{ "?level=tpdu&protocol=1", { CARDRING_LEVEL_TPDU, true } },
	};
	const char *p, *opt;

	if (!sim_owns(path))
		return CR_E_NOT_FOUND;
	p = path + strlen(PREFIX);
	opt = strchr(p, '?');
	if (!opt)
		opt = p + strlen(p);
	if ((size_t)snprintf(name, size, "%.*s", (int)(opt - p), p) >= size)
		return CR_E_TOO_LONG;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(opt, kinds[i].text)) {
			*kind = kinds[i].kind;
			return 0;
		}
	}
	return CR_E_INVALID;
}

/* NULL and *err. */
static struct vcard *load(const char *name, struct kind kind, int *err)
{
	const struct sim_contact_config contact = { 0 };
	bool echo = !strcmp(name, "echo");

	*err = CR_E_NOMEM;
	if (kind.t1)
		return echo ? vcard_echo_contact_new(&contact) : vcard_sim_contact_new(name, &contact, err);
	return echo ? vcard_echo_new((enum vreader_level)kind.level) :
		      vcard_sim_new(name, (enum vreader_level)kind.level, err);
}

static int sim_open(const char *path, const struct cr_ring_params *params, cr_ring_t **ring, struct cardring_info *info)
{
	static const struct cr_soft_ops ops = { .exec = exec, .destroy = destroy };
	cr_softreader_t *reader = NULL;
	struct cardring_info dev;
	struct kind kind;
	struct door *d;
	char name[4096];
	int err;

	*ring = NULL;
	err = parse(path, name, sizeof(name), &kind);
	if (err)
		return err;
	d = calloc(1, sizeof(*d));
	if (!d)
		return CR_E_NOMEM;
	d->kind = kind;
	d->card = load(name, kind, &err);
	if (!d->card) {
		free(d);
		return err == CR_E_NOT_FOUND ? CR_E_NO_READER : err;
	}
	describe(&dev, name, kind);
	err = cr_softreader_new(&dev, &ops, d, &reader);
	if (err) {
		destroy(d);
		return err;
	}
	cr_softreader_card(reader, 0, true);
	err = cr_softreader_open(reader, params, ring);
	cr_softreader_unref(reader);	/* the ring has its own reference */
	if (!err && info)
		*info = dev;
	return err;
}

static int sim_list_readers(struct cr_reader_info *out, size_t max)
{
	struct sim_sample *samples;
	int n = sim_list(&samples);

	if (n < 0)
		return n == CR_E_NOT_FOUND ? 0 : n;
	for (int i = 0; i < n && (size_t)i < max; i++) {
		struct cr_reader_info *r = &out[i];

		memset(r, 0, sizeof(*r));
		describe(&r->dev, samples[i].name, (struct kind){ CARDRING_LEVEL_EXTENDED_APDU, false });
		r->dev.index = (uint32_t)i;
		memcpy(r->name, r->dev.name, sizeof(r->dev.name));
		snprintf(r->backend, sizeof(r->backend), "sim");
		snprintf(r->path, sizeof(r->path), PREFIX "%s", samples[i].name);
		r->state = CARDRING_SLOT_PRESENT;
	}
	free(samples);
	return n;
}

const struct cr_backend sim_backend = {
	.name = "sim",
	.only_by_name = 1,
	.list = sim_list_readers,
	.owns = sim_owns,
	.open = sim_open,
	.whole_messages = 1,
};
