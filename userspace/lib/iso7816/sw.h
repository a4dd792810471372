/* SPDX-License-Identifier: BSD-2-Clause */
/* Status words (ISO/IEC 7816-4:2013, 5.1.3, tables 5 to 7) and what they mean. */
#ifndef CR_ISO7816_SW_H
#define CR_ISO7816_SW_H

#include <stdbool.h>
#include <stdint.h>

#define CR_SW_OK			0x9000
#define CR_SW_MORE_MASK			0xff00
#define CR_SW_MORE			0x6100	/* 61xx: xx bytes wait for GET RESPONSE */
#define CR_SW_WRONG_LE			0x6c00	/* 6Cxx: xx bytes are there */
#define CR_SW_END_OF_FILE		0x6282
#define CR_SW_SELECTED_INVALID		0x6283
#define CR_SW_AUTH_FAILED		0x6300
#define CR_SW_WRONG_LENGTH		0x6700
#define CR_SW_LAST_EXPECTED		0x6883
#define CR_SW_CHAINING_UNSUPPORTED	0x6884
#define CR_SW_SECURITY_STATUS		0x6982
#define CR_SW_AUTH_BLOCKED		0x6983
#define CR_SW_CONDITIONS		0x6985
#define CR_SW_NO_CURRENT_EF		0x6986
#define CR_SW_SM_MISSING		0x6987
#define CR_SW_SM_INCORRECT		0x6988
#define CR_SW_WRONG_DATA		0x6a80
#define CR_SW_FUNC_UNSUPPORTED		0x6a81
#define CR_SW_FILE_NOT_FOUND		0x6a82
#define CR_SW_RECORD_NOT_FOUND		0x6a83
#define CR_SW_INCORRECT_P1P2		0x6a86
#define CR_SW_REF_NOT_FOUND		0x6a88
#define CR_SW_WRONG_P1P2		0x6b00
#define CR_SW_INS_UNSUPPORTED		0x6d00
#define CR_SW_CLA_UNSUPPORTED		0x6e00
#define CR_SW_UNKNOWN			0x6f00

/* 62xx and 63xx: done, with a warning; response data may be there. */
bool cr_sw_is_warning(uint16_t sw);
/* 63Cx: tries left, 0 to 15; -1 if the status word does not say. */
int cr_sw_tries(uint16_t sw);
/* One English phrase for engineers ("file not found"); never NULL. */
const char *cr_sw_text(uint16_t sw);

#endif
