// SPDX-License-Identifier: BSD-2-Clause
/*
 * A card and a reader that mean harm: an ATR, then answers, one after another, to what each machine of ccid/ sends;
 * and a host that does, to the virtual card's own. An answer is a byte of length and so many bytes. Everything ends,
 * within its room.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cardring/error.h>
#include "ccid/chain.h"
#include "ccid/pps.h"
#include "ccid/shorten.h"
#include "ccid/t0.h"
#include "ccid/t1.h"
#include "contact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS_MAX	4000	/* more than any machine takes for a response of this room */
#define ROOM		600

struct answers {
	const uint8_t *p;
	size_t n;
	uint8_t last[300];
	size_t last_len;
};

/* The next; when there are no more, the last for ever. */
static size_t next(struct answers *a, const uint8_t **out)
{
	if (a->n) {
		size_t len = *a->p++;

		a->n--;
		if (len > a->n)
			len = a->n;
		memcpy(a->last, a->p, len);
		a->last_len = len;
		a->p += len;
		a->n -= len;
	}
	*out = a->last;
	return a->last_len;
}

static void step(unsigned int *steps)
{
	if (++*steps > STEPS_MAX)
		abort();
}

/* A right epilogue on the answer, or nothing would get past it. */
static size_t seal(uint8_t *out, const uint8_t *in, size_t len)
{
	if (len > CR_T1_BLOCK_MAX - 1)
		len = CR_T1_BLOCK_MAX - 1;
	memcpy(out, in, len);
	out[len] = 0;
	for (size_t i = 0; i < len; i++)
		out[len] ^= in[i];
	return len + 1;
}

static void fuzz_t1(struct answers a, const uint8_t *cmd, size_t len, uint8_t *rsp)
{
	const struct cr_t1_params params = { .ifsc = 32, .ifsd = len & 1 ? 254 : 0, .inf_max = 254 };
	struct cr_t1 t;

	cr_t1_reset(&t, &params);
	for (int apdu = 0; apdu < 3; apdu++) {
		unsigned int steps = 0;
		int more = cr_t1_begin(&t, cmd, len, rsp, ROOM) ? 0 : 1;

		while (more > 0) {
			uint8_t block[CR_T1_BLOCK_MAX], answer[CR_T1_BLOCK_MAX];
			const uint8_t *in;
			size_t n = next(&a, &in);

			step(&steps);
			if (cr_t1_block(&t, block) > sizeof(block) || block[2] == 255)
				abort();
			more = n ? cr_t1_answer(&t, answer, seal(answer, in, n)) : cr_t1_no_answer(&t, CR_E_CARD_MUTE);
			if (t.len > ROOM)
				abort();
		}
	}
}

static void fuzz_t0(struct answers a, const uint8_t *cmd, size_t len, uint8_t *rsp)
{
	unsigned int steps = 0;
	struct cr_t0 t;
	int more = cr_t0_begin(&t, cmd, len, rsp, ROOM) ? 0 : 1;

	while (more > 0) {
		uint8_t tpdu[CR_T0_TPDU_MAX];
		const uint8_t *in;
		size_t n = next(&a, &in);

		step(&steps);
		if (cr_t0_tpdu(&t, tpdu) > sizeof(tpdu))
			abort();
		more = cr_t0_answer(&t, in, n);
	}
}

static void fuzz_shorten(struct answers a, const uint8_t *cmd, size_t len, uint8_t *rsp, uint8_t capabilities)
{
	/* a reader of 64-byte messages, or any other */
	const struct cr_short_terms terms = { capabilities, len & 1, len & 2 ? 49 : 255, len & 2 ? 52 : 256 };
	unsigned int steps = 0;
	struct cr_shorten s;
	int more = cr_shorten_begin(&s, cmd, len, rsp, ROOM, &terms) ? 0 : 1;

	while (more > 0) {
		uint8_t apdu[CR_SHORT_APDU_MAX];
		const uint8_t *in;
		size_t n = next(&a, &in);

		step(&steps);
		if (!cr_shorten_apdu(&s, apdu))
			abort();
		more = cr_shorten_answer(&s, in, n);
	}
}

static void fuzz_chain(struct answers a, const uint8_t *cmd, size_t len, uint8_t *rsp)
{
	unsigned int steps = 0;
	struct cr_ccid_chain c;
	int more = cr_ccid_chain_begin(&c, cmd, len, rsp, ROOM, 54) ? 0 : 1;

	while (more > 0) {
		const uint8_t *in, *out;
		size_t n = next(&a, &in);
		uint16_t level;

		step(&steps);
		if (cr_ccid_chain_message(&c, &out, &level) > 54)
			abort();
		more = n ? cr_ccid_chain_answer(&c, in + 1, n - 1, in[0]) : cr_ccid_chain_answer(&c, in, 0, 0);
	}
}

static void fuzz_terms(const uint8_t *atr, size_t len, struct answers a)
{
	struct cr_reader_can can = { .features = 0x38, .clock_khz = 4000, .max_rate = 344086 };
	uint8_t pps[CR_PPS_MAX], params[7];
	struct cr_terms terms;
	struct cr_atr parsed;
	const uint8_t *in;

	if (cr_atr_parse(atr, len, &parsed))
		return;
	cr_atr_capabilities(&parsed);
	if (!parsed.ifsc || parsed.ifsc == 255)
		abort();
	if (cr_terms_choose(&terms, &parsed, &can, CR_RATE_ANY))
		return;
	if (cr_pps_request(&terms, pps) > sizeof(pps) || cr_terms_parameters(&terms, &parsed, params) > sizeof(params))
		abort();
	len = next(&a, &in);
	cr_pps_confirm(&terms, in, len);
}

static size_t app(void *arg, const uint8_t *cmd, size_t len, uint8_t *rsp, size_t size)
{
	size_t n = len < ROOM ? len : ROOM;

	memcpy(rsp, cmd, n);
	memcpy(rsp + n, "\x90\0", 2);
	return n + 2;
}

static void fuzz_contact(struct answers a, bool t0)
{
	const struct sim_contact_config cfg = { .t0_too = t0, .ta1 = 0x95, .envelope = true, .chaining = true,
						.t1 = { .ask_ifsc = 100, .wtx = t0 } };
	const struct sim_contact_app application = { .apdu = app };
	struct sim_contact *c = sim_contact_new(&cfg, &application);
	size_t len;

	if (!c)
		return;
	sim_contact_reset(c, &len);
	while (a.n) {
		uint8_t block[CR_T1_BLOCK_MAX], out[300];
		const uint8_t *in;
		size_t n = next(&a, &in);

		n = t0 ? sim_contact_exchange(c, in, n, out, sizeof(out)) :
			 sim_contact_exchange(c, block, seal(block, in, n), out, sizeof(out));
		if (n > sizeof(out))
			abort();
	}
	sim_contact_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct answers a = { .p = data, .n = size };
	uint8_t *cmd, *rsp = malloc(ROOM);
	const uint8_t *in;
	size_t len;

	len = next(&a, &in);
	cmd = malloc(len + 1);
	if (cmd && rsp) {
		memcpy(cmd, in, len);
		fuzz_t1(a, cmd, len, rsp);
		fuzz_t0(a, cmd, len, rsp);
		fuzz_shorten(a, cmd, len, rsp, size ? data[size - 1] : 0);
		fuzz_chain(a, cmd, len, rsp);
		fuzz_terms(cmd, len, a);
		fuzz_contact(a, false);
		fuzz_contact(a, true);
	}
	free(cmd);
	free(rsp);
	return 0;
}
