/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a contactless card takes: what ISO/IEC 14443 type A puts on the air for a command and its answer, and what
 * a chip computes in between. Pure arithmetic: bytes and work in, nanoseconds out; timing.c derives them.
 *
 * Each time is the shortest that the standard allows, and the chip one of the fastest that have been measured: a
 * host's share of the whole, measured against it, is rather too great than too small.
 */
#ifndef CARDRING_SIM_TIMING_H
#define CARDRING_SIM_TIMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one command had the chip do. */
struct card_work {
	unsigned int scalar_bits;	/* of all its multiplications of a point of an elliptic curve, summed */
	unsigned int field_bits;	/* of that curve */
	size_t cipher_bytes;		/* through AES or 3DES: data, counters, MACs */
	size_t random_bytes;
	size_t file_bytes;		/* read out of its memory */
};

/* What that takes. */
struct timing_chip {
	uint32_t command_ns;		/* any command: taken apart, looked up, allowed */
	uint32_t cipher_ns, random_ns, file_ns;		/* a byte */
	struct { uint16_t bits; uint32_t us; } point[5];	/* one multiplication, by the size of the field, rising */
};
extern const struct timing_chip timing_chip_p71;

struct timing {
	unsigned int rate;		/* kbit/s, both ways: 106, 212, 424 or 848; 0: no model */
	unsigned int frame;		/* FSD and FSC, bytes */
	const struct timing_chip *chip;
};

/* Frames of 256 bytes and timing_chip_p71. False: not one of the bit rates. */
bool timing_init(struct timing *t, unsigned int rate);

/* From the field's rise until the card is ready for its first APDU; historical: bytes of them in its ATS. */
uint64_t timing_activation_ns(const struct timing *t, size_t historical);
/* From the beginning of a command APDU on the air until the end of its response APDU. */
uint64_t timing_exchange_ns(const struct timing *t, size_t cmd_len, size_t rsp_len, const struct card_work *work);
/* What the reader must let pass between the end of an answer and the next command. */
uint64_t timing_guard_ns(const struct timing *t);
/* The chip's part of timing_exchange_ns, before its answer begins. */
uint64_t timing_chip_ns(const struct timing_chip *chip, const struct card_work *work);

#endif
