/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The master file's own files: EF.DIR and EF.ATR/INFO (ICAO 9303-10, 3.11; ISO/IEC 7816-4, 12.2.2 and
 * 12.7.1). Objects side by side, with 00 or FF where a file is larger than they are. No I/O.
 */
#include <string.h>
#include "eid/items.h"
#include "eid/lds_text.h"
#include "iso7816/tlv.h"

#define TAG_APPLICATION		0x61
#define TAG_AID			0x4f
#define TAG_LABEL		0x50
#define TAG_CARD_SERVICE	0x43
#define TAG_CAPABILITIES	0x47
#define TAG_LENGTHS		0x7f66

/* ICAO 9303-10, 3.5 and 5 to 7 */
static const char *application_name(const uint8_t *aid, size_t len)
{
	static const struct { uint8_t aid[7]; const char *name; } known[] = {
		{ { 0xa0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01 }, "eMRTD" },
		{ { 0xa0, 0x00, 0x00, 0x02, 0x47, 0x20, 0x01 }, "travel records" },
		{ { 0xa0, 0x00, 0x00, 0x02, 0x47, 0x20, 0x02 }, "visa records" },
		{ { 0xa0, 0x00, 0x00, 0x02, 0x47, 0x20, 0x03 }, "additional biometrics" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (len == sizeof(known[i].aid) && !memcmp(aid, known[i].aid, len))
			return known[i].name;
	}
	return NULL;
}

static int add_application(struct cr_items *out, unsigned int instance, const struct cr_tlv *t)
{
	struct cr_tlv aid, label;
	const char *name;
	char *text;
	int err;

	if (cr_tlv_find(t->val, t->len, TAG_AID, &aid) || aid.len < 5 || aid.len > 16)
		return CR_E_MALFORMED;
	err = cr_items_add_hex(out, CR_FID_DIR, instance, "aid", aid.val, aid.len);
	name = application_name(aid.val, aid.len);
	if (!err && name)
		err = cr_items_add_word(out, CR_FID_DIR, instance, "application", name);
	if (err || cr_tlv_find(t->val, t->len, TAG_LABEL, &label))
		return err;
	err = cr_text_new(label.val, label.len, &text);
	if (err == CR_E_MALFORMED)
		return cr_items_add_bytes(out, CR_FID_DIR, instance, "label", label.val, label.len, NULL);
	return err ? err : cr_items_add_text(out, CR_FID_DIR, instance, "label", text);
}

int cr_items_dir(const uint8_t *data, size_t len, struct cr_items *out)
{
	unsigned int instance = 0;
	struct cr_tlv t;
	int err;

	while ((err = cr_tlv_next_padded(&data, &len, &t)) > 0) {
		if (t.tag != TAG_APPLICATION)
			continue;
		err = add_application(out, ++instance, &t);
		if (err)
			return err;
	}
	return err;
}

/* 7F66 { 02 longest command, 02 longest response }, status word included */
static int add_lengths(struct cr_items *out, const struct cr_tlv *t)
{
	static const char *const names[] = { "max_command", "max_response" };
	const uint8_t *p = t->val;
	size_t n = t->len;
	struct cr_tlv number;
	unsigned long v;
	int err = 0;

	for (int i = 0; i < 2 && !err; i++) {
		if (cr_tlv_next(&p, &n, &number) <= 0 || number.tag != 0x02 || !number.len ||
		    number.len > 4 || number.val[0] & 0x80)
			return CR_E_MALFORMED;
		v = 0;
		for (size_t k = 0; k < number.len; k++)
			v = v << 8 | number.val[k];
		err = cr_items_add_number(out, CR_FID_INFO, 0, names[i], v);
	}
	return err;
}

int cr_items_info(const uint8_t *data, size_t len, struct cr_items *out)
{
	struct cr_tlv t;
	int err;

	while ((err = cr_tlv_next_padded(&data, &len, &t)) > 0) {
		err = 0;
		if (t.tag == TAG_LENGTHS && !cr_items_have(out, CR_FID_INFO, 0, "max_command"))
			err = add_lengths(out, &t);
		else if (t.tag == TAG_CARD_SERVICE)
			err = cr_items_add_hex(out, CR_FID_INFO, 0, "card_service", t.val, t.len);
		else if (t.tag == TAG_CAPABILITIES)
			err = cr_items_add_hex(out, CR_FID_INFO, 0, "capabilities", t.val, t.len);
		if (err)
			return err;
	}
	return err;
}
