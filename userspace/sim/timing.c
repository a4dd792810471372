// SPDX-License-Identifier: BSD-2-Clause
/*
 * On the air: ISO/IEC 14443-2, -3, -4, type A. The unit is 1/fc, the period of the carrier; fc = 13.56 MHz.
 *
 *   bit      128/fc at 106 kbit/s, 64, 32, 16 at 212, 424, 848 (14443-2, 8.1.1 and 8.2.1)
 *   frame    standard: start of communication, then each byte's 8 bits and its parity bit, then end of
 *            communication (14443-3, 6.2.3.2): 1 + 9 n bits; short: 1 + 7 bits (6.2.3.1). The end costs nothing:
 *            the delay that follows runs from the last modulation, so that the end lies in it.
 *            From 212 kbit/s on a card's frame begins with 32 periods of its subcarrier, fc/16 (14443-2, 8.2.6).
 *   delay    from command to answer (14443-3, 6.2.1.1): (n * 128 + 20)/fc behind a frame whose last bit is 0,
 *            n >= 9, at 106 kbit/s; + 116, + 100, + 92, n >= 8, at 212, 424, 848: 1172, 1140, 1124, 1116.
 *            A last bit of 1 makes the delay longer by as much as it begins earlier, half a bit.
 *            From answer to command (6.2.1.2): 1172/fc at least.
 *   block    PCB, information, two bytes of CRC (14443-4, 7.1); neither CID nor NAD: one card is in the field.
 *            A block is a frame of at most FSC (to the card) or FSD (from it) bytes. An APDU that is longer is
 *            chained, each block but the last acknowledged by R(ACK), which has no information (7.5.2).
 *
 * The chip answers when it is done, but not before the least delay. Waiting time extensions (7.3) are left out: with
 * FWI 8, which is usual, they come after 77 ms, and no command takes this chip longer. So are the grid of 128/fc on
 * which a card at 106 kbit/s answers, and what the reader itself takes between USB and the air.
 */
#include "timing.h"

#define BIT_106		128
#define PREAMBLE	(32 * 16)
#define FDT_PCD		1172
#define BLOCK		3	/* PCB and CRC */
/* 14443-3, 5.2: the card must be ready for REQA when it has been in the field for 5 ms */
#define FIELD_GUARD	67800

/*
 * NXP P71 (SmartMX3), as published by JCAlgTest (crocs-muni, NXP JCOP4 P71D321, 2020-01-13, contactless), milliseconds:
 * ALG_EC_SVDP_DH 18.16, 19.68, 21.58, 33.22, 59.72 for 192, 224, 256, 384 and 521 bits; AES-128 CBC over 256 bytes
 * 1.95 (3DES: 1.98, so one figure for both); 256 bytes of randomness 1.28. Older chips in the same collection, and in
 * that of ECTester, take 120 to 210 ms for the 256 bits. Hashes (key derivation) and setting up keys are left out.
 *
 * Assumed, for want of figures: 0.5 ms for what any command costs, and 50 ns a byte of file, one access to flash.
 */
const struct timing_chip timing_chip_p71 = {
	.command_ns = 500000, .cipher_ns = 7617, .random_ns = 5000, .file_ns = 50,
	.point = { { 192, 18160 }, { 224, 19680 }, { 256, 21580 }, { 384, 33220 }, { 521, 59720 } },
};

static uint64_t ns(uint64_t periods)
{
	return periods * 25000 / 339;	/* 1e9 / 13.56e6 */
}

static unsigned int bit(const struct timing *t)
{
	return BIT_106 * 106 / t->rate;		/* 848 = 8 * 106 */
}

bool timing_init(struct timing *t, unsigned int rate)
{
	*t = (struct timing){ .rate = rate, .frame = 256, .chip = &timing_chip_p71 };
	return rate == 106 || rate == 212 || rate == 424 || rate == 848;
}

static unsigned int to_card(unsigned int bit_len, size_t bytes)
{
	return (1 + 9 * bytes) * bit_len;
}

static unsigned int from_card(unsigned int bit_len, size_t bytes)
{
	return to_card(bit_len, bytes) + (bit_len == BIT_106 ? 0 : PREAMBLE);
}

/* 1172 behind the slowest frame, and less behind faster ones. */
static unsigned int fdt_picc(unsigned int bit_len)
{
	return bit_len == BIT_106 ? 9 * 128 + 20 : 8 * 128 + 84 + bit_len / 2;
}

/* One APDU in blocks: theirs, and the acknowledgements between them. */
static uint64_t chained(const struct timing *t, size_t len, bool out)
{
	unsigned int b = bit(t), gap = fdt_picc(b) + FDT_PCD;
	size_t most = t->frame - BLOCK, part;
	uint64_t sum = 0;

	for (; ; len -= part) {
		part = len < most ? len : most;
		sum += out ? to_card(b, part + BLOCK) : from_card(b, part + BLOCK);
		if (part == len)
			return sum;
		sum += gap + (out ? from_card(b, BLOCK) : to_card(b, BLOCK));
	}
}

/* Between the sizes that were measured, as on a straight line; beyond them, as the nearest. */
static uint64_t point_ns(const struct timing_chip *chip, unsigned int bits)
{
	const size_t n = sizeof(chip->point) / sizeof(chip->point[0]);
	size_t i = 0;

	while (i < n && chip->point[i].bits < bits)
		i++;
	if (i == n)
		return chip->point[n - 1].us * 1000ULL;
	if (!i || chip->point[i].bits == bits)
		return chip->point[i].us * 1000ULL;
	return (chip->point[i - 1].us + (uint64_t)(chip->point[i].us - chip->point[i - 1].us) *
		(bits - chip->point[i - 1].bits) / (chip->point[i].bits - chip->point[i - 1].bits)) * 1000ULL;
}

uint64_t timing_chip_ns(const struct timing_chip *chip, const struct card_work *work)
{
	uint64_t sum = chip->command_ns + (uint64_t)work->cipher_bytes * chip->cipher_ns +
		       (uint64_t)work->random_bytes * chip->random_ns + (uint64_t)work->file_bytes * chip->file_ns;

	/* A multiplication is a doubling for each bit of the scalar. */
	if (work->field_bits)
		sum += point_ns(chip, work->field_bits) * work->scalar_bits / work->field_bits;
	return sum;
}

uint64_t timing_exchange_ns(const struct timing *t, size_t cmd_len, size_t rsp_len, const struct card_work *work)
{
	uint64_t chip = timing_chip_ns(t->chip, work), least = ns(fdt_picc(bit(t)));

	return ns(chained(t, cmd_len, true) + chained(t, rsp_len, false)) + (chip > least ? chip : least);
}

uint64_t timing_guard_ns(const struct timing *t)
{
	return ns(FDT_PCD);
}

/*
 * Request, anticollision, select (14443-3, 6.5), RATS, PPS (14443-4, 5), all at 106 kbit/s. One cascade level: a
 * travel document's UID is random, and so of four bytes (6.5.4). One card: its UID comes whole. PPS only where
 * another bit rate is wanted.
 */
uint64_t timing_activation_ns(const struct timing *t, size_t historical)
{
	const struct { unsigned int command, answer; } step[] = {
		{ (1 + 7) * BIT_106, from_card(BIT_106, 2) },			/* REQA, ATQA */
		{ to_card(BIT_106, 2), from_card(BIT_106, 5) },			/* SEL NVB; UID BCC */
		{ to_card(BIT_106, 9), from_card(BIT_106, 3) },			/* SEL NVB UID BCC CRC; SAK CRC */
		{ to_card(BIT_106, 4), from_card(BIT_106, 7 + historical) },	/* RATS; TL T0 TA TB TC, CRC */
		{ to_card(BIT_106, 5), from_card(BIT_106, 3) },			/* PPSS PPS0 PPS1 CRC; PPSS CRC */
	};
	const unsigned int steps = t->rate == 106 ? 4 : 5;
	uint64_t sum = FIELD_GUARD;

	for (unsigned int i = 0; i < steps; i++)
		sum += step[i].command + fdt_picc(BIT_106) + step[i].answer + (i ? FDT_PCD : 0);
	return ns(sum);
}
