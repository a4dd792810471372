/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sample cards: invented people of Viet Nam and of Utopia, and the issuers that vouch for them. Each make has new
 * keys, thrown away but for the chips' own, and dates counted from now.
 */
#include "issue.h"

#include <stdio.h>
#include <string.h>
#include "simcard.h"

#define DAY	86400L
#define YEAR	(365L * DAY)

/* ---- who ---- */

static const struct sim_issuer_spec vnm = {
	"VN", "VNM", "cardring sample state", "Viet Nam (sample)", "P-384", "P-256", "SHA384", "SHA256", false, false, "ID",
	NULL, false,
};
static const struct sim_issuer_spec stranger = {	/* in nobody's list of issuers */
	"VN", "VNM", "cardring sample of no state", "Nobody (sample)", "P-384", "P-256", "SHA384", "SHA256", false,
	false, "ID", NULL, false,
};
static const struct sim_issuer_spec uto = {
	"UT", "UTO", "Utopia (sample)", "Utopia", "RSA-2048", "RSA-2048", "SHA256", "SHA256", false, false, "P", NULL, false,
};
static const struct sim_issuer_spec uto_card = {
	"UT", "UTO", "Utopia (sample)", "Utopia", "RSA-2048", "RSA-2048", "SHA256", "SHA256", false, false, "I", NULL, false,
};
static const struct sim_issuer_spec uto_new = {		/* what else there is in the field */
	"UT", "UTO", "Utopia (sample)", "Utopia 2", "brainpoolP384r1", "brainpoolP256r1", "SHA384", "SHA384", true,
	false, "P", NULL, false,
};

struct dates {
	char yymmdd[8], slashed[16];
};

static void date(struct dates *d, long days_from_now)
{
	time_t t = time(NULL) + days_from_now * DAY;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(d->yymmdd, sizeof(d->yymmdd), "%y%m%d", &tm);
	strftime(d->slashed, sizeof(d->slashed), "%d/%m/%Y", &tm);
}

/* The document number is the last nine digits of the identity number, which is whole in the optional data. */
static void vn_mrz(char out[91], const char *id, const char *birth, char sex, const char *expiry, const char *names)
{
	sim_mrz_td1(out, "ID", "VNM", id + 3, id, birth, sex, expiry, "VNM", names);
}

static int write_cert(const char *dir, const char *name, const X509 *x)
{
	unsigned char *der = NULL;
	char path[4096];
	int len = i2d_X509(x, &der), err;

	if (len <= 0)
		return CR_E_CRYPTO;
	snprintf(path, sizeof(path), "%s/trust/%s.cer", dir, name);
	err = sim_write_file(path, der, (size_t)len, 0644);
	OPENSSL_free(der);
	return err;
}

static int write_trust(const char *dir, const char *name, const struct sim_issuer *issuer, const X509 *revoked)
{
	struct sim_buf crl = { 0 };
	char path[4096];
	int err = write_cert(dir, name, issuer->csca);

	if (!err)
		err = sim_issuer_crl(issuer, revoked, &crl);
	snprintf(path, sizeof(path), "%s/trust/%s.crl", dir, name);
	if (!err)
		err = sim_write_file(path, crl.p, crl.len, 0644);
	sim_buf_free(&crl);
	return err;
}

enum { VN_NOW, VN_THEN, VN_REVOKED, VN_ROGUE, VN_STRANGER, UT_OLD, UT_CARD, UT_NEW, CFG, ISSUERS };

static int make_issuers(struct sim_issuer issuers[ISSUERS])
{
	int err = sim_issuer_new(&vnm, -2 * YEAR, -1 * YEAR, &issuers[VN_NOW]);

	/* The key before this one, under the same name: every state renews its CSCA. */
	if (!err)
		err = sim_issuer_new(&vnm, -11 * YEAR, -9 * YEAR - 180 * DAY, &issuers[VN_THEN]);
	if (!err)
		err = sim_issuer_signer(&issuers[VN_NOW], -1 * YEAR, &issuers[VN_REVOKED]);
	if (!err)
		err = sim_issuer_new(&vnm, -2 * YEAR, -1 * YEAR, &issuers[VN_ROGUE]);
	if (!err)
		err = sim_issuer_new(&stranger, -2 * YEAR, -1 * YEAR, &issuers[VN_STRANGER]);
	if (!err)
		err = sim_issuer_new(&uto, -4 * YEAR, -3 * YEAR, &issuers[UT_OLD]);
	if (!err) {		/* the same authority's signer of cards */
		struct sim_issuer cards = issuers[UT_OLD];

		cards.spec = &uto_card;
		err = sim_issuer_signer(&cards, -3 * YEAR, &issuers[UT_CARD]);
	}
	if (!err)
		err = sim_issuer_new(&uto_new, -2 * YEAR, -1 * YEAR, &issuers[UT_NEW]);
	if (!err)
		err = sim_issuer_new(&sim_configuration_issuer, -2 * YEAR, -1 * YEAR, &issuers[CFG]);
	return err;
}

/* Whom chips let read fingerprints. Of Viet Nam's, no terminal's key leaves the state. */
struct authorities {
	struct sim_holder uto, vnm, cfg;
};

/* A terminal and what leads to it from the authority, the first of three: DIR/SUB/certificates.cvcert, key.pem. */
static int make_terminal(const char *dir, const char *sub, const struct sim_holder_spec specs[3], struct sim_holder *cvca)
{
	struct sim_holder dv = { .name = "" }, is = { .name = "" };
	struct sim_buf certs = { 0 };
	char path[3600], folder[3500];
	int err = sim_holder_new(&specs[0], cvca);

	if (!err)
		err = sim_holder_new(&specs[1], &dv);
	if (!err)
		err = sim_holder_new(&specs[2], &is);
	if (!err && (!sim_cvc_issue(&dv, cvca, &certs) || !sim_cvc_issue(&is, &dv, &certs)))
		err = CR_E_CRYPTO;
	snprintf(folder, sizeof(folder), "%s/%s", dir, sub);
	if (!err)
		err = sim_make_dir(folder);
	snprintf(path, sizeof(path), "%s/certificates.cvcert", folder);
	if (!err)
		err = sim_write_file(path, certs.p, certs.len, 0644);
	if (!err)
		err = sim_write_key(folder, "key.pem", is.key);
	sim_buf_free(&certs);
	sim_holder_clear(&dv);
	sim_holder_clear(&is);
	return err;
}

/* Those that may read Utopia's fingerprints: DIR/terminal; and the configurations': DIR/terminal-cfg. */
static int make_terminals(const char *dir, struct authorities *cvca)
{
	static const struct sim_holder_spec vn = { "VNCVCA00001", "brainpoolP256r1", 3, 0xc3, -900, 2000 };
	static const struct sim_holder_spec uto_terminal[3] = {
		{ "UTCVCA00001", "brainpoolP256r1", 3, 0xc3, -900, 2000 },
		{ "UTDVSAMPLE00001", "brainpoolP256r1", 3, 0x83, -300, 1000 },
		{ "UTISSAMPLE00001", "brainpoolP256r1", 3, 0x01, -30, 300 },
	};
	int err = sim_holder_new(&vn, &cvca->vnm);

	if (!err)
		err = make_terminal(dir, "terminal", uto_terminal, &cvca->uto);
	return err ? err : make_terminal(dir, "terminal-cfg", sim_configuration_holders, &cvca->cfg);
}

/* TR-03105-5.1, chapter 4. */
static int make_configurations(const char *dir, const struct sim_issuer *issuer, const struct sim_holder *cvca)
{
	char mrz[89];
	const struct sim_person erika = { .mrz = mrz };
	struct sim_recipe recipe;
	int err = 0;

	sim_configuration_mrz(mrz);
	for (unsigned int i = 0; !err && sim_configuration_name(i); i++) {
		sim_configuration(sim_configuration_name(i), issuer, &erika, cvca, &recipe);
		err = sim_issue(dir, &recipe);
	}
	return err;
}

static int make_cards(const char *dir, const struct sim_issuer issuers[ISSUERS], const struct authorities *cvca)
{
	struct dates issued, valid, issued_then, past;
	char an_mrz[91], rogue_mrz[91], past_mrz[91], old_mrz[91], bac_mrz[89], eac_mrz[89];
	char full_mrz[89], td2_mrz[73];
	int err = 0;

	date(&issued, -300);
	date(&valid, 8 * 365 + 100);
	date(&issued_then, -9 * 365 - 120);
	date(&past, -30);
	vn_mrz(an_mrz, "001090123456", "900517", 'M', valid.yymmdd, "NGUYEN<<VAN<AN");
	vn_mrz(rogue_mrz, "001090123456", "900517", 'M', valid.yymmdd, "NGUYEN<<VAN<BINH");
	vn_mrz(past_mrz, "079185004321", "851202", 'F', past.yymmdd, "TRAN<<THI<BINH");
	vn_mrz(old_mrz, "048092007654", "921130", 'M', valid.yymmdd, "LE<<HOANG<CUONG");
	sim_mrz_td3(bac_mrz, "UTO", "LINDQVIST<<EMMA<SOFIA", "U7654321A", "UTO", "740812", 'F', valid.yymmdd,
		    "ZE184226B");
	sim_mrz_td3(eac_mrz, "UTO", "OKONKWO<<TOMAS", "X12345678", "UTO", "881103", 'M', valid.yymmdd, "");

	/* a name that fills its field, a birth whose day nobody knows, a sex not said, a number of twelve characters */
	sim_mrz_td2(td2_mrz, "I", "UTO", "PAPADOPOULOU<WINTERSTEIN<<ALEXA", "X98765432101", "XXA", "6107<<", '<',
		    valid.yymmdd);
	/* born a hundred years before the zone's two digits may be read as now */
	sim_mrz_td3(full_mrz, "UTO", "ARKENSTONE<<LUCIA", "F24681357", "UTO", "250309", 'F', valid.yymmdd, "");

	const struct sim_person an = {
		.mrz = an_mrz, .id_number = "001090123456", .full_name = "Nguyễn Văn An",
		.date_of_birth = "17/05/1990", .sex = "Nam", .nationality = "Việt Nam", .ethnic_group = "Kinh",
		.religion = "Không", .place_of_origin = "Xã Thử Nghiệm, Huyện Ví Dụ, Tỉnh Nam Định",
		.place_of_residence = "Số nhà 12, ngách 34, ngõ 567 đường Nguyễn Văn Ví Dụ, tổ dân phố số 8, "
				      "Phường Thẻ Mẫu, Quận Thử Nghiệm, Thành phố Hà Nội",
		.personal_identification = "Nốt ruồi cách 2 cm dưới sau đuôi mắt trái",
		.date_of_issue = issued.slashed, .date_of_expiry = valid.slashed, .father = "Nguyễn Văn Bảo",
		.mother = "Phạm Thị Chi", .spouse = "Lê Thị Dung", .former_id_number = "012345678",
		.chip_number = "0123456789012345",
	};
	const struct sim_person expired = {
		.mrz = past_mrz, .id_number = "079185004321", .full_name = "Trần Thị Bình",
		.date_of_birth = "02/12/1985", .sex = "Nữ", .nationality = "Việt Nam", .ethnic_group = "Hoa",
		.religion = "Phật giáo", .place_of_origin = "Phường Ví Dụ, Thành phố Cần Thơ",
		.place_of_residence = "Số 90 đường Thẻ Mẫu, Phường Thử Nghiệm, Thành phố Hồ Chí Minh",
		.personal_identification = "Sẹo chấm cách 1 cm trên sau cánh mũi phải",
		.date_of_issue = issued_then.slashed, .date_of_expiry = past.slashed, .father = "Trần Văn Giang",
		.mother = "Huỳnh Thị Hà", .chip_number = "0123456789054321",
	};
	const struct sim_person old = {
		.mrz = old_mrz, .id_number = "048092007654", .full_name = "Lê Hoàng Cường",
		.date_of_birth = "30/11/1992", .sex = "Nam", .nationality = "Việt Nam", .ethnic_group = "Tày",
		.religion = "Không", .place_of_origin = "Xã Ví Dụ, Tỉnh Quảng Nam",
		.place_of_residence = "Thôn Thẻ Mẫu, Xã Thử Nghiệm, Thành phố Đà Nẵng",
		.personal_identification = "Không", .date_of_issue = issued.slashed,
		.date_of_expiry = valid.slashed, .father = "Lê Văn Khoa", .mother = "Võ Thị Lan",
		.chip_number = "0123456789076543",
	};
	struct sim_person rogue = an;
	const struct sim_person bac = { .mrz = bac_mrz }, eac = { .mrz = eac_mrz };
	const struct sim_person full = { .mrz = full_mrz }, td2 = { .mrz = td2_mrz };
	const struct sim_details details = {
		.full_name = "ÄRKENSTÖNE<<LUCÍA<MARÍA", .personal_number = "19250309-1234",
		.date_of_birth = "19250309", .place_of_birth = "VALE<NORTHSHIRE<UTOPIA",
		.address = "12 SAMPLE LANE<VALE<NORTHSHIRE", .telephone = "1-555-0100",
		.profession = "TRAVEL<AGENT", .title = "DR", .summary = "INVENTED PERSON",
		.other_documents = "A1234567<B7654321", .custody = "NONE",
		.other_names = { "LUKE<<LUCIA", "ARKENSTONE<<LULU" },
		.authority = "OFFICE OF SAMPLES<VALE", .date_of_issue = "20250110",
		.endorsements = "NOT VALID FOR TRAVEL", .tax = "NONE", .personalized = "20250109103000",
		.system = "SYSTEM 0042", .other_people = { "ARKENSTONE<<BRENDA<P" },
		.notify = {
			{ "20250110", "ARKENSTONE<<CARLOS<R", "15550101", "12 SAMPLE LANE<VALE<NORTHSHIRE" },
			{ "20250111", "BRØNN<<MARY<J", "15550102", "49 EXAMPLE ROAD<SEASIDE<SOUTHSHIRE" },
		},
	};

	rogue.mrz = rogue_mrz;
	rogue.full_name = "Nguyễn Văn Bình";

#define BP "brainpoolP256r1"
#define VN(nm, tx, who, is, curve, face, ...) { .name = nm, .text = tx, .issuer = &issuers[is], .person = &(who), \
	.n_pace = 1, .pace = { { SIM_AES128, 13, SIM_GM, NULL } }, .ca = SIM_AES128, .ca_key = curve, .ca_key_id = -1, \
	.portrait = face, .quirks = "mf = no\n", .can = (who).id_number + 6, __VA_ARGS__ }
	const struct sim_recipe recipes[] = {
		VN("an", "Viet Nam, citizen card: genuine", an, VN_NOW, BP, 1),
		VN("cccd", "Viet Nam, citizen card: locked fingerprints, chip and active authentication", an, VN_NOW, BP, 1,
		   .dg3 = true, .cvca = &cvca->vnm, .aa_key = "P-256", .aa = "sha256"),
		VN("old", "Viet Nam, citizen card without chip authentication", old, VN_NOW, NULL, 3),
		VN("forged", "as an, one letter of the name changed after signing", an, VN_NOW, BP, 1, .flaw = SIM_FORGED),
		VN("resigned", "as an, another name, signed by an unknown issuer", rogue, VN_STRANGER, BP, 1),
		VN("impostor", "as an, another name, signed by somebody who took the issuer's name", rogue, VN_ROGUE, BP, 1),
		VN("cloned", "as an, all data copied to a chip without the key", an, VN_NOW, BP, 1, .flaw = SIM_CLONED),
		VN("expired", "Viet Nam, citizen card past its date", expired, VN_THEN, BP, 2),
		VN("revoked", "as an, signed by a document signer since revoked", an, VN_REVOKED, BP, 1),
		VN("badsod", "as an, EF.SOD holds no signature at all", an, VN_NOW, BP, 1, .flaw = SIM_BAD_SOD),
		VN("truncated", "as an, the portrait's file ends too early", an, VN_NOW, BP, 1, .flaw = SIM_TRUNCATED),
		VN("badtlv", "as an, malformed DG13, properly signed", an, VN_NOW, BP, 1, .flaw = SIM_BAD_TLV),
		VN("lying", "as an, lengths inside the portrait's record lie, properly signed", an, VN_NOW, BP, 1,
		   .flaw = SIM_LYING),
		{ .name = "bac", .text = "Utopia, older passport: basic access control, short APDUs", .issuer = &issuers[UT_OLD],
		  .person = &bac, .bac = true, .ca_key_id = -1, .portrait = 4, .quirks = "extended = no\n" },
		{ .name = "eac", .text = "Utopia, passport: PACE AES-256, locked fingerprints, reads of at most 223 bytes",
		  .issuer = &issuers[UT_NEW], .person = &eac, .can = "314159", .bac = true, .n_pace = 1,
		  .pace = { { SIM_AES256, 16, SIM_GM, NULL } }, .ca = SIM_AES256, .ca_key = "brainpoolP384r1",
		  .ca_key_id = 2, .dg3 = true, .cvca = &cvca->uto,
		  .portrait = 5, .quirks = "max_le = 223\nle_beyond = 6B00\n" },
		{ .name = "eac2", .text = "Utopia, passport: locked fingerprints, both versions of extended access control",
		  .issuer = &issuers[UT_NEW], .person = &eac, .can = "314159", .n_pace = 1,
		  .pace = { { SIM_AES128, 13, SIM_GM, NULL } }, .ca = SIM_AES128, .ca_key = BP, .ca_key_id = 1, .dg3 = true,
		  .cvca = &cvca->uto, .ta_2 = true, .portrait = 5 },
		{ .name = "tdes", .text = "Utopia, passport: PACE and chip authentication with 3DES",
		  .issuer = &issuers[UT_OLD], .person = &eac, .can = "314159", .bac = true, .n_pace = 1,
		  .pace = { { SIM_3DES, 12, SIM_GM, NULL } }, .ca = SIM_3DES, .ca_key = "P-256", .ca_key_id = -1,
		  .portrait = 5,
		  .quirks = "card_access = app\n" },
		{ .name = "cam", .text = "Utopia, passport: PACE with chip authentication mapping", .issuer = &issuers[UT_NEW],
		  .person = &eac, .can = "271828", .n_pace = 2,
		  .pace = { { SIM_AES128, 13, SIM_GM, NULL }, { SIM_AES128, 13, SIM_CAM, NULL } }, .ca = SIM_AES128,
		  .ca_key = BP, .ca_key_id = -1, .portrait = 5, .quirks = "pin = 141421\npuk = 1732050807\n" },
		{ .name = "aa", .text = "Utopia, older passport: basic access control, active authentication",
		  .issuer = &issuers[UT_OLD], .person = &bac, .bac = true, .ca_key_id = -1, .aa_key = "RSA-1024", .aa = "bc",
		  .portrait = 4, .quirks = "extended = no\n" },
		{ .name = "full", .text = "Utopia, passport with every data group, biometrics open",
		  .issuer = &issuers[UT_OLD], .person = &full, .can = "271828", .bac = true, .n_pace = 1,
		  .pace = { { SIM_AES128, 13, SIM_GM, NULL } }, .ca = SIM_AES128, .ca_key = BP, .ca_key_id = -1,
		  .aa_key = "P-256", .aa = "sha256", .portrait = 6, .details = &details,
		  .quirks = "biometrics = open\n" },
		{ .name = "td2", .text = "Utopia, card of the middle size: long number, name cut, birth known in part",
		  .issuer = &issuers[UT_CARD], .person = &td2, .can = "161803", .bac = true, .n_pace = 1,
		  .pace = { { SIM_AES128, 12, SIM_GM, NULL } }, .ca_key_id = -1, .portrait = 7 },
	};
#undef VN
#undef BP

	for (size_t i = 0; !err && i < sizeof(recipes) / sizeof(recipes[0]); i++)
		err = sim_issue(dir, &recipes[i]);
	return err;
}

int sim_make(const char *dir)
{
	struct sim_issuer issuers[ISSUERS] = { { 0 } };
	struct authorities cvca = { .uto = { .name = "" } };
	char trust[3500];
	int err;

	if ((size_t)snprintf(trust, sizeof(trust), "%s/trust", dir) >= sizeof(trust))
		return CR_E_TOO_LONG;
	err = sim_make_dir(dir);
	if (!err)
		err = sim_make_dir(trust);
	if (!err)
		err = make_issuers(issuers);
	if (!err)
		err = make_terminals(dir, &cvca);
	if (!err)
		err = make_cards(dir, issuers, &cvca);
	if (!err)
		err = write_trust(dir, "VNM-1", &issuers[VN_THEN], NULL);
	if (!err)
		err = write_trust(dir, "VNM-2", &issuers[VN_NOW], issuers[VN_REVOKED].ds);
	if (!err)
		err = write_trust(dir, "UTO-1", &issuers[UT_OLD], NULL);
	if (!err)
		err = write_trust(dir, "UTO-2", &issuers[UT_NEW], NULL);
	if (!err)
		err = make_configurations(dir, &issuers[CFG], &cvca.cfg);
	if (!err)
		err = write_trust(dir, "D-1", &issuers[CFG], NULL);
	for (int i = 0; i < ISSUERS; i++)
		sim_issuer_free(&issuers[i]);
	sim_holder_clear(&cvca.uto);
	sim_holder_clear(&cvca.vnm);
	sim_holder_clear(&cvca.cfg);
	return err;
}
