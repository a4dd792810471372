/* SPDX-License-Identifier: BSD-2-Clause */
/* The logical data structure, ICAO 9303-10: bytes of a file to what they say. No I/O. */
#ifndef CR_EID_LDS_H
#define CR_EID_LDS_H

#include <cardring/eid.h>

#define CR_FID_CARD_ACCESS	0x011c
#define CR_FID_CARD_SECURITY	0x011d	/* beside the application, in which it is EF.SOD */
#define CR_FID_SAVED_SECURITY	0x3f1d	/* that file among those of an inspection: no identifier of a card's */
#define CR_FID_COM		0x011e
#define CR_FID_SOD		0x011d
#define CR_FID_DG(n)		(0x0100 + (n))

/*
 * The tag of a data group's file (ICAO 9303-10, table 37 or so): 0x61 for 1; 0 if n is not 1..16.
 * And back.
 */
uint8_t cr_lds_dg_tag(unsigned int n);
unsigned int cr_lds_dg_number(uint8_t tag);

/* The first byte of EF.COM, EF.SOD or a data group; 0: none of them. */
uint8_t cr_lds_file_tag(uint16_t fid);
/* Bytes that the file has for sure if it is what it must be; 0: that cannot be said. */
size_t cr_lds_file_least(uint16_t fid);

/* EF.COM: *dgs bit n set where data group n is listed. */
int cr_lds_com(const uint8_t *data, size_t len, uint32_t *dgs);
/*
 * DG1 into document and holder (strings allocated; set only where the card has them). now: to place
 * two-digit years.
 */
int cr_lds_dg1(const uint8_t *data, size_t len, time_t now, struct cr_document *doc,
	       struct cr_holder *holder);
/* DG2 (ISO/IEC 19794-5): where the first portrait is inside data, and its type. */
int cr_lds_dg2(const uint8_t *data, size_t len, const uint8_t **image, size_t *image_len,
	       const char **type);
/* What is not as ICAO 9303-10, 4.7.2, and ISO/IEC 19794-5 have it, in any of the faces; NULL: nothing. */
const char *cr_lds_dg2_objection(const uint8_t *data, size_t len);
/*
 * DG13 of a Vietnamese card (fields of DG1 that it says better are replaced). CR_E_UNSUPPORTED:
 * another state's DG13.
 */
int cr_lds_dg13(const uint8_t *data, size_t len, struct cr_document *doc, struct cr_holder *holder);

/*
 * Fills document, holder, items and portrait from the files of insp, which are empty before, and
 * each file's note where it does not parse. What is said more than once is taken from where it is
 * said best: DG13 of a Vietnamese card, then DG11 and DG12, then DG1. 0, CR_E_NOMEM.
 */
int cr_lds_understand(struct cr_inspection *insp, time_t now);
/*
 * Records CR_CHECK_MRZ_CONSISTENT from the files of insp: DG1's check digits, what DG13 of a
 * Vietnamese card (identity number, dates, sex) and DG11 (date of birth) say against DG1, and that
 * what was read parses. Call it after cr_lds_understand, whose notes it takes for the groups other
 * than DG1, DG2 and DG13, which it parses itself.
 */
int cr_lds_consistency(struct cr_inspection *insp, time_t now);
/* Records CR_CHECK_DOCUMENT_VALIDITY from insp->document.date_of_expiry: valid through that day. */
int cr_lds_validity(struct cr_inspection *insp, time_t now);

/* Wipe and free every string. */
void cr_lds_document_clear(struct cr_document *doc);
void cr_lds_holder_clear(struct cr_holder *holder);

#endif
