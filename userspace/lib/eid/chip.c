// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <openssl/crypto.h>
#include "eid/aa.h"
#include "eid/access.h"
#include "eid/ca.h"
#include "eid/chip.h"
#include "eid/lds.h"
#include "eid/rule.h"
#include "iso7816/sw.h"

bool cr_chip_fatal(int err)
{
	switch (err) {
	case CR_E_TIMEOUT:
	case CR_E_CARD_MUTE:
	case CR_E_READER_FAILED:
	case CR_E_CARD_PROTOCOL:
	case CR_E_CARD_STATUS:
	case CR_E_TOO_LONG:
	case CR_E_ACCESS_REFUSED:
	case CR_E_SM:
	case CR_E_MALFORMED:
	case CR_E_NOT_FOUND:
		return false;
	}
	return err < 0;
}

static void result(struct cr_chip_proof *out, enum cr_result r, const char *detail)
{
	out->result = r;
	out->detail = detail;
}

static int ca_step(void *state, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd)
{
	return cr_ca_step(state, rsp, len, sw, cmd);
}

/* The proof: a command under the new keys, answered under them, whatever the status word says. */
static int prove(struct cr_session *s, const struct cr_sm *sm)
{
	static const uint8_t com[2] = { CR_FID_COM >> 8, CR_FID_COM & 0xff };
	const struct cr_capdu cmd = {
		.ins = 0xa4, .p1 = 0x02, .p2 = 0x0c, .data = com, .lc = sizeof(com)
	};
	size_t none = 0;
	uint16_t sw;

	cr_session_secure(s, sm);
	return cr_session_send(s, &cmd, NULL, &none, &sw);
}

static bool has_key(const struct cr_security_infos *dg14, const struct cr_ca_key *k)
{
	for (size_t i = 0; i < dg14->n_ca_key; i++) {
		const struct cr_ca_key *other = &dg14->ca_key[i];

		if (other->usable && cr_domain_same(&other->domain, &k->domain) && other->len == k->len &&
		    !memcmp(other->public_key, k->public_key, k->len))
			return true;
	}
	return false;
}

enum cr_mapped cr_chip_mapped(const struct cr_cam *cam, const struct cr_security_infos *security,
			      const struct cr_security_infos *dg14, bool *tied)
{
	enum cr_mapped mapped = CR_MAPPED_NOTHING;
	const struct cr_ca_key *k = NULL;
	size_t i;
	int err;

	*tied = false;
	for (i = 0; cam->data_len && i < security->n_ca_key && mapped != CR_MAPPED_FITS; i++) {
		k = &security->ca_key[i];
		if (!k->usable || !cr_domain_same(&k->domain, &cam->domain))
			continue;
		err = cr_cam_verify(cam, k->public_key, k->len);
		if (CR_RULE(mapping_fits, !err))
			mapped = CR_MAPPED_FITS;
		else if (err == CR_E_CRYPTO)
			mapped = CR_MAPPED_FAILED;
	}
	*tied = mapped == CR_MAPPED_FITS && dg14 && has_key(dg14, k);
	return mapped;
}

bool cr_chip_tied(const struct cr_security_infos *security, const struct cr_security_infos *dg14)
{
	for (size_t i = 0; i < security->n_ca_key; i++) {
		if (security->ca_key[i].usable && has_key(dg14, &security->ca_key[i]))
			return true;
	}
	return false;
}

int cr_chip_authenticate(struct cr_session *s, const struct cr_ca_info *info,
			 const struct cr_ca_key *key, struct cr_chip_proof *out)
{
	struct cr_ca *ca;
	struct cr_sm sm;
	int err = cr_ca_new(info, key, s->rng, &ca);

	*out = (struct cr_chip_proof){ .result = CR_SUCCESSFUL, .detail = "" };
	out->protocol = cr_ca_name(info);
	if (err == CR_E_CRYPTO) {
		result(out, CR_RULE(ca_public_key, false) ? CR_NOT_SUPPORTED : CR_FAILED,
		       "the chip's public key is not of its group");
		return 0;
	}
	if (err == CR_E_UNSUPPORTED) {
		result(out, CR_RULE(ca_parameters, false) ? CR_NOT_SUPPORTED : CR_UNDETERMINED,
		       "the chip's domain parameters are not sound");
		return 0;
	}
	if (err)
		return err;
	err = cr_protocol_run(s, ca_step, ca);
	if (!err)
		err = cr_ca_session(ca, &sm);
	if (!err)
		err = cr_ca_compressed(ca, out->ephemeral, &out->ephemeral_len);
	if (!err)
		err = prove(s, &sm);
	OPENSSL_cleanse(&sm, sizeof(sm));
	cr_ca_free(ca);
	if (!err)
		return 0;
	if (cr_chip_fatal(err))
		return err;
	out->spoilt = true;
	if (err == CR_E_SM)
		result(out, CR_RULE(ca_new_keys, false) ? CR_NOT_SUPPORTED : CR_FAILED,
		       "the chip cannot answer under the keys agreed with its public key");
	else if (err == CR_E_CARD_STATUS || err == CR_E_CARD_PROTOCOL)
		result(out, CR_RULE(ca_accepted, false) ? CR_NOT_SUPPORTED : CR_FAILED,
		       "the chip refused to authenticate");
	else
		result(out, CR_UNDETERMINED, "the chip stopped answering");
	return 0;
}

/* A signature as long as RSA's often does not fit into a short answer. */
static bool needs_extended(const struct cr_session *s, size_t len)
{
	if (s->secured)
		len = cr_sm_response_len(&s->sm, false, len) - 2;
	return len > CR_APDU_MAX_SHORT_LE;
}

/*
 * Some chips give a signature only to an extended Le of zero, others nothing to that one and want 256:
 * what the length of the signature asks for first, then the other. CR_E_TOO_LONG with the session not
 * lost: reader and card do not carry so much.
 */
static int ask_for_signature(struct cr_session *s, const struct cr_aa *aa, uint8_t *sig, size_t *len,
			     uint16_t *sw)
{
	bool all = needs_extended(s, cr_aa_signature_len(aa));
	/* ICAO 9303-11, 6.1.4: what does not fit into a short answer is what both have extended length for */
	bool extended = s->max_response > CR_APDU_MAX_SHORT_LE || s->max_signature > CR_APDU_MAX_SHORT_LE;
	struct cr_capdu cmd;
	int err;

	if (all && !extended)
		return CR_E_TOO_LONG;
	cr_aa_command(aa, &cmd);
	for (int tries = 0; ; tries++) {
		cmd.extended = needs_extended(s, cr_aa_signature_len(aa)) || all;
		cmd.le = all ? CR_APDU_MAX_LE : CR_APDU_MAX_SHORT_LE;
		*len = CR_AA_MAX;
		err = cr_session_send(s, &cmd, sig, len, sw);
		if (err || tries || !extended)
			return err;
		if (*sw == CR_SW_OK ? cr_aa_is_whole(aa, sig, *len)
				    : *sw != CR_SW_WRONG_LENGTH && (*sw & CR_SW_MORE_MASK) != CR_SW_WRONG_LE)
			return 0;
		all = !all;
	}
}

int cr_chip_active(struct cr_session *s, const uint8_t *dg15, size_t len, const char *digest,
		   struct cr_chip_proof *out)
{
	bool other = false;
	uint8_t sig[CR_AA_MAX];
	size_t sig_len = sizeof(sig);
	struct cr_aa *aa;
	uint16_t sw;
	int err = cr_aa_new(dg15, len, s->rng, &aa);

	*out = (struct cr_chip_proof){ .result = CR_SUCCESSFUL, .detail = "" };
	if (err == CR_E_MALFORMED || err == CR_E_UNSUPPORTED) {
		result(out, CR_UNDETERMINED,
		       err == CR_E_MALFORMED ? "DG15 is malformed"
					     : "the chip's signature algorithm is not known here");
		return 0;
	}
	if (err)
		return err;
	out->protocol = cr_aa_name(aa);
	err = ask_for_signature(s, aa, sig, &sig_len, &sw);
	out->spoilt = s->lost;
	if (err == CR_E_TOO_LONG && !s->lost)
		result(out, CR_UNDETERMINED,
		       "its signature is longer than what reader and card exchange");
	else if (err && !cr_chip_fatal(err))
		result(out, CR_UNDETERMINED, "the chip stopped answering");
	else if (!err && sw != CR_SW_OK)
		result(out, CR_FAILED, "the chip refused to authenticate");
	else if (!err && (err = cr_aa_verify(aa, sig, sig_len, digest, &other)) ==
			 CR_E_TOO_LONG)
		result(out, CR_UNDETERMINED, "the chip's signature came cut short");
	else if (err == CR_E_CRYPTO)
		result(out, CR_RULE(aa_signature, false) ? CR_NOT_SUPPORTED : CR_FAILED,
		       "the chip's signature is wrong");
	else if (other)
		out->detail = "the chip signed by another digest than DG14 names";
	cr_aa_free(aa);
	return err < 0 && err != CR_E_CRYPTO && cr_chip_fatal(err) ? err : 0;
}
