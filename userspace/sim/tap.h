/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tap on the card's side of secure messaging, for tests: it sees each command as the chip does, and can have the
 * chip answer what no chip should.
 */
#ifndef CARDRING_SIM_TAP_H
#define CARDRING_SIM_TAP_H

#include "simcard.h"

/* Each may be NULL. cmd: with secure messaging taken off, and chained data whole; protected: it had some. */
struct sim_tap {
	void *arg;
	/* Before the command runs. 0: let it; else the status word to answer with instead. */
	uint16_t (*before)(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected);
	/* It has run: the answer's data and status word, before secure messaging, to look at or to change. */
	void (*after)(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
		      struct sim_buf *data, uint16_t *sw);
	/* The protected answer's data objects (87 or 85, 99), before their MAC is made. */
	void (*objects)(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, struct sim_buf *objects);
	/*
	 * The answer as it leaves, len bytes with the status word, room for size. cmd NULL: the command did not come as
	 * far as to run (its format, class, chaining or secure messaging). Returns its new length.
	 */
	size_t (*leaving)(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected,
			  uint8_t *rsp, size_t len, size_t size);
};

/* On each card that is loaded in this process from now on; NULL: none. It is not copied. */
void sim_tap_set(const struct sim_tap *tap);

#endif
