/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICAO three-letter codes (9303-3, 5) against the two-letter codes of certificates (ISO 3166-1):
 * the assignment table of TR-03135-1, 4.3. No I/O.
 */
#include <string.h>
#include <strings.h>
#include "country.h"

/* ISO 3166-1: three letters, two letters. */
static const char iso3166[] =
	"ABWAWAFGAFAGOAOAIAAIALAAXALBALANDADAREAEARGARARMAMASMASATAAQATFTFATGAG"
	"AUSAUAUTATAZEAZBDIBIBELBEBENBJBESBQBFABFBGDBDBGRBGBHRBHBHSBSBIHBABLMBL"
	"BLRBYBLZBZBMUBMBOLBOBRABRBRBBBBRNBNBTNBTBVTBVBWABWCAFCFCANCACCKCCCHECH"
	"CHLCLCHNCNCIVCICMRCMCODCDCOGCGCOKCKCOLCOCOMKMCPVCVCRICRCUBCUCUWCWCXRCX"
	"CYMKYCYPCYCZECZDEUDEDJIDJDMADMDNKDKDOMDODZADZECUECEGYEGERIERESHEHESPES"
	"ESTEEETHETFINFIFJIFJFLKFKFRAFRFROFOFSMFMGABGAGBRGBGEOGEGGYGGGHAGHGIBGI"
	"GINGNGLPGPGMBGMGNBGWGNQGQGRCGRGRDGDGRLGLGTMGTGUFGFGUMGUGUYGYHKGHKHMDHM"
	"HNDHNHRVHRHTIHTHUNHUIDNIDIMNIMINDINIOTIOIRLIEIRNIRIRQIQISLISISRILITAIT"
	"JAMJMJEYJEJORJOJPNJPKAZKZKENKEKGZKGKHMKHKIRKIKNAKNKORKRKWTKWLAOLALBNLB"
	"LBRLRLBYLYLCALCLIELILKALKLSOLSLTULTLUXLULVALVMACMOMAFMFMARMAMCOMCMDAMD"
	"MDGMGMDVMVMEXMXMHLMHMKDMKMLIMLMLTMTMMRMMMNEMEMNGMNMNPMPMOZMZMRTMRMSRMS"
	"MTQMQMUSMUMWIMWMYSMYMYTYTNAMNANCLNCNERNENFKNFNGANGNICNINIUNUNLDNLNORNO"
	"NPLNPNRUNRNZLNZOMNOMPAKPKPANPAPCNPNPERPEPHLPHPLWPWPNGPGPOLPLPRIPRPRKKP"
	"PRTPTPRYPYPSEPSPYFPFQATQAREUREROURORUSRURWARWSAUSASDNSDSENSNSGPSGSGSGS"
	"SHNSHSJMSJSLBSBSLESLSLVSVSMRSMSOMSOSPMPMSRBRSSSDSSSTPSTSURSRSVKSKSVNSI"
	"SWESESWZSZSXMSXSYCSCSYRSYTCATCTCDTDTGOTGTHATHTJKTJTKLTKTKMTMTLSTLTONTO"
	"TTOTTTUNTNTURTRTUVTVTWNTWTZATZUGAUGUKRUAUMIUMURYUYUSAUSUZBUZVATVAVCTVC"
	"VENVEVGBVGVIRVIVNMVNVUTVUWLFWFWSMWSYEMYEZAFZAZMBZMZWEZW";

/*
 * What is not a state of ISO 3166-1: ICAO's own codes (9303-3, 5, parts B to D; UTO is its
 * specimen), and territories whose documents the state that they belong to signs as well.
 */
static const struct {
	char three[4], two[3];
} others[] = {
	{ "ABW", "NL" }, { "AIA", "GB" }, { "ALA", "FI" }, { "BES", "NL" }, { "BLM", "FR" },
	{ "BMU", "GB" }, { "COK", "NZ" }, { "CUW", "NL" }, { "CYM", "GB" }, { "D", "DE" },
	{ "EUE", "EU" }, { "FLK", "GB" }, { "FRO", "DK" }, { "GBD", "GB" }, { "GBN", "GB" },
	{ "GBO", "GB" }, { "GBP", "GB" }, { "GBS", "GB" }, { "GGY", "GB" }, { "GIB", "GB" },
	{ "GLP", "FR" }, { "GRL", "DK" }, { "GUF", "FR" }, { "GUM", "US" }, { "HKG", "CN" },
	{ "IMN", "GB" }, { "JEY", "GB" }, { "MAC", "CN" }, { "MAF", "FR" }, { "MSR", "GB" },
	{ "MTQ", "FR" }, { "MYT", "FR" }, { "NCL", "FR" }, { "NIU", "NZ" }, { "PRI", "US" },
	{ "PYF", "FR" }, { "REU", "FR" }, { "RKS", "KS" }, { "RKS", "XK" }, { "SHN", "GB" },
	{ "SPM", "FR" }, { "SXM", "NL" }, { "TCA", "GB" }, { "TKL", "NZ" }, { "UNA", "UN" },
	{ "UNK", "UN" }, { "UNO", "UN" }, { "UTO", "UT" }, { "VGB", "GB" }, { "WLF", "FR" },
};

enum cr_country_match cr_country_compare(const char *three, const char *two)
{
	enum cr_country_match m = CR_COUNTRY_UNKNOWN;
	size_t i;

	for (i = 0; i + 5 <= sizeof(iso3166) - 1; i += 5) {
		if (strlen(three) != 3 || memcmp(iso3166 + i, three, 3))
			continue;
		/* Certificates are seen to write them small. */
		if (!strncasecmp(iso3166 + i + 3, two, 2) && strlen(two) == 2)
			return CR_COUNTRY_SAME;
		m = CR_COUNTRY_DIFFERENT;
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strcmp(others[i].three, three))
			continue;
		if (!strcasecmp(others[i].two, two))
			return CR_COUNTRY_SAME;
		m = CR_COUNTRY_DIFFERENT;
	}
	return m;
}

bool cr_country_is_listed(const char *three)
{
	/* 9303-3, 5, parts C and D: organizations that issue, and persons without a defined nationality */
	static const char without_two[][4] = {
		"XBA", "XCC", "XCE", "XCO", "XDC", "XEC", "XES", "XIM", "XMP", "XOM", "XPO", "XXA", "XXB", "XXC", "XXX",
	};

	for (size_t i = 0; i < sizeof(without_two) / sizeof(without_two[0]); i++) {
		if (!strcmp(without_two[i], three))
			return true;
	}
	/* no certificate names such a country */
	return cr_country_compare(three, "??") == CR_COUNTRY_DIFFERENT;
}
