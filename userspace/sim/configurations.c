/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The default configurations of BSI TR-03105 part 5.1, chapter 4: six passports that a conformity test of inspection
 * systems starts from. As there, but for the dates, which are counted from now: the plan's passport has expired.
 */
#include "issue.h"

#include <string.h>

const struct sim_issuer_spec sim_configuration_issuer = {
	"DE", "D", "cardring conformity", "Conformity (sample)", "RSA-3072", "RSA-2048", "SHA256", "SHA256", false, true, "P",
	NULL, false,
};

/* 4.3: id-TA-ECDSA-SHA-256, 256 bits, DG3 and DG4; and who it lets in */
const struct sim_holder_spec sim_configuration_holders[3] = {
	{ "DETESTCVCA00001", "brainpoolP256r1", 3, 0xc3, -900, 2000 },
	{ "DETESTDVDE00001", "brainpoolP256r1", 3, 0x83, -300, 1000 },
	{ "DETESTIS00001", "brainpoolP256r1", 3, 0x03, -30, 300 },
};

#define BAC	.bac = true
#define PACE	.n_pace = 1, .pace = { { SIM_3DES, 13, SIM_GM, NULL } }, .dg14 = true
#define EAC	.dg3 = true, .fingers = SIM_WSQ, .dg4 = true, .ca = SIM_3DES, .ca_key = "brainpoolP224r1"

static const struct {
	struct sim_recipe recipe;
	bool eac;
} all[] = {
	{ { .name = "cfg-plain", .text = "TR-03105-5.1 default: open to everybody" }, false },
	{ { .name = "cfg-bac", .text = "TR-03105-5.1 default: basic access control", BAC }, false },
	{ { .name = "cfg-eac", .text = "TR-03105-5.1 default: extended access control", BAC, EAC }, true },
	{ { .name = "cfg-eac-aa", .text = "TR-03105-5.1 default: extended access control, active authentication", BAC, EAC,
	    .aa_key = "RSA-2048", .aa = "sha256" }, true },
	{ { .name = "cfg-pace", .text = "TR-03105-5.1 default: PACE", PACE }, false },
	{ { .name = "cfg-eac-pace", .text = "TR-03105-5.1 default: extended access control, PACE", BAC, PACE, EAC }, true },
};

bool sim_configuration(const char *name, const struct sim_issuer *issuer, const struct sim_person *person,
		       const struct sim_holder *cvca, struct sim_recipe *out)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(all[i].recipe.name, name) != 0)
			continue;
		*out = all[i].recipe;
		out->issuer = issuer;
		out->person = person;
		out->cvca = all[i].eac ? cvca : NULL;
		out->ca_key_id = -1;
		out->jp2 = true;
		out->portrait = 8;
		return true;
	}
	return false;
}

const char *sim_configuration_name(unsigned int i)
{
	return i < sizeof(all) / sizeof(all[0]) ? all[i].recipe.name : NULL;
}

void sim_configuration_mrz(char out[89])
{
	char expiry[7];

	sim_day(expiry, 8 * 365);
	sim_mrz_td3(out, "D", "MUSTERMANN<<ERIKA", "C11T002JM", "D", "960812", 'F', expiry, "");
}
