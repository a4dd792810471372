/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What files say, item by item (struct cr_item). No I/O.
 *
 *	DG2, DG3, DG4	a face, finger or eye each: format position eye image record width height quality
 *	DG5, DG7	a picture each: image
 *	DG11		full_name other_names personal_number date_of_birth place_of_birth
 *			permanent_address telephone profession title personal_summary
 *			proof_of_citizenship other_documents custody
 *	DG12		issuing_authority date_of_issue other_people endorsements tax_exit_requirements
 *			image_front image_rear personalized personalization_system
 *	DG14		protocols
 *	DG15		key
 *	DG16		a person each: recorded name telephone address
 *	EF.DIR		an application each: aid application label
 *	EF.ATR/INFO	max_command max_response card_service capabilities
 */
#ifndef CR_EID_ITEMS_H
#define CR_EID_ITEMS_H

#include <cardring/eid.h>

#define CR_FID_DIR	0x2f00
#define CR_FID_INFO	0x2f01

struct cr_items {
	struct cr_item *item;
	size_t n;
	size_t limit;		/* more are CR_E_MALFORMED; 0: none */
};

/*
 * Appends what the file says. 0, also for files that are not taken apart here; CR_E_MALFORMED, and
 * then nothing is appended; CR_E_NOMEM. A single field that is no text or no date does not make its
 * file malformed: the item has its bytes, and no type.
 */
int cr_items_of_file(uint16_t fid, const uint8_t *data, size_t len, struct cr_items *out);
/* Wipes and frees. */
void cr_items_clear(struct cr_items *items);

/* ---- for the parsers of single files; errors as above ---- */

/* Takes text, which may be NULL: no memory. */
int cr_items_add_text(struct cr_items *items, uint16_t fid, unsigned int instance, const char *name,
		      char *text);
/* A copy of a static text. */
int cr_items_add_word(struct cr_items *items, uint16_t fid, unsigned int instance, const char *name,
		      const char *word);
int cr_items_add_number(struct cr_items *items, uint16_t fid, unsigned int instance,
			const char *name, unsigned long value);
int cr_items_add_hex(struct cr_items *items, uint16_t fid, unsigned int instance, const char *name,
		     const uint8_t *data, size_t len);
int cr_items_add_bytes(struct cr_items *items, uint16_t fid, unsigned int instance,
		       const char *name, const uint8_t *data, size_t len, const char *type);
bool cr_items_have(const struct cr_items *items, uint16_t fid, unsigned int instance,
		   const char *name);

/* "image/jpeg", "image/jp2", ... by the first bytes; NULL: none that is known. */
const char *cr_image_type(const uint8_t *p, size_t n);

int cr_items_face(const uint8_t *data, size_t len, struct cr_items *out);		/* DG2 */
int cr_items_finger(const uint8_t *data, size_t len, struct cr_items *out);		/* DG3 */
int cr_items_iris(const uint8_t *data, size_t len, struct cr_items *out);		/* DG4 */
int cr_items_pictures(uint16_t fid, const uint8_t *data, size_t len, struct cr_items *out); /* DG5, DG7 */
/* DG11, DG12, DG16 */
int cr_items_details(uint16_t fid, const uint8_t *data, size_t len, struct cr_items *out);
int cr_items_protocols(const uint8_t *data, size_t len, struct cr_items *out);		/* DG14 */
int cr_items_key(const uint8_t *data, size_t len, struct cr_items *out);		/* DG15 */
int cr_items_dir(const uint8_t *data, size_t len, struct cr_items *out);
int cr_items_info(const uint8_t *data, size_t len, struct cr_items *out);

#endif
