// SPDX-License-Identifier: BSD-2-Clause
/*
 * The virtual reader at TPDU level: the line to the card. What is sent by another protocol or at another rate than the
 * card hears does not get through (ISO/IEC 7816-3, 8 and 9).
 */
#include <string.h>
#include "vreader_int.h"

static void card_line(const struct vslot *s, unsigned int *protocol, uint8_t *fi_di)
{
	*protocol = 0;
	*fi_di = 0x11;
	if (s->card->ops->line)
		s->card->ops->line(s->card, protocol, fi_di);
}

bool vreader_pps(struct vreader *v, struct vslot *s, unsigned int protocol, uint8_t fi_di)
{
	uint8_t req[4] = { 0xFF, protocol | 0x10, fi_di };
	unsigned int card_protocol, wait_ms = 0;
	uint8_t card_fi_di;

	card_line(s, &card_protocol, &card_fi_di);
	if (card_protocol == protocol && card_fi_di == fi_di)
		return true;
	req[3] = req[0] ^ req[1] ^ req[2];
	return s->card->ops->exchange(s->card, req, sizeof(req), v->rsp, sizeof(v->rsp), &wait_ms) == sizeof(req) &&
	       !memcmp(v->rsp, req, sizeof(req));
}

bool vreader_settle(struct vreader *v, struct vslot *s)
{
	uint8_t fi_di = s->params[s->protocol][0];
	unsigned int protocol;

	if (!(v->cfg.features & 0x42)) {
		vreader_params_default(s);
		return true;
	}
	if (v->cfg.features & 0xC0)
		return vreader_pps(v, s, s->protocol, fi_di);
	card_line(s, &protocol, &fi_di);
	s->params[0][0] = s->params[1][0] = fi_di;
	return true;
}

bool vreader_line_hears(struct vslot *s, const uint8_t *data, uint8_t bwi)
{
	bool pps = data[0] == 0xFF;	/* that is no CLA, and no NAD */
	unsigned int protocol;
	uint8_t fi_di, wanted = s->wtx;

	card_line(s, &protocol, &fi_di);
	s->wtx = 0;
	return (s->protocol == protocol || pps) && s->params[s->protocol][0] == fi_di && bwi >= wanted;
}

void vreader_line_heard(struct vslot *s, const uint8_t *data, size_t len)
{
	unsigned int protocol;
	uint8_t fi_di;

	card_line(s, &protocol, &fi_di);
	if (protocol == 1 && len > 4 && data[1] == 0xC3)
		s->wtx = data[3];
}
