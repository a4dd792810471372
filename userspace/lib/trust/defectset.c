/* SPDX-License-Identifier: BSD-2-Clause */
/* The defects of one signer: see defectset.h. No I/O. */
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "eid/checks.h"
#include "defectset.h"

static int add_entry(struct cr_defect_set *set, const struct cr_defect_list *list,
		     enum cr_defect_list_state state, const struct cr_dfl_entry *entry)
{
	struct cr_defect_found *all;
	size_t i;

	all = reallocarray(set->all, set->n + entry->n_known, sizeof(*all));
	if (!all)
		return CR_E_NOMEM;
	set->all = all;
	for (i = 0; i < entry->n_known; i++) {
		const struct cr_known_defect *k = &entry->known[i];

		all[set->n++] = (struct cr_defect_found){
			.known = k, .list = list, .state = state,
			.counts = cr_defect_list_counts(state, k->type) };
	}
	return CR_OK;
}

int cr_defects_for(const cr_trust_t *trust, X509 *cert, const struct cr_signer_id *signed_by, time_t now,
		   struct cr_defect_set *out)
{
	enum cr_defect_list_state state = CR_LIST_PLAIN;
	int err = CR_OK;
	size_t i, k;

	memset(out, 0, sizeof(*out));
	for (i = 0; trust && i < trust->n_lists; i++) {
		const struct cr_defect_list *l = trust->lists[i];
		bool first = true;

		for (k = 0; k < l->dfl.n && !err; k++) {
			if (!cr_dfl_entry_is_of(&l->dfl, &l->dfl.all[k], cert, signed_by))
				continue;
			if (first)
				state = cr_defect_list_state(l, trust, now);
			first = false;
			err = add_entry(out, l, state, &l->dfl.all[k]);
		}
	}
	return err;
}

const struct cr_known_defect *cr_defect_set_find(const struct cr_defect_set *set,
						 enum cr_known_type type)
{
	size_t i;

	for (i = 0; i < set->n; i++) {
		if (set->all[i].counts && set->all[i].known->type == type)
			return set->all[i].known;
	}
	return NULL;
}

/* ---- As the checks know them ---- */

#define BIT(defect)	(1U << CR_DEFECT_##defect)

/* TR-03135-1, Table 5.54; the codes between are given to nobody. */
static uint32_t revoked(int code)
{
	return code == 0 || (code >= 2 && code <= 4) ? BIT(SIGNER_REVOKED) : BIT(SIGNER_DOUBTED);
}

/* TR-03129-2, 7.3.1.5. A code that is not there says nothing. */
static uint32_t protocol_failure(int code)
{
	static const uint32_t bits[] = {
		BIT(CA_FAILURE), BIT(AA_FAILURE), BIT(CA_FAILURE) | BIT(AA_FAILURE),
		BIT(PACE_CAM_FAILURE), BIT(CA_FAILURE) | BIT(PACE_CAM_FAILURE),
		BIT(AA_FAILURE) | BIT(PACE_CAM_FAILURE),
		BIT(CA_FAILURE) | BIT(AA_FAILURE) | BIT(PACE_CAM_FAILURE),
	};

	return (unsigned int)code < sizeof(bits) / sizeof(bits[0]) ? bits[code] : 0;
}

/* TR-03129-2, 7.3.1.6. */
static uint32_t validity(int code)
{
	static const uint32_t bits[] = {
		BIT(ISSUER_VALIDITY), BIT(SIGNER_VALIDITY), BIT(ISSUER_VALIDITY) | BIT(SIGNER_VALIDITY),
	};

	return (unsigned int)code < sizeof(bits) / sizeof(bits[0]) ? bits[code] : 0;
}

static uint32_t bits_of(const struct cr_known_defect *k)
{
	switch (k->type) {
	case CR_KNOWN_NOT:
		/*
		 * TR-03129 (1.10), A.2.1 and A.2.2, TR-03129-2, 7.3.3: a document with such a defect
		 * is not to be used, or cannot be verified. The eID application is not read here, and
		 * what is outside of the tree is no defect.
		 */
		return k->category == CR_KNOWN_OF_AUTHENTICATION ||
		       k->category == CR_KNOWN_OF_EPASSPORT || k->category == CR_KNOWN_OF_DOCUMENT ?
		       BIT(SIGNER_DOUBTED) : 0;
	case CR_KNOWN_CERT_REVOKED:			return revoked(k->code);
	case CR_KNOWN_CHIP_AUTH_KEY_REVOKED:		return BIT(CA_KEYS_COMPROMISED);
	case CR_KNOWN_ACTIVE_AUTH_KEY_REVOKED:		return BIT(AA_KEYS_COMPROMISED);
	case CR_KNOWN_AUTHENTICATION_PROTOCOL_FAILURE:	return protocol_failure(k->code);
	case CR_KNOWN_VALIDITY_PERIOD_INCORRECT:	return validity(k->code);
	case CR_KNOWN_SOD_INVALID:			return BIT(SOD_MALFORMED);
	case CR_KNOWN_COM_SOD_DISCREPANCY:		return BIT(COM_SOD);
	case CR_KNOWN_CARD_SECURITY_MALFORMED:		return BIT(CARD_SECURITY_MALFORMED);
	case CR_KNOWN_DS_MALFORMED:			return BIT(SIGNER_MISCODED);
	/* the data to check with are others: passive.c */
	case CR_KNOWN_CERT_REPLACED:
	case CR_KNOWN_WRONG_SIGNER_IDENTIFIER:
	case CR_KNOWN_ISSUING_COUNTRY:
	/* 5.8.2.2.1, 5.8.2.3.3: told, and no result is another for it */
	case CR_KNOWN_DG_MALFORMED:
	case CR_KNOWN_POWER_DOWN_REQUIRED:
	/* EF.ChipSecurity and the eID application are not read */
	case CR_KNOWN_CHIP_SECURITY_MALFORMED:
	case CR_KNOWN_EID_DG_MALFORMED:
	case CR_KNOWN_EID_INTEGRITY:
	case CR_KNOWN_TYPES:
		break;
	}
	return 0;
}

uint32_t cr_defect_set_bits(const struct cr_defect_set *set)
{
	uint32_t bits = 0;
	size_t i;

	for (i = 0; i < set->n; i++) {
		if (set->all[i].counts)
			bits |= bits_of(set->all[i].known);
	}
	return bits;
}

int cr_defect_set_record(const struct cr_defect_set *set, struct cr_inspection *insp)
{
	struct cr_listed_defect *all = calloc(set->n + 1, sizeof(*all)), *d;
	size_t i;

	if (!all)
		return CR_E_NOMEM;
	for (i = 0; i < insp->n_listed; i++)
		free(insp->listed[i].list);
	free(insp->listed);
	insp->listed = all;
	insp->n_listed = 0;
	insp->defects = cr_defect_set_bits(set);
	for (i = 0; i < set->n; i++) {
		const struct cr_defect_found *f = &set->all[i];

		d = &all[insp->n_listed++];
		d->name = f->known->name;
		memcpy(d->oid, f->known->oid, sizeof(d->oid));
		d->code = f->known->code;
		d->groups = f->known->groups;
		memcpy(d->country, f->known->country, sizeof(d->country));
		memcpy(d->fingerprint, f->list->info.fingerprint, sizeof(d->fingerprint));
		d->state = cr_defect_list_state_name(f->state);
		d->counts = f->counts;
		d->list = f->list->signer ? strdup(f->list->signer) : NULL;
		if (f->list->signer && !d->list)
			return CR_E_NOMEM;
	}
	return CR_OK;
}

void cr_defect_set_clear(struct cr_defect_set *set)
{
	free(set->all);
	memset(set, 0, sizeof(*set));
}
