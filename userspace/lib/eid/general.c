// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "eid/ca.h"
#include "eid/files.h"
#include "eid/general.h"
#include "eid/lds.h"
#include "eid/ta.h"
#include "trust/card_security.h"

#define FAILURES_MAX	2

static int ta_step(void *state, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd)
{
	return cr_ta_step(state, rsp, len, sw, cmd);
}

static int ca_step(void *state, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd)
{
	return cr_ca_step(state, rsp, len, sw, cmd);
}

bool cr_general_offered(const struct cr_card_access *ca, const struct cr_secret *secret)
{
	const struct cr_general *g = ca->general;
	struct cr_domain domain;
	struct cr_ca_info info;

	return g && g->terminal && cr_terminal_own(g->terminal) && !g->not_taken &&
	       g->failures < FAILURES_MAX && ca->infos.terminal_2 &&
	       (secret->type == CR_SECRET_CAN || secret->type == CR_SECRET_MRZ) &&
	       !cr_security_infos_ca2(&ca->infos, &info, &domain);
}

/* A failure stays what it was, if the second try shows another: only a success takes it back. */
static void chip_result(struct cr_general *g, enum cr_result r, const char *detail)
{
	if (g->asked && g->proof.result == CR_FAILED && r != CR_SUCCESSFUL)
		return;
	g->asked = true;
	snprintf(g->detail, sizeof(g->detail), "%s", detail);
	g->proof.result = r;
	g->proof.detail = g->detail;
}

/*
 * EF.SOD says nothing of EF.CardSecurity, so that the key there may be of any genuine chip. What makes the data that
 * chip's is that they came under the keys agreed with it (TR-03110-2, 2.3.4, 3.4): the proof ends with its session. The
 * file is read once, so that whatever sessions there are, they prove one chip.
 */
void cr_general_restart(struct cr_general *g)
{
	g->announced = false;
	g->n_authorities = 0;
	g->ta = g->why = NULL;
	g->rights = 0;
	g->refused = false;
	if (g->asked && g->proof.result == CR_SUCCESSFUL)
		chip_result(g, CR_UNDETERMINED, "the session that the chip proved itself in was lost");
}

/* Terminal authentication; g->why where the terminal is not let in. Negative: the session is lost. */
static int terminal(struct cr_session *s, struct cr_card_access *ca, const struct cr_ca *chip, struct cr_ta *ta)
{
	struct cr_general *g = ca->general;
	struct cr_ta_binding binding = { .auxiliary = NULL };
	int err = cr_ca_compressed(chip, binding.ephemeral, &binding.ephemeral_len);

	memcpy(binding.chip, ca->chip_id, binding.chip_len = ca->chip_id_len);
	if (err)
		return err;
	g->why = "No certificate leads from the chip's authority to this terminal.";
	g->refused = cr_terminal_concerns(g->terminal, g->authorities, g->n_authorities);
	if (cr_ta_init(ta, 2, g->terminal, g->authorities, g->n_authorities, &binding))
		return 0;
	err = cr_protocol_run(s, ta_step, ta);
	g->why = err == CR_E_CRYPTO ? "The terminal's key could not sign." :
				      "The chip did not accept the terminal's certificates or signature.";
	g->refused = err && err != CR_E_CRYPTO;
	if (!err)
		g->why = NULL;
	return s->lost || cr_chip_fatal(err) ? err : 0;
}

/* EF.CardSecurity, once. What the card refuses is not there. */
static int read_security(struct cr_session *s, struct cr_card_access *ca)
{
	struct cr_file_request r = { .fid = CR_FID_CARD_SECURITY };
	int err;

	if (ca->security)
		return 0;
	err = cr_file_read(s, &r);
	if (err)
		return cr_file_refused(s, err) ? 0 : err;
	ca->security = r.data;
	ca->security_len = r.len;
	return 0;
}

/*
 * The chip's key, for chip to agree with. 1: it did; 0: it is not to be had, and chip_result says so. The
 * signature comes first (TR-03110-2, 3.4.2); an issuer that nobody here knows is no reason not to go on.
 */
static int agree(struct cr_card_access *ca, const struct cr_ca_info *info, const struct cr_domain *domain,
		 struct cr_ca *chip)
{
	struct cr_general *g = ca->general;
	struct cr_security_infos security;
	const struct cr_ca_key *key = NULL;
	uint8_t *set = NULL;
	char why[160];
	size_t len;
	int err;

	if (!ca->security) {
		chip_result(g, CR_UNDETERMINED, "EF.CardSecurity could not be read");
		return 0;
	}
	if (cr_card_security_verify(NULL, ca->security, ca->security_len, g->trust, g->now, false, true, why) == CR_FAILED) {
		chip_result(g, CR_FAILED, why);
		return 0;
	}
	err = cr_card_security_infos(ca->security, ca->security_len, &set, &len);
	if (!err)
		err = cr_security_infos_parse(set, len, &security);
	if (!err)
		key = cr_security_infos_ca2_key(&security, info, domain);
	err = key ? cr_ca_agree(chip, key) : CR_E_UNSUPPORTED;
	free(set);
	if (err == CR_E_CRYPTO)
		chip_result(g, CR_FAILED, "the chip's public key is not of its group");
	else if (err == CR_E_UNSUPPORTED)
		chip_result(g, CR_UNDETERMINED, "EF.CardSecurity has no key for it");
	else if (err)
		return err;
	return !err;
}

static int authenticate(struct cr_session *s, struct cr_card_access *ca, struct cr_ca *chip)
{
	struct cr_general *g = ca->general;
	struct cr_sm sm;
	int err = cr_protocol_run(s, ca_step, chip);

	if (!err)
		err = cr_ca_session(chip, &sm);
	if (err) {
		if (err == CR_E_SM)
			chip_result(g, CR_FAILED, "the chip cannot answer under the keys agreed with its public key");
		else if (err == CR_E_CARD_STATUS || err == CR_E_CARD_PROTOCOL)
			chip_result(g, CR_FAILED, "the chip refused to authenticate");
		else if (!cr_chip_fatal(err))
			chip_result(g, CR_UNDETERMINED, "the chip stopped answering");
		return err;
	}
	cr_session_secure(s, &sm);
	cr_sm_wipe(&sm);
	chip_result(g, CR_SUCCESSFUL, "");
	return 0;
}

static int run(struct cr_session *s, struct cr_card_access *ca, struct cr_ca *chip,
	       const struct cr_ca_info *info, const struct cr_domain *domain)
{
	struct cr_general *g = ca->general;
	struct cr_ta ta = { .n = 0 };
	int err = terminal(s, ca, chip, &ta);

	if (!err && !g->why)
		err = read_security(s, ca);
	if (!err && !g->why) {
		err = agree(ca, info, domain, chip);
		if (err == 1)
			err = authenticate(s, ca, chip);
		if (!err && g->proof.result == CR_SUCCESSFUL) {
			g->ta = cr_ta_name(&ta);
			g->rights = cr_ta_rights(&ta);
		} else {
			g->why = "The terminal needs chip authentication first.";
		}
	}
	cr_ta_clear(&ta);
	return err;
}

int cr_general_authenticate(struct cr_session *s, struct cr_card_access *ca)
{
	struct cr_general *g = ca->general;
	struct cr_domain domain;
	struct cr_ca_info info;
	struct cr_ca *chip;
	int err = cr_security_infos_ca2(&ca->infos, &info, &domain);

	if (!err)
		err = cr_ca_begin(&info, &domain, s->rng, &chip);
	if (err)
		return err;
	g->proof.protocol = cr_ca_name(&info);
	err = run(s, ca, chip, &info, &domain);
	cr_ca_free(chip);
	if (!err) {
		g->failures = 0;
		return 0;
	}
	/* which keys the chip has now, nobody knows */
	g->failures++;
	s->lost = true;
	return err;
}
