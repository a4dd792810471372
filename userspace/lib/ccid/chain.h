/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An APDU longer than one message of an extended APDU reader: as several messages (CCID 1.1, 6.1.4
 * wLevelParameter, 6.2.1 bChainParameter). Bytes in, bytes out.
 */
#ifndef CR_CCID_CHAIN_H
#define CR_CCID_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cr_ccid_chain {
	const uint8_t *cmd;
	size_t cmd_len, sent, part;
	size_t most;		/* payload of one message */
	uint8_t *rsp;
	size_t size, len;	/* room; bytes there */
	bool begun;		/* part of the response is there */
	unsigned int empty;	/* parts without anything in them */
};

/*
 * Takes a C-APDU, which must stay where it is, where its R-APDU is to go (size bytes), and how many
 * bytes a message carries. CR_E_TOO_LONG: none, or size is below 2.
 */
int cr_ccid_chain_begin(struct cr_ccid_chain *c, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size,
			size_t most);
/* The payload to send now: its length, *data into the C-APDU, and its wLevelParameter. */
size_t cr_ccid_chain_message(const struct cr_ccid_chain *c, const uint8_t **data, uint16_t *level);
/*
 * The answer's payload and bChainParameter. 1: another message is to be sent; 0: the R-APDU is whole,
 * c->len bytes; CR_E_READER_FAILED: no answer to that message; CR_E_TOO_LONG: it does not fit.
 */
int cr_ccid_chain_answer(struct cr_ccid_chain *c, const uint8_t *data, size_t len, uint8_t param);

#endif
