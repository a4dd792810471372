/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The examiner's own bytes, keys, ciphers and groups, on OpenSSL alone. Neither the library's terminal side nor the
 * virtual card's code is in it: whoever shares code with the one he examines finds no mistake in it.
 *
 * A call into OpenSSL that fails ends the program: it says nothing about the card.
 */
#ifndef CARDEXAM_OWN_H
#define CARDEXAM_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

/* Bytes, as many as any command, answer or certificate has here. */
struct blob {
	size_t n;
	uint8_t b[4096];
};

#define MUST(x) do { if (!(x)) own_die(__FILE__, __LINE__, #x); } while (0)
__attribute__((noreturn)) void own_die(const char *file, int line, const char *what);

void put(struct blob *to, const void *p, size_t n);
void put_byte(struct blob *to, unsigned int v);
/* A data object: tag of one or two bytes, shortest length, value. */
void put_do(struct blob *to, unsigned int tag, const void *p, size_t n);
void put_in(struct blob *to, unsigned int tag, const struct blob *value);

struct part {
	unsigned int tag;
	const uint8_t *p;
	size_t n, total;
};
/* The data object at p, of at most n bytes. False: there is none. */
bool part_at(const uint8_t *p, size_t n, struct part *out);
/* The first one of that tag among those side by side at p. */
bool part_of(const uint8_t *p, size_t n, unsigned int tag, struct part *out);

/* The last arc of the protocols' identifiers. */
enum cipher { C_3DES = 1, C_AES128, C_AES192, C_AES256 };
size_t key_len(enum cipher c);
size_t block_len(enum cipher c);
/* ICAO 9303-11, 9.7.1. */
void kdf(enum cipher c, const void *secret, size_t n, unsigned int counter, uint8_t key[32]);
/* n bytes in whole blocks, in place; iv NULL: zeroes. */
void cbc(enum cipher c, bool encrypt, const uint8_t *key, const uint8_t *iv, uint8_t *p, size_t n);
/* ISO/IEC 9797-1 MAC algorithm 3 over whole blocks; AES: CMAC, eight bytes of it. */
void mac8(enum cipher c, const uint8_t *key, const uint8_t *p, size_t n, uint8_t out[8]);
void pad(struct blob *m, size_t block);		/* 80 00 ... */
void digest(const char *md, const void *p, size_t n, uint8_t *out);

/* Groups. Points uncompressed; numbers of a prime field without leading zeroes. */
struct group {
	EC_GROUP *ec;		/* NULL: a prime field */
	BIGNUM *p, *q, *g;	/* g: of a prime field */
	size_t field;		/* bytes of p */
};
struct elem {
	size_t n;
	uint8_t b[520];
};
void group_open(struct group *g, const char *name);
void group_close(struct group *g);
void elem_generator(const struct group *g, struct elem *out);
BIGNUM *scalar(const struct group *g);
void elem_times(const struct group *g, const struct elem *base, const BIGNUM *k, struct elem *out);
void elem_and(const struct group *g, const struct elem *a, const struct elem *b, struct elem *out);
/* What two sides agree on: x-coordinate or number, g->field bytes. */
void elem_secret(const struct group *g, const struct elem *e, uint8_t *out);
/* TR-03110-3, A.2.2.3. */
void elem_short(const struct group *g, const struct elem *e, struct blob *out);

EVP_PKEY *new_key(const char *kind);	/* a curve's name, or "RSA-2048" */
bool is_rsa(const EVP_PKEY *key);
/* TR-03110-3, A.6.4: ECDSA-SHA-256 as r || s, or RSA-v1-5-SHA-256. */
void sign(EVP_PKEY *key, const void *p, size_t n, struct blob *out);

#endif
