/* SPDX-License-Identifier: BSD-2-Clause */
#include "signer_form.h"

#include <stdbool.h>
#include <string.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include "eid/rule.h"

/* RFC 5280, 4.1.2.5: through 2049 in UTCTime. */
static bool is_time(const ASN1_TIME *t)
{
	return ASN1_STRING_type(t) != V_ASN1_GENERALIZEDTIME ||
	       (ASN1_STRING_length(t) >= 4 && memcmp(ASN1_STRING_get0_data(t), "2050", 4) >= 0);
}

static bool is_key_usage_critical(X509 *signer)
{
	int at = X509_get_ext_by_NID(signer, NID_key_usage, -1);

	return at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(signer, at));
}

const char *cr_signer_form(X509 *signer)
{
	if (!CR_RULE(signer_version, X509_get_version(signer) == X509_VERSION_3))
		return "the signer's certificate is not of version 3";
	if (!CR_RULE(signer_times, is_time(X509_get0_notBefore(signer)) && is_time(X509_get0_notAfter(signer))))
		return "the signer's certificate has its validity in the wrong kind of time";
	if (!CR_RULE(signer_authority_key, X509_get0_authority_key_id(signer)))
		return "the signer's certificate does not identify the key that signed it";
	if (!CR_RULE(signer_key_usage_critical, is_key_usage_critical(signer)))
		return "the signer's certificate does not say what its key is for, as critical";
	return NULL;
}
