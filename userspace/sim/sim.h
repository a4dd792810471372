/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual card, and the doors behind which it stands.
 *
 * card.c and its neighbours know APDUs; a door knows a transport. Cards come from a folder made by
 * "cardring sim make DIR": DIR/cards/NAME/ (profile, EF files, keys; explained in profile.c) and DIR/trust/ (issuer
 * certificates and revocation lists). issue.h makes cards to order, for tests.
 */
#ifndef CARDRING_SIM_H
#define CARDRING_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cardring/reader.h>
#include "timing.h"

struct sim_card;

/*
 * Where sample cards live: $CARDRING_SIM_DIR, else sim/ beside the executable, else PREFIX/share/cardring/sim. NULL if
 * none exists. Valid in this thread, until the next call.
 */
const char *sim_dir(void);
/* Makes issuers and sample cards below dir (created). 0 or negative enum cr_error. */
int sim_make(const char *dir);
/* Names and one-line descriptions of the samples in sim_dir(); count; *out freed by free(). */
struct sim_sample { char name[32]; char text[128]; char can[16]; char mrz[100]; };
int sim_list(struct sim_sample **out);

/* name: a sample of sim_dir(), or a path of a card's folder (contains '/'). */
int sim_card_load(const char *name, struct sim_card **out);
void sim_card_free(struct sim_card *card);
/* Power on or reset: volatile state is gone. The ATR, valid until the card is freed. t0_only: an ATR that offers T=0 only
 * (for TPDU readers such as QEMU's), else contactless-style as PC/SC part 3 builds it (T=0 and T=1 bytes 3B 8x 80 01). */
const uint8_t *sim_card_power_on(struct sim_card *card, bool t0_only, size_t *len);
void sim_card_power_off(struct sim_card *card);
/* One APDU, short or extended (ISO/IEC 7816-4, 5.1). rsp takes up to 65538 bytes. Returns R-APDU length (>= 2).
 * Strict: refuses what a real chip refuses. */
size_t sim_card_apdu(struct sim_card *card, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size);
/* What the last command had the chip do. */
struct card_work sim_card_work(const struct sim_card *card);

/* The same card at T=0 TPDU level (ISO/IEC 7816-3, 10): 5-byte header, data; 61xx and GET RESPONSE, 6Cxx. */
struct sim_t0;
struct sim_t0 *sim_t0_new(struct sim_card *card);
void sim_t0_free(struct sim_t0 *t0);
void sim_t0_reset(struct sim_t0 *t0);
size_t sim_t0_tpdu(struct sim_t0 *t0, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size);

/* Doors. */
extern const struct cr_backend sim_backend;	/* in process: readers "sim:NAME", "sim:NAME?level=extended|short|tpdu[&protocol=1]"; NAME echo: the test card */
/* The card behind QEMU's ccid-card-passthru: vscard_serve (vscard_wire.h) with a sample's name or a folder. */
int sim_vscard_serve(const char *name, const char *socket_path, const volatile int *stop, const volatile int *insert);
/* The card under a real pcscd, in the virtual reader of vsmartcard-vpcd that listens on this TCP port of this host. */
#define SIM_VPCD_PORT	35963
int sim_vpcd_serve(const char *name, unsigned int port, const volatile int *stop, const volatile int *insert);

#endif
