// SPDX-License-Identifier: BSD-2-Clause
/* The chip's files, one by one: ICAO 9303-10; SecurityInfos: TR-03110-3, A.1.1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include "eid/inspect.h"
#include "eid/items.h"
#include "eid/lds.h"
#include "iso7816/tlv.h"
#include "show.h"

/* ---- SecurityInfos ---- */

#define BSI_DE	"0.4.0.127.0.7.2.2."

static const struct { const char *oid, *name; } protocols[] = {
	{ BSI_DE "1.1", "id-PK-DH" }, { BSI_DE "1.2", "id-PK-ECDH" }, { BSI_DE "2", "id-TA" },
	{ BSI_DE "3.1", "id-CA-DH" }, { BSI_DE "3.2", "id-CA-ECDH" }, { BSI_DE "4.1", "id-PACE-DH-GM" },
	{ BSI_DE "4.2", "id-PACE-ECDH-GM" }, { BSI_DE "4.3", "id-PACE-DH-IM" }, { BSI_DE "4.4", "id-PACE-ECDH-IM" },
	{ BSI_DE "4.6", "id-PACE-ECDH-CAM" }, { BSI_DE "5.1", "id-RI-DH" }, { BSI_DE "5.2", "id-RI-ECDH" },
	{ BSI_DE "6", "id-CI" }, { BSI_DE "8", "id-PT" }, { "2.23.136.1.1.5", "id-icao-mrtd-security-aaProtocolObject" },
};

static void protocol_name(const char *oid, char *out, size_t size)
{
	static const char *const ciphers[] = { "3DES-CBC-CBC", "AES-CBC-CMAC-128", "AES-CBC-CMAC-192", "AES-CBC-CMAC-256" };
	size_t n;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		n = strlen(protocols[i].oid);
		if (!strcmp(oid, protocols[i].oid))
			snprintf(out, size, "%s", protocols[i].name);
		else if (!strncmp(oid, protocols[i].oid, n) && oid[n] == '.' && oid[n + 1] >= '1' && oid[n + 1] <= '4' &&
			 !oid[n + 2])
			snprintf(out, size, "%s-%s", protocols[i].name, ciphers[oid[n + 1] - '1']);
	}
}

/* An INTEGER as a number where it is small, else its DER. */
static json_t *any(const struct cr_tlv *t)
{
	if (t->tag == 0x02 && t->len == 1 && t->val[0] < 0x80)
		return json_integer(t->val[0]);
	return cli_json_hex(t->val + t->len - t->total, t->total);
}

static json_t *security_info(struct cr_tlv *t)
{
	struct cr_tlv oid, required, optional;
	char text[96], name[96];
	const unsigned char *p;
	ASN1_OBJECT *o;
	json_t *j;

	if (t->tag != 0x30 || cr_tlv_next(&t->val, &t->len, &oid) != 1 || oid.tag != 0x06)
		return NULL;
	p = oid.val + oid.len - oid.total;
	o = d2i_ASN1_OBJECT(NULL, &p, (long)oid.total);
	if (!o || OBJ_obj2txt(text, sizeof(text), o, 1) <= 0) {
		ASN1_OBJECT_free(o);
		return NULL;
	}
	ASN1_OBJECT_free(o);
	protocol_name(text, name, sizeof(name));
	j = json_pack("{s:s, s:o}", "oid", text, "name", cli_json_string(*name ? name : NULL));
	if (cr_tlv_next(&t->val, &t->len, &required) == 1)
		json_object_set_new(j, "required", any(&required));
	if (cr_tlv_next(&t->val, &t->len, &optional) == 1)
		json_object_set_new(j, "optional", any(&optional));
	return j;
}

json_t *cli_show_security_infos(const uint8_t *data, size_t len)
{
	struct cr_tlv set, t;
	json_t *list, *j;
	int r;

	if (cr_tlv_parse_all(data, len, &set) || set.tag != 0x31)
		return NULL;
	list = json_array();
	while ((r = cr_tlv_next(&set.val, &set.len, &t)) == 1) {
		j = security_info(&t);
		if (!j)
			break;
		json_array_append_new(list, j);
	}
	ERR_clear_error();
	if (r) {
		json_decref(list);
		return NULL;
	}
	return list;
}

/* ---- data groups ---- */

static json_t *ef_com(const uint8_t *data, size_t len)
{
	json_t *j, *groups = json_array();
	struct cr_tlv com, t;
	uint32_t listed;

	if (cr_lds_com(data, len, &listed)) {
		json_decref(groups);
		return NULL;
	}
	j = json_pack("{s:s}", "type", "EF.COM");
	if (!cr_tlv_parse_all(data, len, &com) && !cr_tlv_find(com.val, com.len, 0x5f01, &t))
		json_object_set_new(j, "lds_version", json_stringn((const char *)t.val, t.len));
	if (!cr_tlv_find(com.val, com.len, 0x5f36, &t))
		json_object_set_new(j, "unicode_version", json_stringn((const char *)t.val, t.len));
	for (int n = 1; n <= 16; n++)
		if (listed & 1u << n)
			json_array_append_new(groups, json_integer(n));
	json_object_set_new(j, "data_groups", groups);
	return j;
}

/* A SubjectPublicKeyInfo. */
static json_t *public_key(const uint8_t *data, size_t len)
{
	const unsigned char *p = data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)len);
	char group[48] = "";
	json_t *j = NULL;

	if (key && p == data + len) {
		EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
		j = json_pack("{s:s, s:i, s:o}", "algorithm", EVP_PKEY_get0_type_name(key), "bits",
			      EVP_PKEY_get_bits(key), "group", cli_json_string(*group ? group : NULL));
	}
	EVP_PKEY_free(key);
	ERR_clear_error();
	return j;
}

static void put_texts(json_t *j, json_t *from)
{
	const char *key;
	json_t *v;

	json_object_foreach(from, key, v)
		if (!json_is_null(v))
			json_object_set(j, strcmp(key, "type") ? key : "format", v);	/* TD1 */
}

/* What an inspection would say of this file alone; CR_E_MALFORMED: that it is damaged. */
static int understood(json_t *j, uint16_t fid, const char *name, const uint8_t *data, size_t len)
{
	struct cr_inspection *in = calloc(1, sizeof(*in));
	struct cr_file *f = calloc(1, sizeof(*f));
	json_t *all;
	int err = CR_E_NOMEM;

	if (f && (f->data = malloc(len)) && in) {
		memcpy(f->data, data, len);
		f->len = len;
		f->fid = fid;
		snprintf(f->name, sizeof(f->name), "%s", name);
		in->files = f;
		in->n_files = 1;
		err = cr_inspect_again(in, NULL, time(NULL));
		if (!err && f->note)
			err = CR_E_MALFORMED;
		f = NULL;
	}
	if (!err) {
		all = cli_inspection_json(in, NULL, false);
		put_texts(j, json_object_get(all, "holder"));
		put_texts(j, json_object_get(all, "document"));
		if (fid != CR_FID_DG(1))	/* whose names they are */
			json_object_del(j, "names_cut");
		json_object_update(j, json_object_get(json_object_get(all, "contents"), name));
		if (!json_is_null(json_object_get(all, "portrait")))
			json_object_set(j, "portrait", json_object_get(all, "portrait"));
		json_decref(all);
	}
	if (f)
		free(f->data);
	free(f);
	cr_inspection_free(in);
	return err;
}

static json_t *head(const char *type, const uint8_t *data, size_t len)
{
	json_t *j = json_object();
	unsigned char md[EVP_MAX_MD_SIZE];

	json_object_set_new(j, "type", json_string(type));
	json_object_set_new(j, "length", json_integer((json_int_t)len));
	if (EVP_Digest(data, len, md, NULL, EVP_sha256(), NULL) == 1)
		json_object_set_new(j, "sha256", cli_json_hex(md, 32));
	return j;
}

static json_t *data_group(unsigned int n, const uint8_t *data, size_t len)
{
	json_t *j, *one = NULL;
	struct cr_tlv t;
	char name[16];
	bool good;

	if (cr_tlv_parse_all(data, len, &t))
		return NULL;
	snprintf(name, sizeof(name), "DG%u", n);
	j = head(name, data, len);
	if (n == 14) {
		one = cli_show_security_infos(t.val, t.len);
		good = one && !json_object_set_new(j, "security_infos", one);
	} else if (n == 15) {
		one = public_key(t.val, t.len);
		good = one && !json_object_set_new(j, "public_key", one);
	} else {
		good = !understood(j, (uint16_t)CR_FID_DG(n), name, data, len);
	}
	if (good)
		return j;
	json_decref(j);
	return NULL;
}

/* EF.DIR and EF.ATR/INFO: of objects side by side. */
static json_t *of_card(uint16_t fid, const char *name, const uint8_t *data, size_t len)
{
	json_t *j = head(name, data, len);
	size_t known = json_object_size(j);

	if (!understood(j, fid, name, data, len) && json_object_size(j) > known)
		return j;
	json_decref(j);
	return NULL;
}

/* DG1 has the tag of an application template too: one of those begins with the application's identifier. */
static bool is_dir(const uint8_t *data, size_t len)
{
	struct cr_tlv t, first;

	return cr_tlv_next_padded(&data, &len, &t) == 1 && t.tag == 0x61 && cr_tlv_next(&t.val, &t.len, &first) == 1 &&
	       first.tag == 0x4f;
}

json_t *cli_show_file(const uint8_t *data, size_t len)
{
	unsigned int n = len ? cr_lds_dg_number(data[0]) : 0;
	struct cr_tlv t;
	json_t *j;

	if (is_dir(data, len))
		return of_card(CR_FID_DIR, "EF.DIR", data, len);
	if (n)
		return data_group(n, data, len);
	if (len && (data[0] == 0x43 || data[0] == 0x47 || data[0] == 0x7f)) {
		j = of_card(CR_FID_INFO, "EF.ATR/INFO", data, len);
		if (j)
			return j;
	}
	if (!len || cr_tlv_parse_all(data, len, &t))
		return NULL;
	if (t.tag == 0x60)
		return ef_com(data, len);
	if (t.tag == 0x77) {
		j = cli_show_signed(t.val, t.len);
		if (j)
			json_object_set_new(j, "type", json_string("EF.SOD"));
		return j;
	}
	if (t.tag == 0x31) {
		j = cli_show_security_infos(data, len);
		return j ? json_pack("{s:s, s:o}", "type", "EF.CardAccess", "security_infos", j) : NULL;
	}
	return NULL;
}
