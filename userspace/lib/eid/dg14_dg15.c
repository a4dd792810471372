/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What DG14 and DG15 say the chip can do, by name: ICAO 9303-11, 9.2 and 9303-10, 4.7.15. What is
 * proved with them is security_info.c's and aa.c's matter. No I/O.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include "eid/items.h"
#include "eid/lds.h"
#include "iso7816/tlv.h"

#define BSI	"0.4.0.127.0.7.2.2."

struct named {
	const char *oid, *name;
	bool cipher;		/* one more arc says which */
};

static const struct named protocols[] = {
	{ BSI "1.1", "id-PK-DH", false },
	{ BSI "1.2", "id-PK-ECDH", false },
	{ BSI "2", "id-TA", false },
	{ BSI "3.1", "id-CA-DH", true },
	{ BSI "3.2", "id-CA-ECDH", true },
	{ BSI "4.1", "id-PACE-DH-GM", true },
	{ BSI "4.2", "id-PACE-ECDH-GM", true },
	{ BSI "4.3", "id-PACE-DH-IM", true },
	{ BSI "4.4", "id-PACE-ECDH-IM", true },
	{ BSI "4.6", "id-PACE-ECDH-CAM", true },
	{ BSI "5.1", "id-RI-DH", true },
	{ BSI "5.2", "id-RI-ECDH", true },
	{ BSI "6", "id-CI", false },
	{ "2.23.136.1.1.5", "id-icao-mrtd-security-aaProtocolObject", false },
};

static const char *cipher_name(const char *arc)
{
	static const char *const names[] = {
		"-3DES-CBC-CBC", "-AES-CBC-CMAC-128", "-AES-CBC-CMAC-192", "-AES-CBC-CMAC-256",
	};

	return arc[0] == '.' && arc[1] >= '1' && arc[1] <= '4' && !arc[2] ? names[arc[1] - '1'] : NULL;
}

/* "id-CA-ECDH-AES-CBC-CMAC-128"; the numbers where it is not known. */
static char *protocol_text(const char *oid)
{
	const char *cipher;
	char *s = NULL;
	int n;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		const struct named *p = &protocols[i];

		if (strncmp(oid, p->oid, strlen(p->oid)))
			continue;
		cipher = p->cipher ? cipher_name(oid + strlen(p->oid)) : NULL;
		if (p->cipher ? !cipher : oid[strlen(p->oid)])
			continue;
		n = asprintf(&s, "%s%s", p->name, cipher ? cipher : "");
		return n < 0 ? NULL : s;
	}
	return strdup(oid);
}

static int add_protocol(struct cr_items *out, const struct cr_tlv *info)
{
	const uint8_t *p = info->val;
	struct cr_tlv oid;
	ASN1_OBJECT *object;
	char text[128];
	int n = -1;

	if (info->tag != 0x30 || cr_tlv_parse(info->val, info->len, &oid) || oid.tag != 0x06)
		return CR_E_MALFORMED;
	object = d2i_ASN1_OBJECT(NULL, &p, (long)oid.total);
	if (object)
		n = OBJ_obj2txt(text, sizeof(text), object, 1);
	ASN1_OBJECT_free(object);
	if (n <= 0 || (size_t)n >= sizeof(text))
		return CR_E_MALFORMED;
	return cr_items_add_text(out, CR_FID_DG(14), 0, "protocols", protocol_text(text));
}

int cr_items_protocols(const uint8_t *data, size_t len, struct cr_items *out)
{
	struct cr_tlv dg, set, info;
	const uint8_t *p;
	size_t n;
	int err;

	if (cr_tlv_parse_all(data, len, &dg) || dg.tag != cr_lds_dg_tag(14) ||
	    cr_tlv_parse_all(dg.val, dg.len, &set) || set.tag != 0x31)
		return CR_E_MALFORMED;
	p = set.val;
	n = set.len;
	ERR_set_mark();
	while ((err = cr_tlv_next(&p, &n, &info)) > 0) {
		err = add_protocol(out, &info);
		if (err)
			break;
	}
	ERR_pop_to_mark();
	return err;
}

int cr_items_key(const uint8_t *data, size_t len, struct cr_items *out)
{
	char text[80], group[50];
	EVP_PKEY *key = NULL;
	const uint8_t *p;
	struct cr_tlv dg;
	int err = CR_E_MALFORMED;

	if (cr_tlv_parse_all(data, len, &dg) || dg.tag != cr_lds_dg_tag(15))
		return CR_E_MALFORMED;
	p = dg.val;
	ERR_set_mark();
	key = d2i_PUBKEY(NULL, &p, (long)dg.len);
	if (key && p == dg.val + dg.len) {
		if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group,
						   sizeof(group), NULL) != 1)
			snprintf(group, sizeof(group), "%d-bit", EVP_PKEY_get_bits(key));
		snprintf(text, sizeof(text), "%s, %s", EVP_PKEY_get0_type_name(key), group);
		err = cr_items_add_word(out, CR_FID_DG(15), 0, "key", text);
	}
	EVP_PKEY_free(key);
	ERR_pop_to_mark();
	return err;
}
