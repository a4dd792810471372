// SPDX-License-Identifier: BSD-2-Clause
/* The cards that are examined, issued anew for each run, and the authority that opens them to terminals. */
#include "exam.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "issue.h"

static struct kit_info kits[KITS] = {
	[KIT_MAIN] = { "main", C_AES128, C_AES128, "brainpoolP256r1", "brainpoolP256r1", 13, 2, 1 },
	[KIT_BAC] = { "bac", .ca_key_id = -1 },
	[KIT_TDES] = { "tdes", C_3DES, C_3DES, "prime256v1", "prime256v1", 12, 2, 5 },
	[KIT_DH] = { "dh", C_AES128, C_AES128, "dh_2048_256", "dh_2048_256", 2, 1, -1 },
	[KIT_DH_TDES] = { "dh-tdes", .ca = C_3DES, .ca_group = "dh_2048_256", .ca_key_id = -1 },
	[KIT_IM] = { "im", C_AES128, .pace_group = "brainpoolP256r1", .domain = 13, .mapping = 4, .ca_key_id = -1 },
	[KIT_CAM] = { "cam", C_AES128, C_AES128, "brainpoolP256r1", "brainpoolP256r1", 13, 2, -1 },
	[KIT_CAM_TDES] = { "cam-tdes", C_AES128, C_3DES, "brainpoolP256r1", "brainpoolP256r1", 13, 2, -1 },
	[KIT_RSA] = { "rsa", C_AES128, C_AES128, "brainpoolP256r1", "brainpoolP256r1", 13, 2, -1, .rsa = true },
};

static struct sim_holder cvca[2];	/* with a curve, with RSA */
static time_t begin;

static const struct sim_issuer_spec state = {
	"UT", "UTO", "Utopia (sample)", "Utopia", "P-256", "P-256", "SHA256", "SHA256", false, false, "P", NULL,
	false,
};

static const struct sim_details details = {
	.full_name = "EXAMINED<<CARD", .authority = "OFFICE OF SAMPLES<VALE", .date_of_issue = "20250110",
	.notify = { { "20250110", "EXAMINED<<SECOND", "15550101", "12 SAMPLE LANE<VALE<NORTHSHIRE" } },
};

static void recipe_of(enum kit k, const struct sim_person *person, const struct sim_issuer *issuer,
		      struct sim_recipe *r)
{
	struct kit_info *info = &kits[k];

	*r = (struct sim_recipe){
		.name = info->name, .text = "of the exam", .issuer = issuer, .person = person, .bac = k != KIT_CAM,
		.ca = (enum sim_cipher)info->ca, .ca_key_id = info->ca_key_id, .ca_key = info->ca_group, .portrait = 3,
	};
	if (info->pace) {
		strcpy(info->can, "271828");
		r->can = info->can;
		r->n_pace = 1;
		r->pace[0] = (struct sim_pace_offer){ (enum sim_cipher)info->pace, info->domain,
						      k == KIT_IM ? SIM_IM : SIM_GM, NULL };
	}
	if (k == KIT_CAM || k == KIT_CAM_TDES) {
		r->pace[r->n_pace] = r->pace[0];
		r->pace[r->n_pace++].mapping = SIM_CAM;
	}
	if (k == KIT_MAIN || k == KIT_TDES || k == KIT_RSA) {
		r->cvca = &cvca[info->rsa];
		r->dg3 = true;
	}
	if (k == KIT_MAIN) {
		r->details = &details;
		r->aa_key = "P-256";
		r->aa = "sha256";
	}
	if (k == KIT_RSA) {
		r->aa_key = "RSA-2048";
		r->aa = "sha256";
	}
}

void cards_issue(const char *dir)
{
	static const struct sim_holder_spec specs[2] = {
		{ "UTCVCA00001", "brainpoolP256r1", 3, 0xc3, 0, CVCA_DAYS },
		{ "UTCVCA00002", "RSA-2048", 2, 0xc3, 0, CVCA_DAYS },
	};
	struct tm tm = { 0 };
	struct sim_issuer issuer;
	struct sim_recipe r;

	for (int i = 0; i < 2; i++)
		MUST(sim_holder_new(&specs[i], &cvca[i]) == 0);
	MUST(sscanf(cvca[0].from, "%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) == 3);
	tm.tm_year += 100;
	tm.tm_mon--;
	begin = timegm(&tm);
	MUST(!memcmp(cvca[0].from, cvca[1].from, 6));
	MUST(sim_issuer_new(&state, -3600, -3600, &issuer) == 0);
	for (enum kit k = 0; k < KITS; k++) {
		const struct sim_person person = { .mrz = kits[k].mrz };

		sim_mrz_td3(kits[k].mrz, "UTO", "EXAMINED<<CARD", "X00000001", "UTO", "800101", 'F', "351231", "");
		recipe_of(k, &person, &issuer, &r);
		MUST(sim_issue(dir, &r) == 0);
	}
	sim_issuer_free(&issuer);
}

void cards_drop(void)
{
	sim_holder_clear(&cvca[0]);
	sim_holder_clear(&cvca[1]);
}

const struct kit_info *card_info(enum kit kit)
{
	return &kits[kit];
}

EVP_PKEY *card_authority(enum kit kit)
{
	return cvca[kits[kit].rsa].key;
}

void card_day(int days, uint8_t out[6])
{
	time_t t = begin + days * 86400L;
	char text[8];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%y%m%d", &tm);
	for (int i = 0; i < 6; i++)
		out[i] = (uint8_t)(text[i] - '0');
}
