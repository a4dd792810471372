// SPDX-License-Identifier: BSD-2-Clause
/*
 * A PC/SC program that knows nothing of cardring: PINs by the reader's keypad as PC/SC part 10 has it.
 *
 *   pinpad_pcsc NAME features              of the reader whose name has NAME in it: its features, and their answers
 *   pinpad_pcsc NAME verify|modify HEX     FEATURE_VERIFY_PIN_DIRECT or FEATURE_MODIFY_PIN_DIRECT with this structure
 *
 * Prints what came back in hexadecimal digits, or the error's name. Exit 0 if something came back.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <winscard.h>
#include <reader.h>

static SCARDCONTEXT context;
static SCARDHANDLE card;

static int failed(const char *what, LONG rc)
{
	printf("%s: %s\n", what, pcsc_stringify_error(rc));
	return 1;
}

static void print(const char *what, const unsigned char *p, DWORD n)
{
	printf("%s", what);
	while (n--)
		printf("%02X", *p++);
	printf("\n");
}

static LONG connect_to(const char *name)
{
	char names[8192];
	DWORD len = sizeof(names), protocol;
	LONG rc = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);

	if (!rc)
		rc = SCardListReaders(context, NULL, names, &len);
	if (rc)
		return rc;
	for (char *r = names; *r; r += strlen(r) + 1)
		if (strstr(r, name))
			return SCardConnect(context, r, SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card,
					    &protocol);
	return SCARD_E_UNKNOWN_READER;
}

/* The code of a feature; 0: the reader has not got it. */
static DWORD code_of(const unsigned char *tlv, DWORD n, unsigned int feature)
{
	uint32_t code;

	for (; n >= 6 && tlv[1] == 4; tlv += 6, n -= 6)
		if (tlv[0] == feature) {
			memcpy(&code, tlv + 2, 4);
			return ntohl(code);
		}
	return 0;
}

static LONG ask(DWORD code, const unsigned char *in, DWORD in_len, unsigned char *out, DWORD size, DWORD *n)
{
	*n = 0;
	return SCardControl(card, code, in, in_len, out, size, n);
}

static int features(const unsigned char *tlv, DWORD n)
{
	static const struct { unsigned int feature; const char *name; } told[] = {
		{ FEATURE_IFD_PIN_PROPERTIES, "pin properties " }, { FEATURE_GET_TLV_PROPERTIES, "properties " },
	};
	unsigned char out[256];
	DWORD got;
	LONG rc;

	printf("features");
	for (DWORD i = 0; i + 6 <= n; i += 6)
		printf(" %02X", tlv[i]);
	printf("\n");
	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
		DWORD code = code_of(tlv, n, told[i].feature);

		if (!code)
			continue;
		rc = ask(code, NULL, 0, out, sizeof(out), &got);
		if (rc)
			return failed(told[i].name, rc);
		print(told[i].name, out, got);
	}
	return 0;
}

static int run(int argc, char **argv)
{
	unsigned char tlv[256], in[512], out[300];
	DWORD n, got, len = 0, code;
	unsigned int byte;
	LONG rc = ask(CM_IOCTL_GET_FEATURE_REQUEST, NULL, 0, tlv, sizeof(tlv), &n);

	if (rc)
		return failed("features", rc);
	if (argc < 4)
		return features(tlv, n);
	for (const char *h = argv[3]; len < sizeof(in) && sscanf(h, "%2x", &byte) == 1; h += 2) {
		in[len++] = (unsigned char)byte;
		if (!h[1])
			break;
	}
	code = code_of(tlv, n, argv[2][0] == 'm' ? FEATURE_MODIFY_PIN_DIRECT : FEATURE_VERIFY_PIN_DIRECT);
	if (!code) {
		printf("no such feature\n");
		return 1;
	}
	rc = ask(code, in, len, out, sizeof(out), &got);
	if (rc)
		return failed(argv[2], rc);
	print("", out, got);
	return 0;
}

int main(int argc, char **argv)
{
	LONG rc;
	int result;

	if (argc < 3) {
		fprintf(stderr, "usage: pinpad_pcsc NAME features|verify|modify [HEX]\n");
		return 2;
	}
	rc = connect_to(argv[1]);
	if (rc)
		return failed("connect", rc);
	result = run(argc, argv);
	SCardDisconnect(card, SCARD_LEAVE_CARD);
	SCardReleaseContext(context);
	return result;
}
