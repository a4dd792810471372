/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CR_TRUST_COUNTRY_H
#define CR_TRUST_COUNTRY_H

#include <stdbool.h>

enum cr_country_match { CR_COUNTRY_SAME = 0, CR_COUNTRY_DIFFERENT, CR_COUNTRY_UNKNOWN };

/* three: of an MRZ, without fillers ("VNM", "D"); two: of a certificate ("VN", "de"). */
enum cr_country_match cr_country_compare(const char *three, const char *two);

/* three is a code of ICAO 9303-3, 5: of a state, an organization, or a kind of person without one ("XXA"). */
bool cr_country_is_listed(const char *three);

#endif
