/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A card with contacts, as the line sees it (ISO/IEC 7816-3:2006): answer to reset, PPS as the first thing or never,
 * then T=1 blocks, or T=0 TPDUs where it offers them. It hears only who speaks its protocol at its rate, which
 * sim_contact_line tells: a reader that is set to another hears nothing.
 */
#ifndef CARDRING_SIM_CONTACT_H
#define CARDRING_SIM_CONTACT_H

#include "t1.h"

/* Zeroes: T=1 alone, negotiable, default rate, PPS as it should be. */
struct sim_contact_config {
	struct sim_t1_config t1;
	bool t0_too;		/* offers T=0, first */
	bool specific;		/* TA2: T=1 at the rate of TA1 at once, and no PPS */
	uint8_t ta1;		/* 0: none */
	bool pps_mute;		/* answers no PPS */
	bool pps_default_rate;	/* answers it without PPS1 */
	bool envelope, chaining;	/* over T=0, for long commands; that the ATR says so is up to hist */
	uint8_t hist[15];	/* historical bytes */
	unsigned int hist_len;
};

struct sim_contact_app {
	sim_apdu_fn apdu;
	/* One T=0 TPDU, header and data: data and status word. NULL: made of apdu (t0_long.h). */
	size_t (*tpdu)(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size);
	void *arg;
};

struct sim_contact;
struct sim_contact *sim_contact_new(const struct sim_contact_config *cfg, const struct sim_contact_app *app);
void sim_contact_free(struct sim_contact *c);	/* NULL is fine */
/* Reset: its ATR, valid until it is freed. */
const uint8_t *sim_contact_reset(struct sim_contact *c, size_t *len);
/* What the reader sends in one go, and what comes back: bytes; 0: nothing. */
size_t sim_contact_exchange(struct sim_contact *c, const uint8_t *in, size_t len, uint8_t *out, size_t size);
/* The protocol and rate (Fi/Di) in force. */
void sim_contact_line(const struct sim_contact *c, unsigned int *protocol, uint8_t *fi_di);

#endif
