// SPDX-License-Identifier: BSD-2-Clause
/* What each error means for the person at the desk. */
#include <cardring/error.h>

const char *cr_strerror(int err)
{
	switch ((enum cr_error)err) {
	case CR_OK:
		return "Done.";
	case CR_E_INTERNAL:
		return "Something went wrong inside the program; please report it.";
	case CR_E_NOMEM:
		return "There is not enough memory, or the limit of locked memory (ulimit -l) is reached.";
	case CR_E_INVALID:
		return "The program was asked for something that makes no sense.";
	case CR_E_NO_READER:
		return "No card reader was found; plug one in, or check the reader's name.";
	case CR_E_READER_GONE:
		return "The card reader was unplugged; plug it in again.";
	case CR_E_READER_BUSY:
		return "Another program is using this card reader; close it and try again.";
	case CR_E_READER_DENIED:
		return "You have no permission to use this card reader; ask the administrator.";
	case CR_E_READER_FAILED:
		return "The card reader does not work properly; unplug it and plug it in again.";
	case CR_E_NO_CARD:
		return "There is no card; put one on or into the reader.";
	case CR_E_CARD_GONE:
		return "The card was taken away too early; put it back and leave it until the end.";
	case CR_E_CARD_MUTE:
		return "The card does not answer; take it off, turn it over and put it back.";
	case CR_E_CARD_PROTOCOL:
		return "The card's answer cannot be understood; take it off and put it back.";
	case CR_E_CARD_STATUS:
		return "The card refused the command.";
	case CR_E_TIMEOUT:
		return "It took too long; try again.";
	case CR_E_CANCELED:
		return "Canceled.";
	case CR_E_TOO_LONG:
		return "The message is longer than this card reader or card takes.";
	case CR_E_UNSUPPORTED:
		return "This card or card reader needs something that is not supported.";
	case CR_E_ACCESS_REFUSED:
		return "The card refused access; check the number that you typed against the card.";
	case CR_E_SM:
		return "The protected connection to the card broke; take the card off and put it back.";
	case CR_E_MALFORMED:
		return "The data is damaged or not of the expected kind.";
	case CR_E_NOT_FOUND:
		return "What was looked for is not there.";
	case CR_E_CRYPTO:
		return "A cryptographic operation failed: a key or signature cannot be used.";
	case CR_E_NO_DRIVER:
		return "A card reader is plugged in, but cardring's module does not drive it.";
	case CR_E_PIN_SUSPENDED:
		return "The PIN was wrong before and has one try left; give the CAN together with it.";
	case CR_E_PIN_BLOCKED:
		return "There were too many wrong tries: the card has blocked this PIN or PUK.";
	case CR_E_IO:
		return "A file could not be read or written.";
	case CR_E_READER_UNFIT:
		return "This card reader cannot speak with this card: they share no protocol or voltage that is supported; "
		       "try another card reader.";
	case CR_E_VERSION:
		return "The module cardring is of another version than this program; install both of the same version, "
		       "then \"cardring driver unload\" and \"cardring driver load\".";
	case CR_E_NO_SERVICE:
		return "The smart-card service pcscd does not answer; start it, or have it started again.";
	}
	return "An unknown error occurred.";
}
