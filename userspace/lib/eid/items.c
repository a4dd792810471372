// SPDX-License-Identifier: BSD-2-Clause
/* The list of what files say, and which parser knows which file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eid/items.h"
#include "eid/lds.h"
#include "eid/lds_text.h"

/* Of one file. No card has so much to say; a file that does is not a file of a card. */
#define MAX_ITEMS	512

static const char *const lists[] = {
	"other_names", "other_documents", "other_people", "protocols",
};

static int add(struct cr_items *items, const struct cr_item *item)
{
	struct cr_item *all;

	if (items->limit && items->n == items->limit)
		return CR_E_MALFORMED;
	/* room for the next power of two */
	if (!(items->n & (items->n - 1))) {
		all = reallocarray(items->item, items->n ? 2 * items->n : 1, sizeof(*all));
		if (!all)
			return CR_E_NOMEM;
		items->item = all;
	}
	items->item[items->n] = *item;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (!strcmp(item->name, lists[i]))
			items->item[items->n].list = true;
	}
	items->n++;
	return 0;
}

int cr_items_add_text(struct cr_items *items, uint16_t fid, unsigned int instance, const char *name,
		      char *text)
{
	const struct cr_item item = { .fid = fid, .instance = instance, .name = name, .text = text };
	int err = text ? add(items, &item) : CR_E_NOMEM;

	if (err)
		cr_text_free(text);
	return err;
}

int cr_items_add_word(struct cr_items *items, uint16_t fid, unsigned int instance, const char *name,
		      const char *word)
{
	return cr_items_add_text(items, fid, instance, name, strdup(word));
}

int cr_items_add_number(struct cr_items *items, uint16_t fid, unsigned int instance,
			const char *name, unsigned long value)
{
	char text[24];
	int err;

	snprintf(text, sizeof(text), "%lu", value);
	err = cr_items_add_word(items, fid, instance, name, text);
	if (!err)
		items->item[items->n - 1].number = true;
	return err;
}

int cr_items_add_hex(struct cr_items *items, uint16_t fid, unsigned int instance, const char *name,
		     const uint8_t *data, size_t len)
{
	char *text = malloc(2 * len + 1);

	if (text) {
		text[0] = '\0';
		for (size_t i = 0; i < len; i++)
			sprintf(text + 2 * i, "%02X", data[i]);
	}
	return cr_items_add_text(items, fid, instance, name, text);
}

int cr_items_add_bytes(struct cr_items *items, uint16_t fid, unsigned int instance,
		       const char *name, const uint8_t *data, size_t len, const char *type)
{
	const struct cr_item item = {
		.fid = fid, .instance = instance, .name = name, .data = data, .len = len, .type = type
	};

	return add(items, &item);
}

bool cr_items_have(const struct cr_items *items, uint16_t fid, unsigned int instance,
		   const char *name)
{
	for (size_t i = 0; i < items->n; i++) {
		if (items->item[i].fid == fid && items->item[i].instance == instance &&
		    !strcmp(items->item[i].name, name))
			return true;
	}
	return false;
}

static void cut(struct cr_items *items, size_t n)
{
	while (items->n > n)
		cr_text_free(items->item[--items->n].text);
}

void cr_items_clear(struct cr_items *items)
{
	cut(items, 0);
	free(items->item);
	items->item = NULL;
}

static int parse(uint16_t fid, const uint8_t *data, size_t len, struct cr_items *out)
{
	switch (fid) {
	case CR_FID_DG(2):	return cr_items_face(data, len, out);
	case CR_FID_DG(3):	return cr_items_finger(data, len, out);
	case CR_FID_DG(4):	return cr_items_iris(data, len, out);
	case CR_FID_DG(5):
	case CR_FID_DG(7):	return cr_items_pictures(fid, data, len, out);
	case CR_FID_DG(11):
	case CR_FID_DG(12):
	case CR_FID_DG(16):	return cr_items_details(fid, data, len, out);
	case CR_FID_DG(14):	return cr_items_protocols(data, len, out);
	case CR_FID_DG(15):	return cr_items_key(data, len, out);
	case CR_FID_DIR:	return cr_items_dir(data, len, out);
	case CR_FID_INFO:	return cr_items_info(data, len, out);
	}
	return 0;
}

int cr_items_of_file(uint16_t fid, const uint8_t *data, size_t len, struct cr_items *out)
{
	struct cr_items own = { .limit = MAX_ITEMS };
	int err = parse(fid, data, len, &own);

	for (size_t i = 0; !err && i < own.n; i++) {
		err = add(out, &own.item[i]);
		if (!err)
			own.item[i].text = NULL;
	}
	cr_items_clear(&own);
	return err;
}

const char *cr_image_type(const uint8_t *p, size_t n)
{
	static const uint8_t jp2[12] = {
		0, 0, 0, 0x0c, 'j', 'P', ' ', ' ', 0x0d, 0x0a, 0x87, 0x0a,
	};

	if (n > 3 && p[0] == 0xff && p[1] == 0xd8 && p[2] == 0xff)
		return "image/jpeg";
	if (n > sizeof(jp2) && !memcmp(p, jp2, sizeof(jp2)))
		return "image/jp2";
	/* A bare JPEG 2000 codestream (ISO/IEC 15444-1, A.4.1): SOC, then SIZ. */
	if (n > 4 && p[0] == 0xff && p[1] == 0x4f && p[2] == 0xff && p[3] == 0x51)
		return "image/jp2";
	return NULL;
}
