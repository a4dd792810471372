/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors: every function that can fail returns 0 (or a count) on success and a
 * negative enum cr_error else, unless its comment says otherwise.
 */
#ifndef CARDRING_ERROR_H
#define CARDRING_ERROR_H

enum cr_error {
	CR_OK			= 0,
	CR_E_INTERNAL		= -1,	/* a bug or an exhausted resource */
	CR_E_NOMEM		= -2,
	CR_E_INVALID		= -3,	/* the caller's argument is wrong */
	CR_E_NO_READER		= -4,	/* none found, or not the one named */
	CR_E_READER_GONE	= -5,	/* unplugged */
	CR_E_READER_BUSY	= -6,	/* another program holds the slot */
	CR_E_READER_DENIED	= -7,	/* no permission on the node */
	CR_E_READER_FAILED	= -8,	/* the reader or the bus broke the protocol */
	CR_E_NO_CARD		= -9,	/* the slot is empty */
	CR_E_CARD_GONE		= -10,	/* taken out while in use */
	CR_E_CARD_MUTE		= -11,	/* no answer, or none in time */
	CR_E_CARD_PROTOCOL	= -12,	/* the card's answer breaks its protocol */
	CR_E_CARD_STATUS	= -13,	/* a status word that means failure */
	CR_E_TIMEOUT		= -14,
	CR_E_CANCELED		= -15,	/* by the program or the user */
	CR_E_TOO_LONG		= -16,	/* command or response beyond what reader and card take */
	CR_E_UNSUPPORTED	= -17,	/* a protocol, algorithm or reader feature we do not have */
	CR_E_ACCESS_REFUSED	= -18,	/* wrong CAN, MRZ, ... */
	CR_E_SM			= -19,	/* secure messaging: wrong MAC, missing object, plain answer */
	CR_E_MALFORMED		= -20,	/* data that does not parse */
	CR_E_NOT_FOUND		= -21,	/* file, certificate, object */
	CR_E_CRYPTO		= -22,	/* OpenSSL refused: bad key, bad point, ... */
	CR_E_NO_DRIVER		= -23,	/* readers are there that no backend serves: cardring.ko is not loaded, or another has them */
	CR_E_IO			= -24,	/* a file of the host: errno is set */
	CR_E_PIN_SUSPENDED	= -25,	/* one try left, for which the card wants its CAN first */
	CR_E_PIN_BLOCKED	= -26,	/* PIN or PUK: no try left */
	CR_E_NO_SERVICE		= -27,	/* pcscd does not run, does not answer, or its client library is missing */
	CR_E_READER_UNFIT	= -28,	/* no protocol, level or voltage that reader, card and we all have */
	CR_E_VERSION		= -29,	/* cardring.ko speaks another version of its ABI */
};

/* What a clerk can act on, one English sentence, a gettext msgid; never NULL. */
const char *cr_strerror(int err);

#endif
