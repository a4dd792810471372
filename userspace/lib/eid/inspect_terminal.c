// SPDX-License-Identifier: BSD-2-Clause
/*
 * Terminal authentication within an inspection. What keeps it from being done is no error: fingerprints
 * and irises stay locked, and it is said why.
 */
#include <string.h>
#include "eid/inspect_int.h"
#include "eid/lds.h"
#include "eid/rule.h"
#include "eid/ta.h"
#include "iso7816/sw.h"

#define CVCA_LEN	36	/* TR-03110-3, A.6.2.2: EF.CVCA is so long */

static int ta_step(void *state, const uint8_t *rsp, size_t len, uint16_t sw, struct cr_capdu *cmd)
{
	return cr_ta_step(state, rsp, len, sw, cmd);
}

/* Negative: the session is lost. */
static int read_authorities(struct inspector *in, struct cr_cvc_name out[2], int *count)
{
	const uint8_t fid[] = { (uint8_t)(in->cvca >> 8), (uint8_t)in->cvca };
	const struct cr_capdu select = { .ins = 0xa4, .p1 = 0x02, .p2 = 0x0c, .data = fid, .lc = sizeof(fid) };
	const struct cr_capdu read = { .ins = 0xb0, .le = CVCA_LEN };
	uint8_t data[CVCA_LEN];
	size_t len = 0;
	uint16_t sw;
	int err = cr_session_send(&in->s, &select, NULL, &len, &sw);

	*count = 0;
	if (err || sw != CR_SW_OK)
		return err;
	len = sizeof(data);
	err = cr_session_send(&in->s, &read, data, &len, &sw);
	if (err || sw != CR_SW_OK)
		return err;
	*count = cr_cvca_parse(data, len, out);
	if (!CR_RULE(cvca_form, *count >= 1))
		in->malformed = "EF.CVCA is malformed";
	return 0;
}

static int run(struct inspector *in, const char **why)
{
	struct cr_ta_binding binding = { .auxiliary = NULL };
	struct cr_cvc_name authorities[2];
	struct cr_ta ta;
	int count, err;

	*why = "The chip's certification authority could not be read.";
	err = read_authorities(in, authorities, &count);
	if (err || count < 1)
		return err;
	memcpy(binding.chip, in->ca.chip_id, binding.chip_len = in->ca.chip_id_len);
	memcpy(binding.ephemeral, in->proof.ephemeral, binding.ephemeral_len = in->proof.ephemeral_len);
	*why = "No certificate leads from the chip's authority to this terminal.";
	err = cr_ta_init(&ta, 1, in->opts->terminal, authorities, (size_t)count, &binding);
	if (!err) {
		*why = "The chip did not accept the terminal's certificates or signature.";
		in->terminal_refused = true;
		err = cr_protocol_run(&in->s, ta_step, &ta);
	}
	if (err == CR_E_CRYPTO && !in->s.lost) {	/* a token that was pulled, for one: the chip goes on */
		*why = "The terminal's key could not sign.";
		in->terminal_refused = false;
		err = 0;
	} else if (!err) {
		in->rights = in->let_in = cr_ta_rights(&ta);
		in->insp->access.terminal = cr_ta_name(&ta);
		in->terminal_refused = false;
		*why = NULL;
	}
	cr_ta_clear(&ta);
	return err;
}

int cr_inspector_terminal(struct inspector *in)
{
	const char *why;
	int err;

	if (!in->opts->terminal || !(in->wanted & CR_EAC_GROUPS))
		return 0;
	if (in->general.announced) {		/* version 2 has settled it, before the application was selected */
		in->insp->access.terminal_why = in->general.why;
		in->terminal_refused = in->general.refused;
		return 0;
	}
	if (!in->proof.ephemeral_len || in->proof.spoilt) {
		in->insp->access.terminal_why = "The terminal needs chip authentication first.";
		return 0;
	}
	err = run(in, &why);
	in->insp->access.terminal_why = why;
	if (err && cr_chip_fatal(err))
		return err;
	return in->s.lost ? cr_inspector_reopen(in) : 0;
}

int cr_inspector_let_in_again(struct inspector *in)
{
	int err;

	in->let_in = 0;
	if (in->rights)		/* opening it anew has done that, in version 2 */
		return 0;
	err = cr_inspector_chip_again(in);
	return err ? err : cr_inspector_terminal(in);
}
