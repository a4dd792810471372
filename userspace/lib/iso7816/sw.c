// SPDX-License-Identifier: BSD-2-Clause
/* Status words and what they mean: ISO/IEC 7816-4:2013, tables 5 to 7. */
#include <stddef.h>
#include "sw.h"

static const struct {
	uint16_t sw, mask;	/* the first that fits is taken: exact ones before their classes */
	const char *text;
} meanings[] = {
	{ 0x9000, 0xffff, "done" },
	{ 0x6100, 0xff00, "done, more response bytes wait" },
	{ 0x6281, 0xffff, "part of the returned data may be corrupted" },
	{ 0x6282, 0xffff, "end of file reached before Le bytes" },
	{ 0x6283, 0xffff, "selected file deactivated" },
	{ 0x6284, 0xffff, "file control information not formatted as it should be" },
	{ 0x6285, 0xffff, "selected file in termination state" },
	{ 0x6200, 0xff00, "warning, memory unchanged" },
	{ 0x6300, 0xffff, "warning: authentication failed" },
	{ 0x6381, 0xffff, "file filled up by the last write" },
	{ 0x63c0, 0xfff0, "authentication failed, tries are counted" },
	{ 0x6300, 0xff00, "warning, memory changed" },
	{ 0x6400, 0xff00, "execution error, memory unchanged" },
	{ 0x6581, 0xffff, "memory failure" },
	{ 0x6500, 0xff00, "execution error, memory changed" },
	{ 0x6600, 0xff00, "security issue" },
	{ 0x6700, 0xff00, "wrong length" },
	{ 0x6881, 0xffff, "logical channel not supported" },
	{ 0x6882, 0xffff, "secure messaging not supported" },
	{ 0x6883, 0xffff, "last command of the chain expected" },
	{ 0x6884, 0xffff, "command chaining not supported" },
	{ 0x6800, 0xff00, "function in CLA not supported" },
	{ 0x6981, 0xffff, "command does not fit the file's structure" },
	{ 0x6982, 0xffff, "security status not satisfied" },
	{ 0x6983, 0xffff, "authentication method blocked" },
	{ 0x6984, 0xffff, "reference data not usable" },
	{ 0x6985, 0xffff, "conditions of use not satisfied" },
	{ 0x6986, 0xffff, "no current file" },
	{ 0x6987, 0xffff, "secure messaging objects missing" },
	{ 0x6988, 0xffff, "secure messaging objects incorrect" },
	{ 0x6900, 0xff00, "command not allowed" },
	{ 0x6a80, 0xffff, "incorrect parameters in the command data" },
	{ 0x6a81, 0xffff, "function not supported" },
	{ 0x6a82, 0xffff, "file or application not found" },
	{ 0x6a83, 0xffff, "record not found" },
	{ 0x6a84, 0xffff, "not enough memory in the file" },
	{ 0x6a85, 0xffff, "Lc does not fit the TLV structure" },
	{ 0x6a86, 0xffff, "incorrect P1 P2" },
	{ 0x6a87, 0xffff, "Lc does not fit P1 P2" },
	{ 0x6a88, 0xffff, "referenced data not found" },
	{ 0x6a89, 0xffff, "file exists already" },
	{ 0x6a8a, 0xffff, "name exists already" },
	{ 0x6a00, 0xff00, "wrong P1 P2" },
	{ 0x6b00, 0xff00, "wrong P1 P2 (offset beyond the file)" },
	{ 0x6c00, 0xff00, "wrong Le, the card told the right one" },
	{ 0x6d00, 0xff00, "instruction not supported" },
	{ 0x6e00, 0xff00, "class not supported" },
	{ 0x6f00, 0xff00, "no precise diagnosis" },
	{ 0x9000, 0xf000, "meaning is the application's" },
};

bool cr_sw_is_warning(uint16_t sw)
{
	return (sw & 0xff00) == 0x6200 || (sw & 0xff00) == 0x6300;
}

int cr_sw_tries(uint16_t sw)
{
	return (sw & 0xfff0) == 0x63c0 ? sw & 0xf : -1;
}

const char *cr_sw_text(uint16_t sw)
{
	size_t i;

	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if ((sw & meanings[i].mask) == meanings[i].sw)
			return meanings[i].text;
	}
	return "unknown status word";
}
