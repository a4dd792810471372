/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How card and reader are to speak at TPDU level: protocol and rate (ISO/IEC 7816-3:2006, 6.3, 8.3 and 9), the
 * structures that tell a reader (CCID 1.1, 6.1.7), and the exchange that tells the card where the
 * reader does not. No I/O.
 */
#ifndef CR_CCID_PPS_H
#define CR_CCID_PPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "iso7816/atr.h"

/* CCID 1.1, 5.1, dwFeatures */
#define CR_FEATURE_PARAMETERS	0x00000002U	/* sets its parameters from the ATR */
#define CR_FEATURE_BAUD		0x00000020U	/* changes the rate with the parameters */
#define CR_FEATURE_NEGOTIATION	0x00000040U	/* negotiates with the card as it likes */
#define CR_FEATURE_PPS		0x00000080U	/* does PPS with the card by the parameters */
#define CR_FEATURE_IFSD		0x00000400U	/* T=1: exchanges IFSD at the start */

#define CR_FI_DI_DEFAULT	0x11		/* 7816-3, 8.1: F 372, D 1 */

/* What a reader can do. */
struct cr_reader_can {
	uint32_t features;	/* dwFeatures */
	uint32_t protocols;	/* bit n: T=n; 0: it does not say */
	uint32_t clock_khz;	/* dwDefaultClock */
	uint32_t max_rate;	/* dwMaxDataRate, bit/s */
	uint32_t max_ifsd;	/* dwMaxIFSD */
};

/* The terms on which card and reader speak. */
struct cr_terms {
	uint8_t protocol;	/* 0 or 1 */
	uint8_t fi_di;
	bool pps;		/* the host tells the card, before the reader is told */
	bool tell_reader;	/* by SetParameters */
	bool ask_reader;	/* it has chosen by itself, and GetParameters says what */
};

#define CR_PPS_MAX	4	/* PPSS, PPS0, PPS1, PCK */

/* From the CCID class descriptor (CCID 1.1, table 5.1-1). */
void cr_reader_can_parse(struct cr_reader_can *out, const uint8_t descriptor[54], uint32_t features);
/*
 * The best terms at a rate below so many bit/s, or at the default rate: CR_RATE_ANY at first, then what was refused.
 * CR_E_READER_UNFIT: no protocol that both speak.
 *
 * A reader that has not every rate up to its highest lists those that it has (GET_DATA_RATES). The list is not asked
 * for: what the reader has not it refuses when it is told (CCID 1.1, 6.1.7: bError is the offset of bmFindexDindex),
 * the next lower rate is tried behind that, and so the highest that both can do is found with every reader, those
 * included whose list fails or is not true. It costs a power cycle a step, at most one for each D, and of 773 interfaces
 * in tests/data/readers.tsv 11 have a list that does not hold what is proposed first.
 */
#define CR_RATE_ANY	UINT32_MAX
int cr_terms_choose(struct cr_terms *out, const struct cr_atr *atr, const struct cr_reader_can *can, uint32_t below);
/* Bits per second at a rate; 0 for RFU values (7816-3, tables 7 and 8). */
uint32_t cr_fi_di_rate(uint8_t fi_di, uint32_t clock_khz);

/* The PPS request (9.2); its length. */
size_t cr_pps_request(const struct cr_terms *terms, uint8_t out[CR_PPS_MAX]);
/*
 * The card's answer to it (9.3), which may take back the rate: then terms->fi_di is the default. CR_E_CARD_PROTOCOL:
 * the exchange failed, and the card must be powered off and on.
 */
int cr_pps_confirm(struct cr_terms *terms, const uint8_t *rsp, size_t len);

/* The protocol data structure for SetParameters; its length: 5 for T=0, 7 for T=1. */
size_t cr_terms_parameters(const struct cr_terms *terms, const struct cr_atr *atr, uint8_t out[7]);

#endif
