// SPDX-License-Identifier: BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "eid/access.h"
#include "eid/bac.h"
#include "eid/files.h"
#include "eid/general.h"
#include "eid/lds.h"
#include "eid/rule.h"
#include "eid/secret.h"
#include "iso7816/sw.h"

const uint8_t cr_emrtd_aid[7] = { 0xa0, 0x00, 0x00, 0x02, 0x47, 0x10, 0x01 };

#define PROTOCOL_RESPONSE_MAX	1024	/* a public key of 4096 bits, and what is around it */
#define TAG_SET			0x31	/* of SecurityInfos, with which EF.CardAccess begins */

int cr_protocol_run(struct cr_session *s, cr_protocol_step step, void *state)
{
	uint8_t rsp[PROTOCOL_RESPONSE_MAX];
	struct cr_capdu cmd;
	uint16_t sw = 0;
	size_t len = 0;
	int r;

	while ((r = step(state, rsp, len, sw, &cmd)) > 0) {
		len = sizeof(rsp);
		r = cr_session_send(s, &cmd, rsp, &len, &sw);
		if (r)
			break;
	}
	OPENSSL_cleanse(rsp, sizeof(rsp));
	return r;
}

void cr_card_access_free(struct cr_card_access *ca)
{
	free(ca->data);		/* nothing of a person in either */
	free(ca->security);
	memset(ca, 0, sizeof(*ca));
}

/*
 * Vietnamese cards answer 6D00 to SELECT of the master file and have EF.CardAccess all the same;
 * Latvian ones have it inside of the application. Not to have it is no error.
 */
static int look_for_card_access(struct cr_session *s, struct cr_card_access *ca)
{
	struct cr_file_request r = { .fid = CR_FID_CARD_ACCESS, .tag = TAG_SET, .select_mf = true };
	int err = cr_file_read(s, &r);

	if (err && cr_file_refused(s, err)) {
		r = (struct cr_file_request){ .fid = CR_FID_CARD_ACCESS, .aid = cr_emrtd_aid,
					      .aid_len = sizeof(cr_emrtd_aid) };
		err = cr_file_read(s, &r);
		ca->in_application = !err;
	}
	if (err && !cr_file_refused(s, err))
		return err;
	ca->looked = true;
	if (err)
		return 0;
	ca->data = r.data;
	ca->len = r.len;
	ca->malformed = cr_security_infos_parse(r.data, r.len, &ca->infos) != 0;
	return 0;
}

static int select_application(struct cr_session *s, uint16_t *sw)
{
	const struct cr_capdu cmd = { .ins = 0xa4, .p1 = 0x04, .p2 = 0x0c, .data = cr_emrtd_aid,
				      .lc = sizeof(cr_emrtd_aid) };
	size_t none = 0;
	int err = cr_session_send(s, &cmd, NULL, &none, sw);

	if (!err && *sw != CR_SW_OK)
		err = *sw == CR_SW_FILE_NOT_FOUND ? CR_E_UNSUPPORTED : CR_E_CARD_STATUS;
	return err;
}

static int pace_step(void *state, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd)
{
	return cr_pace_step(state, rsp, len, sw, cmd);
}

static int bac_step(void *state, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd)
{
	return cr_bac_step(state, rsp, len, sw, cmd);
}

static const char *secret_name(enum cr_secret_type type)
{
	static const char *const names[] = {
		[CR_SECRET_CAN] = "CAN", [CR_SECRET_MRZ] = "MRZ", [CR_SECRET_PIN] = "PIN",
		[CR_SECRET_PUK] = "PUK",
	};

	return names[type];
}

/* ICAO 9303-11, 9.2.11: beside the application; a chip that has it inside shows EF.SOD for it. */
static int read_card_security(struct cr_session *s, struct cr_card_access *ca)
{
	struct cr_file_request r = { .fid = CR_FID_CARD_SECURITY };
	int err;

	if (ca->security || ca->in_application)
		return 0;
	err = cr_file_read(s, &r);
	if (!err) {
		ca->security = r.data;
		ca->security_len = r.len;
	}
	return cr_file_refused(s, err) ? 0 : err;
}

/*
 * One run; the session goes under its keys. resumed: after the CAN's, under its session. *other: the
 * card or this side cannot do it with this info, and the password was not tried.
 */
static int run_pace(struct cr_session *s, const struct cr_pace_info *info, bool ambiguous,
		    const struct cr_secret *secret, bool resumed, struct cr_card_access *ca, bool *other)
{
	struct cr_general *g = ca->general;
	const struct cr_cvc *own = g && g->terminal ? cr_terminal_own(g->terminal) : NULL;
	struct cr_pace *pace;
	struct cr_sm sm;
	int err = cr_pace_new(info, ambiguous, secret, s->rng, &pace);

	*other = err == CR_E_UNSUPPORTED;
	if (err)
		return err;
	if (resumed)
		cr_pace_resume(pace);
	if (g)
		g->announced = own && cr_general_offered(ca, secret);
	if (g && g->announced)
		cr_pace_announce(pace, own->template, own->template_len);
	err = cr_protocol_run(s, pace_step, pace);
	if (!err)
		err = cr_pace_session(pace, &sm);
	if (!err) {
		cr_session_secure(s, &sm);
		cr_pace_cam(pace, &ca->cam);
		cr_sm_wipe(&sm);
		err = cr_pace_chip_id(pace, ca->chip_id, &ca->chip_id_len);
		if (g)
			g->n_authorities = cr_pace_authorities(pace, g->authorities);
	}
	*other = cr_pace_not_taken(pace);
	cr_pace_free(pace);
	return err;
}

static int open_by_pace(struct cr_session *s, const struct cr_pace_info *info, bool ambiguous,
			const struct cr_secret *secret, struct cr_card_access *ca,
			struct cr_access *access, enum cr_secret_type *tried, bool *other)
{
	struct cr_secret can = { .type = CR_SECRET_CAN };
	bool none;
	int err;

	*tried = secret->type;
	err = run_pace(s, info, ambiguous, secret, false, ca, other);
	if (*other)
		return err;
	ca->pace = true;
	access->tries++;
	if (err == CR_E_PIN_SUSPENDED && *secret->can) {
		/* TR-03110-2, 3.3: the CAN proves that somebody has the card in hands */
		memcpy(can.can, secret->can, sizeof(can.can));
		*tried = CR_SECRET_CAN;
		err = run_pace(s, info, ambiguous, &can, false, ca, &none);
		OPENSSL_cleanse(&can, sizeof(can));
		if (!err) {
			*tried = secret->type;
			err = run_pace(s, info, ambiguous, secret, true, ca, &none);
		}
	}
	if (!err && ca->cam.data_len)
		err = read_card_security(s, ca);
	if (err)
		return err;
	access->protocol = "PACE";
	access->mapping = cr_pace_mapping(info->mapping)->name;
	access->cipher = cr_cipher_name(info->protocol.cipher);
	access->curve = info->domain.name;
	access->password = secret_name(secret->type);
	return 0;
}

/*
 * With the best info that the card takes. One that it does not is not asked for again, while there is
 * another.
 */
static int open_by_any_pace(struct cr_session *s, const struct cr_secret *secret,
			    struct cr_card_access *ca, struct cr_access *access,
			    enum cr_secret_type *tried)
{
	bool ambiguous, other;
	const struct cr_pace_info *info = cr_security_infos_pace(&ca->infos, &ambiguous);
	struct cr_pace_info *mine;
	int err;

	for (;;) {
		err = open_by_pace(s, info, ambiguous, secret, ca, access, tried, &other);
		if (!other)
			return err;
		if (ca->general && ca->general->announced) {
			/* perhaps it is the terminal's template that it does not take */
			ca->general->not_taken = true;
			continue;
		}
		mine = &ca->infos.pace[info - ca->infos.pace];
		mine->usable = false;
		info = cr_security_infos_pace(&ca->infos, &ambiguous);
		if (!info) {
			mine->usable = true;
			return err;
		}
	}
}

static int open_by_bac(struct cr_session *s, const struct cr_secret *secret,
		       struct cr_card_access *ca, struct cr_access *access)
{
	char info[CR_MRZ_INFO_MAX + 1];
	struct cr_bac bac;
	int err = cr_bac_init(&bac, secret, s->rng);

	if (err)
		return err;
	ca->bac = true;
	access->tries++;
	err = cr_protocol_run(s, bac_step, &bac);
	if (!err) {
		cr_session_secure(s, &bac.sm);
		access->protocol = "BAC";
		access->mapping = access->curve = NULL;
		access->cipher = cr_cipher_name(CR_3DES);
		access->password = "MRZ";
		/* the document number with its check digit, without the two dates and theirs */
		err = cr_secret_mrz_info(secret, info);
		ca->chip_id_len = err ? 0 : strlen(info) - 14;
		memcpy(ca->chip_id, info, ca->chip_id_len);
		OPENSSL_cleanse(info, sizeof(info));
	}
	cr_bac_wipe(&bac);
	return err;
}

/*
 * Whether EF.COM can be read as it is. The application is selected afterwards, or *sw says why not.
 */
static int probe(struct cr_session *s, bool *open, uint16_t *sw)
{
	struct cr_file_request r = { .fid = CR_FID_COM,
				     .aid = cr_emrtd_aid,
				     .aid_len = sizeof(cr_emrtd_aid) };
	int err = cr_file_read(s, &r);

	*sw = r.aid_sw;
	*open = !err;
	if (r.data) {
		OPENSSL_cleanse(r.data, r.len);
		free(r.data);
	}
	return cr_file_refused(s, err) ? 0 : err;
}

static int fail(const char **why, int err, const char *msgid)
{
	*why = msgid;
	return err;
}

/* Without PACE: an open card, or BAC. */
static int open_application(struct cr_session *s, const struct cr_secret *secret,
			    struct cr_card_access *ca, struct cr_access *access, const char **why)
{
	uint16_t sw;
	bool open, selected;
	int err = probe(s, &open, &sw);

	if (err)
		return err;
	if (open) {
		access->protocol = "none";
		return 0;
	}
	selected = CR_RULE(application_selected, sw == CR_SW_OK);
	ca->no_application = !selected && sw == CR_SW_FILE_NOT_FOUND;
	if (ca->no_application)
		return fail(why, CR_E_UNSUPPORTED, "The card has no travel document application.");
	if (!secret || secret->type == CR_SECRET_NONE)
		return fail(why, CR_E_ACCESS_REFUSED,
			    "The card opens only with its CAN or its MRZ.");
	if (secret->type != CR_SECRET_MRZ)
		return fail(why, CR_E_UNSUPPORTED,
			    "The card knows no PACE of ours: it opens with its MRZ, not with a number.");
	if (!selected)
		return fail(why, CR_E_CARD_STATUS,
			    "The travel document application could not be selected.");
	err = open_by_bac(s, secret, ca, access);
	if (err == CR_E_ACCESS_REFUSED)
		*why = "The MRZ data are not those of this card.";
	return err;
}

int cr_access_open(struct cr_session *s, const struct cr_secret *secret, struct cr_card_access *ca,
		   struct cr_access *access, const char **why)
{
	static const char *const refused[] = {
		[CR_SECRET_CAN] = "The CAN is not that of this card.",
		[CR_SECRET_MRZ] = "The MRZ data are not those of this card.",
		[CR_SECRET_PIN] = "The PIN is wrong.",
		[CR_SECRET_PUK] = "The PUK is wrong.",
	};
	enum cr_secret_type tried;
	bool ambiguous;
	uint16_t sw;
	int err = 0;

	if (ca->general)
		cr_general_restart(ca->general);
	memset(&ca->cam, 0, sizeof(ca->cam));
	ca->chip_id_len = 0;
	ca->pace = ca->bac = false;
	if (!ca->looked)
		err = look_for_card_access(s, ca);
	else if (ca->in_application && secret && secret->type != CR_SECRET_NONE)
		err = select_application(s, &sw);
	if (err)
		return err;
	if (ca->malformed || !cr_security_infos_pace(&ca->infos, &ambiguous) || !secret ||
	    secret->type == CR_SECRET_NONE)
		return open_application(s, secret, ca, access, why);

	err = open_by_any_pace(s, secret, ca, access, &tried);
	if (!err && ca->general && ca->general->announced) {
		err = cr_general_authenticate(s, ca);
		if (err)
			return fail(why, err, "The chip and the terminal could not prove themselves.");
	}
	if (!err) {
		err = select_application(s, &sw);
		if (err)
			*why = "The travel document application could not be selected.";
		return err;
	}
	if (err == CR_E_ACCESS_REFUSED)
		return fail(why, err, refused[tried]);
	if (err == CR_E_PIN_SUSPENDED || err == CR_E_PIN_BLOCKED)
		return fail(why, err, cr_strerror(err));
	/* a card whose PACE does not work may still know BAC, from the application selected anew */
	if (secret->type != CR_SECRET_MRZ || !cr_file_refused(s, err))
		return fail(why, err, "The card did not go through with PACE.");
	*why = "The card did not go through with PACE: BAC was taken.";
	return open_application(s, secret, ca, access, why);
}
