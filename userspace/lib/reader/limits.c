// SPDX-License-Identifier: BSD-2-Clause
/* The longest APDUs that get through: what reader and exchange level carry, and what the card says that it takes. */
#include "iso7816/apdu.h"
#include "reader/card_int.h"

/* What is left of so many bytes, at most limit. */
static size_t beyond(size_t bytes, size_t overhead, size_t limit)
{
	size_t left = bytes > overhead ? bytes - overhead : 0;

	return left < limit ? left : limit;
}

static void by_reader(const cr_card_t *card, struct cr_limits *l)
{
	size_t most = cr_card_message_room(card);

	l->command = CR_APDU_MAX_LC;
	l->response = CR_APDU_MAX_LE;
	if (card->speak == CR_SPEAK_T1) {	/* its blocks are as long as they may be */
		l->message_command = l->command;
		l->message_response = l->response;
		return;
	}
	if (card->speak == CR_SPEAK_APDU && card->reader.dev.level == CARDRING_LEVEL_EXTENDED_APDU && most) {
		/* header, extended Lc, extended Le; status word. What is longer goes as several messages (wLevelParameter) */
		l->message_command = beyond(most, 9, CR_APDU_MAX_LC);
		l->message_response = beyond(most, 2, CR_APDU_MAX_LE);
		/* but for a response of which the reader makes one message that no buffer takes */
		if (most < card->reader.dev.max_payload && l->message_response < CR_APDU_MAX_LE) {
			l->response = l->message_response;
			l->response_by = CR_LIMIT_READER;
		}
		return;
	}
	l->command = l->message_command = beyond(most, 5 + (card->speak != CR_SPEAK_T0), CR_APDU_MAX_SHORT_LC);
	l->response = l->message_response = beyond(most, 2, CR_APDU_MAX_SHORT_LE);
	l->command_by = l->command < CR_APDU_MAX_SHORT_LC ? CR_LIMIT_READER : CR_LIMIT_LEVEL;
	l->response_by = l->response < CR_APDU_MAX_SHORT_LE ? CR_LIMIT_READER : CR_LIMIT_LEVEL;
}

static void by_card(size_t most, size_t *n, size_t *message, enum cr_limit *by)
{
	if (*n > most) {
		*n = most;
		*by = CR_LIMIT_CARD;
	}
	if (*message > *n)
		*message = *n;
}

void cr_card_limits(const cr_card_t *card, struct cr_limits *out)
{
	size_t command = CR_APDU_MAX_LC, response = CR_APDU_MAX_LE;

	*out = (struct cr_limits) {
		.chaining = card->capabilities & CR_ATR_COMMAND_CHAINING,
		.told = card->told_response != 0,
	};
	by_reader(card, out);
	if (out->told) {
		command = card->told_command;
		response = card->told_response;
	} else if (!(card->capabilities & CR_ATR_EXTENDED)) {
		command = CR_APDU_MAX_SHORT_LC;
		response = CR_APDU_MAX_SHORT_LE;
	}
	by_card(command, &out->command, &out->message_command, &out->command_by);
	by_card(response, &out->response, &out->message_response, &out->response_by);
	out->extended = out->command > CR_APDU_MAX_SHORT_LC || out->response > CR_APDU_MAX_SHORT_LE;
}

void cr_card_told(cr_card_t *card, size_t command, size_t response)
{
	card->told_command = command;
	card->told_response = response;
}
