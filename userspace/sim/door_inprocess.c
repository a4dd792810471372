/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The in-process door: each sample card as a reader of its own, "sim:NAME", on the ring in memory.
 *
 * The path may say what kind of reader it is: "sim:an?level=extended" (the default), "short", "tpdu" (T=0), and
 * "sim:an?level=tpdu&protocol=1" (T=1). Each opening is a reader and a card of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "reader/softring.h"
#include "contact.h"
#include "sim.h"

#define PREFIX	"sim:"

struct door {
	struct sim_card *card;
	struct sim_t0 *t0;		/* at TPDU level, one of the two */
	struct sim_contact *contact;
	bool powered;
};

struct kind {
	enum cardring_level level;
	bool t1;
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

static int answer(struct cr_soft_cmd *cmd, const void *p, size_t len)
{
	if (len > cmd->rx_room)
		return -EMSGSIZE;
	memcpy(cmd->rx, p, len);
	cmd->rx_len = len;
	return 0;
}

static int xfer(struct door *d, struct cr_soft_cmd *cmd)
{
	static const size_t most = 65538;
	uint8_t *rsp = malloc(most);
	size_t n;
	int err;

	if (!rsp)
		return -ENOMEM;
	if (d->contact)
		n = sim_contact_exchange(d->contact, cmd->tx, cmd->tx_len, rsp, most);
	else if (d->t0)
		n = sim_t0_tpdu(d->t0, cmd->tx, cmd->tx_len, rsp, most);
	else
		n = sim_card_apdu(d->card, cmd->tx, cmd->tx_len, rsp, most);
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
	const uint8_t *atr;
	size_t len;

	cmd->status = d->powered ? ICC_ACTIVE : ICC_INACTIVE;
	switch (cmd->op) {
	case CARDRING_OP_POWER_ON:
		atr = sim_card_power_on(d->card, d->t0 != NULL, &len);
		if (d->t0)
			sim_t0_reset(d->t0);
		if (d->contact)
			atr = sim_contact_reset(d->contact, &len);
		d->powered = true;
		cmd->status = ICC_ACTIVE;
		return answer(cmd, atr, len);
	case CARDRING_OP_POWER_OFF:
		sim_card_power_off(d->card);
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
		if (cmd->op == CARDRING_OP_SET_PARAMS && cmd->param[0] != (d->t0 ? 0 : 1))
			return failed(cmd, 7);	/* table 6.1-7: bProtocolNum is at offset 7 */
		cmd->rparam = d->t0 ? 0 : 1;
		return d->t0 ? answer(cmd, t0_params, sizeof(t0_params)) : answer(cmd, t1_params, sizeof(t1_params));
	default:
		return failed(cmd, CMD_NOT_SUPPORTED);
	}
}

static void destroy(void *arg)
{
	struct door *d = arg;

	sim_contact_free(d->contact);
	sim_t0_free(d->t0);
	sim_card_free(d->card);
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

static size_t apdu(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	return sim_card_apdu(arg, cmd, len, rsp, size);
}

/* Gives the card what it speaks at TPDU level. */
static int add_protocol(struct door *d, bool t1)
{
	const struct sim_contact_app app = { .apdu = apdu, .arg = d->card };

	if (t1)
		d->contact = sim_contact_new(&(struct sim_contact_config){ 0 }, &app);
	else
		d->t0 = sim_t0_new(d->card);
	return d->contact || d->t0 ? 0 : CR_E_NOMEM;
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
	err = sim_card_load(name, &d->card);
	if (err == CR_E_NOT_FOUND)
		err = CR_E_NO_READER;
	if (!err && kind.level == CARDRING_LEVEL_TPDU)
		err = add_protocol(d, kind.t1);
	if (err) {
		destroy(d);
		return err;
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
};
