/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame around the records of DG2, DG3 and DG4: ICAO 9303-10, 4.7.2 and ISO/IEC 7816-11
 * (CBEFF). No I/O.
 */
#ifndef CR_EID_BIOMETRIC_H
#define CR_EID_BIOMETRIC_H

#include "eid/items.h"

#define CR_BIOMETRIC_MAX	9	/* ICAO 9303-10, 4.7.2 to 4.7.4: instances 1 to 9 */

struct cr_biometric {
	const uint8_t *record;	/* the biometric data block's content */
	size_t len;
	bool asn1;		/* it is ISO/IEC 39794's: its [APPLICATION n] object, whole */
	bool header;		/* its header is as ICAO 9303-10 has it, of this kind of record */
};

/*
 * The templates of DG dg, at most CR_BIOMETRIC_MAX, *n of them (0 in a DG3 or DG4 that holds none).
 * 0 or CR_E_MALFORMED, which a wrong header is of fingers and irises, but not of a face. first: no more
 * than the first is looked at, whatever the others are.
 */
int cr_biometric_parse(unsigned int dg, const uint8_t *data, size_t len, bool first,
		       struct cr_biometric out[CR_BIOMETRIC_MAX], size_t *n);

#endif
