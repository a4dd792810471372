// SPDX-License-Identifier: BSD-2-Clause
/*
 * Readers and cards that say what cannot be: descriptors, ATRs, blocks. Each ends in an error that has a name, soon,
 * and the next card works. (Answers of the reader that are no answers are in fault.c.)
 */
#include <cardring/card.h>
#include "contact.h"
#include "iso7816/atr.h"
#include "node.h"

/* ---- descriptors ---- */

/* A class descriptor to be changed: one slot, short APDUs */
static void descriptor(uint8_t *d)
{
	static const uint8_t good[54] = {
		54, 0x21, 0x10, 0x01, 0, 7, 3, 0, 0, 0, 0xA0, 0x0F, 0, 0, 0xA0, 0x0F, 0, 0, 0, 0x80, 0x25, 0, 0, 0x80, 0x25,
		0, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xBA, 4, 2, 0, 0x0F, 1, 0, 0, 0xFF, 0xFF, 0, 0, 0, 1
	};

	memcpy(d, good, sizeof(good));
}

static struct cardring_info info_of(const struct reader *rd)
{
	const struct cr_ring_params small = { .entries = 1, .buffers = 1, .buf_size = 64 };
	struct cardring_info info;
	cr_ring_t *ring;
	char path[128];
	int fd, err;

	memset(&info, 0xEE, sizeof(info));
	if (by_module()) {
		fd = node_open_fd(rd->index);
		assert_true(fd >= 0);
		assert_int_equal(ctl(fd, CARDRING_IOC_INFO, &info), 0);
		close(fd);
		return info;
	}
	reader_path(rd, path, sizeof(path));
	err = over->open(path, &small, &ring, &info);
	if (err)
		fail_msg("%s: %s", path, cr_strerror(err));
	cr_ring_close(ring);
	return info;
}

/* Is it of use to the backend? One that is not is refused by name. */
static bool is_taken(const struct reader *rd)
{
	struct node n;
	int err;

	if (by_module())
		return node_index(rd->name, 0) >= 0;
	err = node_try(&n, rd, NULL);
	if (!err)
		cr_ring_close(n.ring);
	else
		assert_int_equal(err, CR_E_UNSUPPORTED);
	return !err;
}

static void unusable_descriptors_are_refused(void **state)
{
	static const struct { unsigned int len, first, type, max_message; } t[] = {
		{ 0, 0, 0x21, 271 },		/* none */
		{ 2, 2, 0x21, 271 }, { 53, 53, 0x21, 271 },	/* cut off */
		{ 54, 53, 0x21, 271 },		/* shorter than it is */
		{ 54, 54, 0x21, 0 }, { 54, 54, 0x21, 10 }, { 54, 54, 0x21, 31 },	/* no message fits */
		/* another descriptor, or lengths that are none */
		{ 54, 54, 0xFF, 271 }, { 54, 0, 0x21, 271 }, { 54, 1, 0x21, 271 }, { 54, 255, 0x21, 271 },
	};
	enum { N = sizeof(t) / sizeof(t[0]) };
	struct vreader_config cfg[N + 2];
	struct reader rd[N + 2];
	uint8_t d[N][54];

	for (unsigned int i = 0; i < N; i++) {
		descriptor(d[i]);
		d[i][0] = t[i].first;
		d[i][1] = t[i].type;
		d[i][44] = t[i].max_message;
		d[i][45] = t[i].max_message >> 8;
		cfg[i] = (struct vreader_config){ .class_desc = d[i], .class_desc_len = t[i].len };
	}
	cfg[N] = (struct vreader_config){ .no_bulk = true };
	cfg[N + 1] = (struct vreader_config){ 0 };
	plug_many(rd, cfg, N + 2);
	/* by the time that a good one has its node, the others would have theirs */
	wait_bound(&rd[N + 1]);
	sleep_ms(100);
	for (unsigned int i = 0; i < N + 1; i++)
		if (is_taken(&rd[i]))
			fail_msg("descriptor %u was taken", i);
	unplug_many(rd, N + 2);
}

static void odd_descriptors_are_bounded(void **state)
{
	static const struct { uint8_t at; uint32_t value, slots, busy, max; } t[] = {
		{ 4, 255, 32, 1, 271 },			/* bMaxSlotIndex */
		{ 4, 31, 32, 1, 271 },
		{ 53, 0, 1, 1, 271 },			/* bMaxCCIDBusySlots */
		{ 53, 255, 1, 1, 271 },
		{ 44, 32, 1, 1, 32 },			/* dwMaxCCIDMessageLength */
		{ 44, 0xFFFFFFFF, 1, 1, 128 << 10 },
		{ 44, 0x7FFFFFFF, 1, 1, 128 << 10 },
		{ 44, 65554, 1, 1, 65554 },
		{ 40, 0xFFFFFFFF, 1, 1, 271 },		/* dwFeatures */
		{ 40, 0, 1, 1, 271 },
	};
	enum { N = sizeof(t) / sizeof(t[0]) };
	struct vreader_config cfg[N];
	struct reader rd[N];
	uint8_t d[N][54];

	for (unsigned int i = 0; i < N; i++) {
		descriptor(d[i]);
		for (unsigned int k = 0; k < (t[i].at == 40 || t[i].at == 44 ? 4 : 1); k++)
			d[i][t[i].at + k] = t[i].value >> 8 * k;
		cfg[i] = (struct vreader_config){ .class_desc = d[i], .class_desc_len = 54, .slots = 32,
						  .busy_slots = 32 };
	}
	plug_many(rd, cfg, N);
	for (unsigned int i = 0; i < N; i++) {
		struct cardring_info info;
		struct node n;

		wait_bound(&rd[i]);
		info = info_of(&rd[i]);
		assert_int_equal(info.slots, t[i].slots);
		assert_int_equal(info.busy_slots, t[i].busy);
		assert_int_equal(info.max_message, t[i].max);
		assert_int_equal(info.max_payload, t[i].max - CARDRING_HDR_ROOM);
		assert_memory_equal(info.descriptor, d[i], 54);
		if (t[i].at == 40)
			assert_int_equal(info.features, t[i].value);
		/* and each can be used as far as it goes */
		node_open(&n, &rd[i]);
		assert_int_equal(node_claim(&n, t[i].slots - 1, 0), 0);
		assert_int_equal(node_claim(&n, t[i].slots, 0), -EINVAL);
		assert_int_equal(run_op(&n, CARDRING_OP_SLOT_STATUS, t[i].slots - 1).result, 0);
		node_close(&n);
	}
	unplug_many(rd, N);
}

static void class_descriptor_may_stand_behind_an_endpoint(void **state)
{
	uint8_t d[7 + 54] = { 7, 5, 0x01, 2, 0, 2, 0 };
	const struct vreader_config cfg = { .class_desc = d, .class_desc_len = sizeof(d), .level = VREADER_SHORT };
	struct reader rd;
	struct node n;

	descriptor(d + 7);
	plug(&rd, &cfg);
	assert_int_equal(info_of(&rd).level, CARDRING_LEVEL_SHORT_APDU);
	node_card(&n, &rd);
	node_close(&n);
	unplug(&rd);
}

/* ---- cards ---- */

enum kind { GOOD_ENOUGH, WRONG_LRC, WRONG_SEQUENCE, ENDLESS_WTX, ENDLESS_CHAIN, EMPTY_CHAIN, MUTE, NO_STATUS, ENDLESS_61,
	    ENDLESS_6C };

struct bad {
	struct vcard card;
	enum kind kind;
	const char *atr;
	size_t atr_len;
	unsigned int protocol, ns;
};

static const uint8_t *bad_power_on(struct vcard *card, size_t *len)
{
	struct bad *b = (struct bad *)card;

	b->ns = 0;
	*len = b->atr_len;
	return (const uint8_t *)b->atr;
}

static void bad_power_off(struct vcard *card)
{
}

static size_t block(const struct bad *b, uint8_t *out, uint8_t pcb, const void *inf, size_t n)
{
	out[0] = 0;
	out[1] = pcb;
	out[2] = (uint8_t)n;
	memcpy(out + 3, inf, n);
	out[3 + n] = b->kind == WRONG_LRC ? 1 : 0;
	for (size_t i = 0; i < 3 + n; i++)
		out[3 + n] ^= out[i];
	return 4 + n;
}

/* ISO/IEC 7816-3, 11: what a card of that kind answers to a block. */
static size_t bad_block(struct bad *b, const uint8_t *in, uint8_t *out)
{
	static const uint8_t filling[32];
	size_t n = b->kind == EMPTY_CHAIN ? 0 : sizeof(filling);
	uint8_t pcb = in[1];

	if (pcb == 0xC0 || pcb == 0xC1 || pcb == 0xC2) {	/* RESYNCH, IFS, ABORT */
		b->ns = 0;
		return block(b, out, pcb | 0x20, in + 3, in[2]);
	}
	switch (b->kind) {
	case ENDLESS_WTX:
		return block(b, out, 0xC3, "\1", 1);
	case ENDLESS_CHAIN:
	case EMPTY_CHAIN:
		return block(b, out, 0x20 | (b->ns++ & 1) << 6, filling, n);
	case WRONG_SEQUENCE:
		return block(b, out, 0x40, "\x90\0", 2);
	case MUTE:
		return 0;
	case NO_STATUS:
		return block(b, out, (b->ns++ & 1) << 6, "\x90", 1);
	default:
		return block(b, out, (b->ns++ & 1) << 6, "\x90\0", 2);
	}
}

static size_t bad_exchange(struct vcard *card, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
			   unsigned int *wait_ms)
{
	struct bad *b = (struct bad *)card;

	if (b->protocol && len >= 4)
		return bad_block(b, cmd, rsp);
	if (b->kind == MUTE)
		return 0;
	if (b->kind == ENDLESS_6C && cmd[1] == 0xC0)
		memcpy(rsp, "\x6C\x10", 2);
	else
		memcpy(rsp, b->kind == ENDLESS_61 || b->kind == ENDLESS_6C ? "\x61\x10" : "\x90\0", 2);
	return b->kind == NO_STATUS ? 1 : 2;
}

static void bad_free(struct vcard *card)
{
	free(card);
}

static void bad_line(const struct vcard *card, unsigned int *protocol, uint8_t *fi_di)
{
	*protocol = ((const struct bad *)card)->protocol;
	*fi_di = 0x11;
}

static struct vcard *bad_new(enum kind kind, const char *atr, size_t len, unsigned int protocol)
{
	static const struct vcard_ops ops = { bad_power_on, bad_power_off, bad_exchange, bad_free, NULL, bad_line };
	struct bad *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	*b = (struct bad){ .card.ops = &ops, .kind = kind, .atr = atr, .atr_len = len, .protocol = protocol };
	return &b->card;
}

/* What the library makes of the card in slot 0: its ATR, and a command with data both ways. */
static int use_card(const struct reader *rd)
{
	static const uint8_t cmd[] = { 0x00, 0x88, 0x00, 0x00, 0x04, 1, 2, 3, 4, 0x04 };
	struct cr_reader_info info = { 0 };
	uint8_t rsp[258];
	size_t n = sizeof(rsp);
	cr_card_t *card;
	int err;

	reader_path(rd, info.path, sizeof(info.path));
	err = cr_card_open(&info, 0, NODE_MS, &card);
	if (err)
		return err;
	cr_card_set_deadline(card, 2000);
	err = cr_card_transmit(card, cmd, sizeof(cmd), rsp, &n);
	cr_card_close(card);
	if (!err && n >= 2 && (n != 6 || memcmp(rsp, "\1\2\3\4\x90\0", 6)) && (n != 2 || memcmp(rsp, "\x90\0", 2)))
		fail_msg("%zu bytes that nobody sent: %02x%02x", n, rsp[0], rsp[1]);
	return err;
}

/* The reader tells late, by itself, that it is another card than before: then again. */
static int use_next(const struct reader *rd)
{
	int err, tries = 5;

	do
		err = use_card(rd);
	while (err == CR_E_CARD_GONE && --tries);
	return err;
}

static void bad_cards_end_in_an_error_with_a_name(void **state)
{
#define ATR(s)	s, sizeof(s) - 1
#define T0_ATR	ATR("\x3B\x00")
#define T1_ATR	ATR("\x3B\x80\x81\x31\xFE\x45\x8B")	/* TD1, TD2: T=1; TA3 IFSC 254, TB3; TCK */
	static const struct {
		const char *name;
		enum kind kind;
		const char *atr;
		size_t atr_len;
		unsigned int protocol;
		enum vreader_level level;
		int err;
	} t[] = {
		{ "an empty ATR", GOOD_ENOUGH, ATR(""), 0, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "an ATR of TS alone", GOOD_ENOUGH, ATR("\x3B"), 0, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "an ATR without TS", GOOD_ENOUGH, ATR("\x00\x00"), 0, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "an ATR cut short", GOOD_ENOUGH, ATR("\x3B\x8F\x81\x31"), 1, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "an ATR whose rounds do not end", GOOD_ENOUGH, ATR("\x3B\xF0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), 1,
		  VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "an ATR of 34 bytes", GOOD_ENOUGH, ATR("\x3B\x0F 234567890123456789012345678901234"), 0, VREADER_TPDU,
		  CR_E_CARD_PROTOCOL },
		{ "one of 34 bytes at APDU level", GOOD_ENOUGH, ATR("\x3B\x0F 234567890123456789012345678901234"), 0,
		  VREADER_EXTENDED, CR_E_CARD_PROTOCOL },
		{ "an ATR with more than it says", GOOD_ENOUGH, ATR("\x3B\x01\x55\x55"), 0, VREADER_TPDU,
		  CR_E_CARD_PROTOCOL },
		{ "a wrong TCK", GOOD_ENOUGH, ATR("\x3B\x80\x81\x31\xFE\x45\x8A"), 1, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "TA2 for another protocol than any", GOOD_ENOUGH, ATR("\x3B\x80\x91\x05\x31\xFE\x45\x9E"), 1,
		  VREADER_TPDU, CR_E_READER_UNFIT },
		{ "T=14 alone", GOOD_ENOUGH, ATR("\x3B\x80\x0E\x8E"), 0, VREADER_TPDU, CR_E_READER_UNFIT },
		{ "an empty ATR at APDU level, where nothing depends on it", GOOD_ENOUGH, ATR(""), 0, VREADER_EXTENDED, 0 },
		{ "T=1: nothing wrong", GOOD_ENOUGH, T1_ATR, 1, VREADER_TPDU, 0 },
		{ "T=1: a wrong LRC", WRONG_LRC, T1_ATR, 1, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "T=1: a wrong sequence number", WRONG_SEQUENCE, T1_ATR, 1, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "T=1: no end of time extension", ENDLESS_WTX, T1_ATR, 1, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "T=1: no end of a chain", ENDLESS_CHAIN, T1_ATR, 1, VREADER_TPDU, CR_E_TOO_LONG },
		{ "T=1: no end of a chain of nothing", EMPTY_CHAIN, T1_ATR, 1, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "T=1: no answer", MUTE, T1_ATR, 1, VREADER_TPDU, CR_E_CARD_MUTE },
		{ "T=1: no status word", NO_STATUS, T1_ATR, 1, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "T=0: no answer", MUTE, T0_ATR, 0, VREADER_TPDU, CR_E_CARD_MUTE },
		{ "T=0: half a status word", NO_STATUS, T0_ATR, 0, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "T=0: always more of nothing", ENDLESS_61, T0_ATR, 0, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "T=0: always another Le", ENDLESS_6C, T0_ATR, 0, VREADER_TPDU, CR_E_CARD_PROTOCOL },
		{ "half a status word at APDU level", NO_STATUS, T0_ATR, 0, VREADER_EXTENDED, CR_E_CARD_PROTOCOL },
		{ "no answer at APDU level", MUTE, T0_ATR, 0, VREADER_SHORT, CR_E_CARD_MUTE },
	};
	static const enum vreader_level levels[] = { VREADER_TPDU, VREADER_SHORT, VREADER_EXTENDED };

	for (size_t l = 0; l < 3; l++) {
		struct vreader_config cfg = { .level = levels[l], .features = levels[l] == VREADER_TPDU ? 0x38 : 0,
					      .protocols = 3 };
		struct reader rd;

		plug(&rd, &cfg);
		for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
			uint64_t begin = now_ms();
			int err;

			if (t[i].level != levels[l])
				continue;
			vreader_usb_insert(rd.usb, 0, 0, bad_new(t[i].kind, t[i].atr, t[i].atr_len, t[i].protocol));
			err = use_next(&rd);
			if (err != t[i].err)
				fail_msg("%s: %d, %s", t[i].name, err, cr_strerror(err));
			if (now_ms() - begin >= NODE_MS)
				fail_msg("%s: did not end", t[i].name);
			vreader_usb_insert(rd.usb, 0, 0, vcard_echo_new(levels[l]));
			err = use_next(&rd);
			if (err)
				fail_msg("behind %s the next card does not work: %d, %s", t[i].name, err, cr_strerror(err));
		}
		unplug(&rd);
	}
}

static int tests(void)
{
	const struct CMUnitTest t[] = {
		NODE_TEST(unusable_descriptors_are_refused),
		NODE_TEST(odd_descriptors_are_bounded),
		NODE_TEST(class_descriptor_may_stand_behind_an_endpoint),
		NODE_TEST(bad_cards_end_in_an_error_with_a_name),
	};

	return cmocka_run_group_tests(t, NULL, NULL);
}

int main(int argc, char **argv)
{
	return node_main("badinput", argc, argv, tests);
}
