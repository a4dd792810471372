/* SPDX-License-Identifier: BSD-2-Clause */
/* The examiner's hand: commands to a card, secure messaging, and what can be done wrong in it on purpose. */
#ifndef CARDEXAM_PROBE_H
#define CARDEXAM_PROBE_H

#include "own.h"

struct sim_card;

/* Of the next command only. */
enum tamper {
	NO_MAC		= 1,	/* without 8E */
	BAD_MAC		= 2,	/* a bit of it changed */
	BAD_COUNTER	= 4,	/* the MAC is over a counter one too high */
	NO_BODY		= 8,	/* without 87, as if the command had no data */
};

#define NO_LE	(-1)

struct session {
	bool on;
	enum cipher cipher;
	uint8_t enc[32], mac[32], ssc[16];
};

struct probe {
	struct sim_card *card;
	struct session sm;
	unsigned int tamper;

	/* The last answer: its status word and data, out of secure messaging where it was in it. */
	uint16_t sw;
	struct blob data;
	bool plain;		/* it came without secure messaging */
	const char *unsound;	/* what is wrong with its secure messaging; NULL */
};

/* Power off and on. */
void probe_reset(struct probe *p);
/* A command APDU as it stands. */
void probe_raw(struct probe *p, const void *cmd, size_t n);
/*
 * A command; cla with 0C: in secure messaging under the keys that there are, whether or not the card still has them.
 * le: NO_LE, or as many bytes as are wanted; 0: all there are, up to 256.
 */
void probe_send(struct probe *p, uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, const void *data, size_t lc, int le);
/* New keys from a shared secret. ssc NULL: zeroes. */
void probe_keys(struct probe *p, enum cipher c, const void *secret, size_t n, const uint8_t *ssc);

#endif
