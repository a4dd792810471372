// SPDX-License-Identifier: BSD-2-Clause
/* Of what SecurityInfos offer, what is to be taken. */
#include <string.h>
#include <cardring/error.h>
#include "eid/rule.h"
#include "eid/security_info.h"

/* Whether a is to be taken before b. */
static bool stronger(const struct cr_pace_info *a, const struct cr_pace_info *b)
{
	static const int order[] = { [CR_CAM] = 2, [CR_GM] = 1, [CR_IM] = 0 };
	unsigned int of_a = cr_domain_strength(&a->domain), of_b = cr_domain_strength(&b->domain);

	if (a->protocol.cipher != b->protocol.cipher)
		return a->protocol.cipher > b->protocol.cipher;
	if (of_a != of_b)
		return of_a > of_b;
	return order[a->mapping] > order[b->mapping];
}

const struct cr_pace_info *cr_security_infos_pace(const struct cr_security_infos *si,
						  bool *ambiguous)
{
	const struct cr_pace_info *best = NULL;

	for (size_t i = 0; i < si->n_pace; i++) {
		const struct cr_pace_info *p = &si->pace[i];

		if (p->usable && (!best || stronger(p, best)))
			best = p;
	}
	/* ICAO 9303-11, 4.4.4.1: more than one set is there for PACE, be it of another cipher */
	*ambiguous = best && si->n_pace_parameters;
	for (size_t i = 0; best && i < si->n_pace; i++)
		*ambiguous |= si->pace[i].parameter_id != best->parameter_id;
	return best;
}

/*
 * ICAO 9303-11, 9.2.5, 9.2.6: by the number that both have. The only key needs none, unless there may be one of a kind
 * that is not known here; but two numbers that differ are of two keys.
 */
static bool is_meant(const struct cr_security_infos *si, const struct cr_ca_info *info, const struct cr_ca_key *k)
{
	if (k->key_id == info->key_id)
		return true;
	return si->n_ca_key == 1 && !si->ca_unknown && CR_RULE(ca_key_number, k->key_id < 0 || info->key_id < 0);
}

static const struct cr_ca_key *key_for(const struct cr_security_infos *si,
				       const struct cr_ca_info *info)
{
	for (size_t i = 0; i < si->n_ca_key; i++) {
		const struct cr_ca_key *k = &si->ca_key[i];

		if (k->usable && k->ecdh == info->protocol.ecdh && is_meant(si, info, k))
			return k;
	}
	return NULL;
}

bool cr_security_infos_mapping_key(const struct cr_security_infos *si)
{
	bool cam = false;

	for (size_t i = 0; i < si->n_pace; i++)
		cam |= si->pace[i].mapping == CR_CAM;
	return cam && si->n_ca_key && !si->n_ca && !si->ca_unknown;
}

int cr_security_infos_ca(const struct cr_security_infos *si, struct cr_ca_info *info,
			 const struct cr_ca_key **key)
{
	static const uint8_t with_3des[] = { 0x04, 0x00, 0x7f, 0x00, 0x07,
					     0x02, 0x02, 0x03, 0x02, 0x01 };

	*key = NULL;
	if (!si->n_ca_key)
		return si->n_ca || si->ca_unknown ? CR_E_UNSUPPORTED : CR_E_NOT_FOUND;
	if (cr_security_infos_mapping_key(si))
		return CR_E_NOT_FOUND;
	for (size_t i = 0; i < si->n_ca; i++) {
		const struct cr_ca_info *c = &si->ca[i];
		const struct cr_ca_key *k = c->version == 1 ? key_for(si, c) : NULL;

		if (k && (!*key || c->protocol.cipher > info->protocol.cipher ||
			  (c->protocol.cipher == info->protocol.cipher &&
			   cr_domain_strength(&k->domain) > cr_domain_strength(&(*key)->domain)))) {
			*info = *c;
			*key = k;
		}
	}
	for (size_t i = 0; !si->n_ca && !si->ca_unknown && !*key && i < si->n_ca_key; i++) {
		if (!si->ca_key[i].usable)
			continue;
		*key = &si->ca_key[i];
		*info = (struct cr_ca_info){ .version = 1, .key_id = (*key)->key_id };
		info->protocol.ecdh = (*key)->ecdh;
		info->protocol.cipher = CR_3DES;
		memcpy(info->protocol.oid, with_3des, sizeof(with_3des));
		info->protocol.oid[8] = (*key)->ecdh ? 2 : 1;
	}
	return *key ? 0 : CR_E_UNSUPPORTED;
}

int cr_security_infos_ca2(const struct cr_security_infos *si, struct cr_ca_info *info,
			  struct cr_domain *domain)
{
	int err = CR_E_NOT_FOUND;

	for (size_t i = 0; i < si->n_ca; i++) {
		const struct cr_ca_info *c = &si->ca[i];

		if (c->version != 2)
			continue;
		err = err ? CR_E_UNSUPPORTED : 0;
		for (size_t k = 0; k < si->n_ca_parameters; k++) {
			const struct cr_ca_parameters *p = &si->ca_parameters[k];

			if (!p->known || p->domain.id < 0 || p->ecdh != c->protocol.ecdh ||
			    p->domain.ec != p->ecdh || p->key_id != c->key_id)
				continue;
			if (!err && (c->protocol.cipher < info->protocol.cipher ||
				     (c->protocol.cipher == info->protocol.cipher &&
				      cr_domain_strength(&p->domain) <= cr_domain_strength(domain))))
				continue;
			*info = *c;
			*domain = p->domain;
			err = 0;
		}
	}
	return err;
}

const struct cr_ca_key *cr_security_infos_ca2_key(const struct cr_security_infos *si,
						  const struct cr_ca_info *info,
						  const struct cr_domain *domain)
{
	for (size_t i = 0; i < si->n_ca_key; i++) {
		const struct cr_ca_key *k = &si->ca_key[i];

		if (k->usable && k->key_id == info->key_id && cr_domain_same(&k->domain, domain))
			return k;
	}
	return NULL;
}
