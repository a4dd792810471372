// SPDX-License-Identifier: BSD-2-Clause
/* The virtual reader's line to a card with contacts, at TPDU level: protocol, rate, PPS, waiting time. */
#include "vreader_host.h"
#include "contact.h"

#define BLOCK_SELECT	"\0\0\4\0\xA4\0\0\xA0", 8	/* T=1: I(0,0) with SELECT */
#define T1_DEFAULT	"\x11\x10\0\x45\0\xFE\0", 7
#define T1_FAST		"\x95\x10\0\x45\0\xFE\0", 7

static struct vreader *contact_reader(const struct sim_contact_config *contact, uint32_t features)
{
	struct vcard *card = vcard_echo_contact_new(contact);
	struct vreader *v;

	assert_non_null(card);
	v = reader(&(struct vreader_config){ .level = VREADER_TPDU, .protocols = 3, .features = features,
					     .cards = &card });
	power(v, 0);
	return v;
}

static void set_parameters(struct vreader *v, const char *data, size_t len)
{
	put(v, PC_SET_PARAMETERS, 0, 1, data, len);
	assert_int_equal(get(v), 17);
	assert_int_equal(rsp[7], 0);
}

static void another_protocol_or_rate_does_not_get_through(void **state)
{
	const struct sim_contact_config contact = { .ta1 = 0x95 };
	struct vreader *v = contact_reader(&contact, 0x38);

	/* T=0, as the reader is after power-on when nobody tells it */
	assert_int_equal(put(v, PC_XFR_BLOCK, 0, 0, SELECT), VREADER_OUT_TAKEN);
	expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_ICC_MUTE);
	set_parameters(v, T1_FAST);	/* the card has not been told */
	assert_int_equal(put(v, PC_XFR_BLOCK, 0, 0, BLOCK_SELECT), VREADER_OUT_TAKEN);
	expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_ICC_MUTE);
	set_parameters(v, T1_DEFAULT);
	assert_int_equal(xfr(v, 0, BLOCK_SELECT), 16);
	assert_memory_equal(rsp + 10, "\0\0\2\x90\0\x92", 6);
	vreader_free(v);
}

static void pps_is_the_first_thing_or_never(void **state)
{
	const struct sim_contact_config contact = { .ta1 = 0x95 };
	struct vreader *v = contact_reader(&contact, 0x38);

	assert_int_equal(xfr(v, 0, "\xFF\x11\x95\x7B", 4), 14);
	assert_memory_equal(rsp + 10, "\xFF\x11\x95\x7B", 4);
	set_parameters(v, T1_DEFAULT);
	assert_int_equal(put(v, PC_XFR_BLOCK, 0, 0, BLOCK_SELECT), VREADER_OUT_TAKEN);
	expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_ICC_MUTE);
	set_parameters(v, T1_FAST);
	assert_int_equal(xfr(v, 0, BLOCK_SELECT), 16);
	/* a second one is a block that is none: R(1) with an error, not another rate */
	assert_int_equal(xfr(v, 0, "\xFF\x11\x11\xFF", 4), 14);
	assert_memory_equal(rsp + 10, "\0\x91\0\x91", 4);
	vreader_free(v);
}

/* What a PPS must not be, the card does not answer; and after a wrong one there is none. */
static void a_wrong_pps_is_not_answered(void **state)
{
	static const struct { const char *bytes; size_t len; } wrong[] = {
		{ "\xFF\x11\x95\x7A", 4 }, { "\xFF\x11\x97\x79", 4 }, { "\xFF\x11\x85\x6B", 4 },
		{ "\xFF\x10\x95\x7A", 4 }, { "\xFF\x00\xFF", 3 }, { "\xFF\x12\x95\x78", 4 },
		{ "\xFF\x31\x95\x00\x5B", 5 }, { "\xFF\x11\xEE", 3 },
	};
	const struct sim_contact_config contact = { .ta1 = 0x95 };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct vreader *v = contact_reader(&contact, 0x38);

		assert_int_equal(put(v, PC_XFR_BLOCK, 0, 0, wrong[i].bytes, wrong[i].len), VREADER_OUT_TAKEN);
		expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_ICC_MUTE);
		vreader_free(v);
	}
}

/* CCID 1.1, 6.1.4, bBWI */
static void time_that_the_host_does_not_grant_is_not_waited(void **state)
{
	static const char wtx[] = "\0\xE3\1\x05\xE7";
	const struct sim_contact_config contact = { .t1 = { .wtx = 5 } };

	for (unsigned int bwi = 4; bwi <= 6; bwi++) {
		struct vreader *v = contact_reader(&contact, 0x3A);

		assert_int_equal(xfr(v, 0, BLOCK_SELECT), 15);
		assert_memory_equal(rsp + 10, "\0\xC3\1\x05\xC7", 5);
		assert_int_equal(put(v, PC_XFR_BLOCK, 0, bwi, wtx, 5), VREADER_OUT_TAKEN);
		if (bwi < 5) {
			expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_ICC_MUTE);
		} else {
			assert_int_equal(get(v), 16);
			assert_memory_equal(rsp + 10, "\0\0\2\x90\0\x92", 6);
		}
		vreader_free(v);
	}
}

static void a_reader_does_pps_where_it_says_that_it_does(void **state)
{
	const struct sim_contact_config contact = { .ta1 = 0x95 }, mute = { .ta1 = 0x95, .pps_mute = true };
	struct vreader *v = contact_reader(&contact, 0xBA);	/* by the ATR */

	assert_int_equal(xfr(v, 0, BLOCK_SELECT), 16);
	put(v, PC_GET_PARAMETERS, 0, 0, NULL, 0);
	assert_int_equal(get(v), 17);
	assert_memory_equal(rsp + 10, "\x95\x10\0\x45\0\xFE\0", 7);
	vreader_free(v);
	v = contact_reader(&contact, 0xB8);			/* by what it is told */
	set_parameters(v, T1_FAST);
	assert_int_equal(xfr(v, 0, BLOCK_SELECT), 16);
	vreader_free(v);
	v = contact_reader(&mute, 0xB8);
	put(v, PC_SET_PARAMETERS, 0, 1, T1_FAST);
	expect(v, RDR_PARAMETERS, 0x40, CCID_E_PROTOCOL);
	vreader_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_protocol_or_rate_does_not_get_through),
		cmocka_unit_test(pps_is_the_first_thing_or_never),
		cmocka_unit_test(a_wrong_pps_is_not_answered),
		cmocka_unit_test(time_that_the_host_does_not_grant_is_not_waited),
		cmocka_unit_test(a_reader_does_pps_where_it_says_that_it_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
