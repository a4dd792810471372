/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The card's side of T=0 for commands of any length, strict: ENVELOPE (ISO/IEC 7816-3:2006, 12.2), command chaining
 * (7816-4:2013, 5.3.3), GET RESPONSE. Over a card that knows whole APDUs.
 */
#ifndef CARDRING_SIM_T0_LONG_H
#define CARDRING_SIM_T0_LONG_H

#include "t1.h"

struct sim_t0_long;
/* chaining, envelope: which of them it has. NULL: out of memory. */
struct sim_t0_long *sim_t0_long_new(sim_apdu_fn apdu, void *arg, bool chaining, bool envelope);
void sim_t0_long_free(struct sim_t0_long *t);	/* NULL is fine */
void sim_t0_long_reset(struct sim_t0_long *t);
/* A TPDU, header and data; data and status word. */
size_t sim_t0_long_tpdu(struct sim_t0_long *t, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size);

#endif
