/* SPDX-License-Identifier: BSD-2-Clause */
/* Master and defect lists for tests, each as wrong as the test wants it. */
#ifndef CR_TEST_LIST_H
#define CR_TEST_LIST_H

#include "testpki.h"

struct pki_list {
	X509 *signer, *more;		/* more: another certificate beside the signer's; NULL */
	EVP_PKEY *key;
	X509 **certs;
	size_t n;
	const char *content_type;	/* "2.23.136.1.1.2" */
	const char *md;			/* "SHA256" */
	int version;
	bool skid, no_cert, pss, pem;
	bool junk;			/* one more that is no certificate */
	bool trailing;			/* bytes after the list's set */
	const struct cr_buf *content;	/* what is signed, instead of certificates; NULL */
	const char *description;	/* id-ListContentDescription; NULL */
	long signed_at;			/* relative to NOW; 0: now */
};

/* free(). */
static inline uint8_t *pki_make_list(const struct pki_list *l, size_t *len)
{
	ASN1_OBJECT *type = OBJ_txt2obj(l->content_type ? l->content_type : "2.23.136.1.1.2", 1);
	unsigned int flags = CMS_BINARY | CMS_NOSMIMECAP | CMS_NOCERTS | (l->skid ? CMS_USE_KEYID : 0) |
			     (l->pss ? CMS_KEY_PARAM : 0);
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_PARTIAL | CMS_BINARY);
	BIO *in, *out = BIO_new(BIO_s_mem());
	unsigned char *der;
	CMS_SignerInfo *si;
	struct cr_buf b;
	size_t seq, set, i;
	uint8_t *copy;
	char *p;
	int n;

	cr_buf_init(&b);
	seq = cr_tlv_begin(&b, 0x30);
	cr_tlv_put_u8(&b, 0x02, (uint8_t)l->version);
	set = cr_tlv_begin(&b, 0x31);
	if (l->junk)
		cr_tlv_put(&b, 0x30, "\x02\x01\x00", 3);
	for (i = 0; i < l->n; i++) {
		der = NULL;
		n = i2d_X509(l->certs[i], &der);
		cr_buf_put(&b, der, (size_t)n);
		OPENSSL_free(der);
	}
	cr_tlv_end(&b, set);
	if (l->trailing)
		cr_tlv_put_u8(&b, 0x02, 0);
	cr_tlv_end(&b, seq);
	in = l->content ? BIO_new_mem_buf(l->content->data, (int)l->content->len)
			: BIO_new_mem_buf(b.data, (int)b.len);
	CMS_set_detached(cms, 0);
	CMS_set1_eContentType(cms, type);
	si = CMS_add1_signer(cms, l->signer, l->key, EVP_get_digestbyname(l->md ? l->md : "SHA256"), flags);
	if (l->pss) {
		EVP_PKEY_CTX_set_rsa_padding(CMS_SignerInfo_get0_pkey_ctx(si), RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(CMS_SignerInfo_get0_pkey_ctx(si), RSA_PSS_SALTLEN_DIGEST);
	}
	if (l->signed_at) {
		ASN1_TIME *t = ASN1_TIME_set(NULL, NOW + l->signed_at);

		CMS_signed_add1_attr_by_NID(si, NID_pkcs9_signingTime, t->type, t, -1);
		ASN1_TIME_free(t);
	}
	if (l->description)
		CMS_signed_add1_attr_by_txt(si, "0.4.0.127.0.7.3.1.6", V_ASN1_UTF8STRING, l->description,
					    (int)strlen(l->description));
	if (!l->no_cert)
		CMS_add1_cert(cms, l->signer);
	if (l->more)
		CMS_add1_cert(cms, l->more);
	CMS_final(cms, in, NULL, CMS_BINARY);
	if (l->pem)
		PEM_write_bio_CMS_stream(out, cms, NULL, 0);
	else
		i2d_CMS_bio(out, cms);
	n = (int)BIO_get_mem_data(out, &p);
	copy = malloc((size_t)n);
	memcpy(copy, p, (size_t)n);
	*len = (size_t)n;
	cr_buf_free(&b);
	BIO_free(in);
	BIO_free(out);
	CMS_ContentInfo_free(cms);
	ASN1_OBJECT_free(type);
	return copy;
}

#endif
