// SPDX-License-Identifier: BSD-2-Clause
#include <string.h>
#include <cardring/error.h>
#include "eid/cvc.h"
#include "iso7816/tlv.h"

/* Data objects, TR-03110-3, D.2 */
#define DO_CERTIFICATE	0x7f21
#define DO_BODY		0x7f4e
#define DO_SIGNATURE	0x5f37
#define DO_PROFILE	0x5f29
#define DO_AUTHORITY	0x42
#define DO_PUBLIC_KEY	0x7f49
#define DO_HOLDER	0x5f20
#define DO_TEMPLATE	0x7f4c
#define DO_RIGHTS	0x53
#define DO_OID		0x06
#define DO_MODULUS	0x81
#define DO_POINT	0x86

static const struct cr_cvc_algorithm algorithms[] = {
#define NAMES(scheme)	{ "TA v1 " scheme, "TA v2 " scheme }
#define TA(kind, arc)	{ 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x02, kind, arc }
	{ TA(1, 1), false, false, "SHA1", NAMES("RSA SHA-1") },
	{ TA(1, 2), false, false, "SHA256", NAMES("RSA SHA-256") },
	{ TA(1, 3), false, true, "SHA1", NAMES("RSA-PSS SHA-1") },
	{ TA(1, 4), false, true, "SHA256", NAMES("RSA-PSS SHA-256") },
	{ TA(1, 5), false, false, "SHA512", NAMES("RSA SHA-512") },
	{ TA(1, 6), false, true, "SHA512", NAMES("RSA-PSS SHA-512") },
	{ TA(2, 1), true, false, "SHA1", NAMES("ECDSA SHA-1") },
	{ TA(2, 2), true, false, "SHA224", NAMES("ECDSA SHA-224") },
	{ TA(2, 3), true, false, "SHA256", NAMES("ECDSA SHA-256") },
	{ TA(2, 4), true, false, "SHA384", NAMES("ECDSA SHA-384") },
	{ TA(2, 5), true, false, "SHA512", NAMES("ECDSA SHA-512") },
#undef TA
#undef NAMES
};

static int name_of(const struct cr_tlv *t, struct cr_cvc_name *out)
{
	if (!t->len || t->len > CR_CVC_NAME_MAX)
		return CR_E_MALFORMED;
	memcpy(out->text, t->val, t->len);
	out->len = t->len;
	return 0;
}

static int public_key(const struct cr_tlv *t, struct cr_cvc *out)
{
	struct cr_tlv oid, key;

	if (cr_tlv_find(t->val, t->len, DO_OID, &oid))
		return CR_E_MALFORMED;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
		if (oid.len == sizeof(algorithms[i].oid) &&
		    !memcmp(oid.val, algorithms[i].oid, oid.len))
			out->algorithm = &algorithms[i];
	}
	if (!out->algorithm)
		return CR_E_UNSUPPORTED;
	if (cr_tlv_find(t->val, t->len, out->algorithm->ec ? DO_POINT : DO_MODULUS, &key) || !key.len)
		return CR_E_MALFORMED;
	while (!out->algorithm->ec && key.len > 1 && !*key.val) {
		key.val++;
		key.len--;
	}
	out->key = key.val;
	out->key_len = key.len;
	return 0;
}

/* Certificate holder authorization template of inspection systems, C.4.1: id-IS, then one byte. */
static int rights(const struct cr_tlv *t, struct cr_cvc *out)
{
	static const uint8_t id_is[] = { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x03, 0x01, 0x02, 0x01 };
	struct cr_tlv oid, value;

	if (cr_tlv_find(t->val, t->len, DO_OID, &oid) ||
	    cr_tlv_find(t->val, t->len, DO_RIGHTS, &value) || !value.len)
		return CR_E_MALFORMED;
	if (oid.len != sizeof(id_is) || memcmp(oid.val, id_is, sizeof(id_is)) != 0)
		return CR_E_UNSUPPORTED;
	if (value.len != 1)
		return CR_E_MALFORMED;
	out->template = t->val - (t->total - t->len);
	out->template_len = t->total;
	out->role = (enum cr_cvc_role)(*value.val >> 6);
	out->rights = *value.val & (CR_CVC_READ_DG3 | CR_CVC_READ_DG4);
	return 0;
}

int cr_cvc_parse(const uint8_t *p, size_t n, struct cr_cvc *out, size_t *total)
{
	struct cr_tlv cert, body, sig, t;
	int err;

	memset(out, 0, sizeof(*out));
	if (cr_tlv_parse(p, n, &cert) || cert.tag != DO_CERTIFICATE ||
	    cr_tlv_parse(cert.val, cert.len, &body) || body.tag != DO_BODY ||
	    cr_tlv_parse_all(cert.val + body.total, cert.len - body.total, &sig) ||
	    sig.tag != DO_SIGNATURE || !sig.len)
		return CR_E_MALFORMED;
	*total = cert.total;
	out->body = cert.val;
	out->body_len = body.total;
	out->signature = cert.val + body.total;
	out->signature_len = sig.total;
	if (cr_tlv_find(body.val, body.len, DO_PROFILE, &t) || t.len != 1 || *t.val ||
	    cr_tlv_find(body.val, body.len, DO_AUTHORITY, &t) || name_of(&t, &out->authority) ||
	    cr_tlv_find(body.val, body.len, DO_HOLDER, &t) || name_of(&t, &out->holder) ||
	    cr_tlv_find(body.val, body.len, DO_TEMPLATE, &t))
		return CR_E_MALFORMED;
	err = rights(&t, out);
	if (!err && cr_tlv_find(body.val, body.len, DO_PUBLIC_KEY, &t))
		err = CR_E_MALFORMED;
	return err ? err : public_key(&t, out);
}

bool cr_cvc_same_name(const struct cr_cvc_name *a, const struct cr_cvc_name *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

static bool is_known(const struct cr_cvc_name *authority, const struct cr_cvc_name *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cr_cvc_same_name(authority, &known[i]))
			return true;
	return false;
}

/*
 * From the terminal up, level by level, so that each certificate is looked at once, however they are
 * tangled, and the shortest way is found first. A link certificate's holder is not its authority, a
 * root's is.
 */
size_t cr_cvc_chain(const struct cr_cvc *all, size_t n, size_t terminal,
		    const struct cr_cvc_name *authorities, size_t n_authorities,
		    size_t chain[CR_CVC_CHAIN_MAX])
{
	size_t queue[CR_CVC_MAX], below[CR_CVC_MAX], level[CR_CVC_MAX] = { 0 };
	size_t head = 0, tail = 0, at, i;

	if (n > CR_CVC_MAX)
		return 0;
	level[terminal] = 1;	/* 0: not seen yet */
	queue[tail++] = terminal;
	while (head < tail) {
		at = queue[head++];
		if (is_known(&all[at].authority, authorities, n_authorities)) {
			const size_t len = level[at];

			for (i = 0; i < len; i++) {
				chain[i] = at;
				at = at == terminal ? at : below[at];
			}
			return len;
		}
		for (i = 0; i < n && level[at] < CR_CVC_CHAIN_MAX; i++) {
			if (level[i] || !cr_cvc_same_name(&all[i].holder, &all[at].authority) ||
			    cr_cvc_same_name(&all[i].holder, &all[i].authority))
				continue;
			level[i] = level[at] + 1;
			below[i] = at;
			queue[tail++] = i;
		}
	}
	return 0;
}

int cr_cvca_parse(const uint8_t *p, size_t n, struct cr_cvc_name out[2])
{
	struct cr_tlv t;
	int count = 0;

	while (n && *p) {
		if (count == 2 || cr_tlv_next(&p, &n, &t) != 1 || t.tag != DO_AUTHORITY ||
		    name_of(&t, &out[count]))
			return CR_E_MALFORMED;
		count++;
	}
	for (; n; n--)
		if (*p++)
			return CR_E_MALFORMED;
	return count ? count : CR_E_MALFORMED;
}
