// SPDX-License-Identifier: BSD-2-Clause
/* The table of real readers, and the virtual reader as each of them. */
#include <stdio.h>
#include <unistd.h>
#include <cardring/error.h>
#include "vreader_host.h"
#include "drawer.h"

#define TABLE "tests/data/readers.tsv"

static struct drawer *load(void)
{
	struct drawer *d;
	unsigned int line;

	assert_int_equal(drawer_load(TABLE, &d, &line), 0);
	return d;
}

static const struct drawer_interface *find(const struct drawer *d, const char *name)
{
	size_t i = drawer_find(d, name);

	assert_true(i < d->n);
	return &d->interface[i];
}

static void table_has_every_interface_of_every_level(void **state)
{
	struct drawer *d = load();
	unsigned int level[8] = { 0 };

	/* counted in the dumps */
	assert_int_equal(d->n, 773);
	for (size_t i = 0; i < d->n; i++)
		level[d->interface[i].config.level]++;
	assert_int_equal(level[VREADER_CHARACTER], 6);
	assert_int_equal(level[VREADER_TPDU], 278);
	assert_int_equal(level[VREADER_SHORT], 194);
	assert_int_equal(level[VREADER_EXTENDED], 295);
	drawer_free(d);
}

static void class_descriptor_is_the_readers_own(void **state)
{
	/* as the dump of ACR122U says it field by field */
	static const uint8_t acr122u[54] = {
		0x36, 0x21, 0x00, 0x01, 0x00, 0x07, 0x03, 0, 0, 0, 0xA0, 0x0F, 0, 0, 0xA0, 0x0F, 0, 0, 0,
		0x00, 0x2A, 0, 0, 0x90, 0xD0, 0x03, 0, 0, 0xF7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0x30, 0x00, 0x01, 0x00, 0x0F, 0x01, 0, 0, 0, 0, 0, 0, 0, 1,
	};
	struct drawer *d = load();
	const struct drawer_interface *i = find(d, "ACR122U");
	struct vreader *v = reader(&i->config);
	uint8_t desc[80];

	assert_int_equal(vreader_class_desc(v, desc, sizeof(desc)), 54);
	assert_memory_equal(desc, acr122u, 54);
	assert_int_equal(i->config.vid, 0x072F);
	assert_int_equal(i->config.pid, 0x90CC);
	assert_string_equal(i->config.product, "CCID USB Reader");
	vreader_free(v);
	drawer_free(d);
}

static void oddities_are_kept(void **state)
{
	struct drawer *d = load();
	const struct drawer_interface *i = find(d, "DellSK-3106");

	assert_int_equal(i->config.interface_number, 1);
	assert_int_equal(i->config.interface_class, 0xFF);
	assert_int_equal(i->config.interface_subclass, 92);
	assert_int_equal(i->class_desc[1], 0xFF);
	i = find(d, "e-gate");
	assert_true(i->config.no_bulk && i->config.no_interrupt);
	i = find(d, "KEBTechnology_KONA_USB_SmartCard");
	assert_true(i->config.no_bulk && !i->config.no_interrupt);
	i = find(d, "Fsij_gnuk");
	assert_int_equal(i->config.pid, 0);
	assert_int_equal(i->config.max_message, 64);
	assert_true(i->config.no_interrupt && !i->config.no_bulk);
	i = find(d, "DC_DC4_5CCID_READER");
	assert_int_equal(drawer_device(d, (size_t)(i - d->interface)), 4);
	assert_int_equal(i[0].config.interface_number, 2);
	assert_int_equal(i[1].config.interface_number, 0);
	i = find(d, "SCR3310-NTTCom");	/* its list stands in the head of the table */
	assert_int_equal(i->config.nrates, 96);
	assert_int_equal(i->config.rates[95], 78125);
	assert_int_equal(i->config.nclocks, 5);
	assert_int_equal(i->config.clocks[0], 4000);
	drawer_free(d);
}

/* Power on as dwFeatures and bVoltageSupport have it. */
static void power_declared(struct vreader *v)
{
	const struct vreader_config *c = vreader_cfg(v);
	unsigned int select = 0;

	if (!(c->features & 0x08))
		while (!(c->voltage >> select++ & 1))
			;
	put(v, PC_ICC_POWER_ON, 0, select, NULL, 0);
}

static void every_reader_works_at_its_level(void **state)
{
	static const char beyond_short[300] = { 0, (char)0x88, 0, 0, 0, 1, 0 };
	struct drawer *d = load();

	for (size_t i = 0; i < d->n; i++) {
		const struct vreader_config *c = &d->interface[i].config;
		struct vreader *v = reader(c);
		bool t1_alone = c->level == VREADER_TPDU && !(c->protocols & 1);

		power_declared(v);
		if (t1_alone && c->features & 0xC2) {
			expect(v, RDR_DATA_BLOCK, 0x41, CCID_E_PROTOCOL);
		} else {
			assert_true(get(v) > 12);
			assert_int_equal(rsp[7], 0);
			if (c->level == VREADER_CHARACTER) {
				put(v, PC_XFR_BLOCK, 0, 0, READ16);
				expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_UNSUPPORTED);
			} else if (!t1_alone) {
				assert_int_equal(xfr(v, 0, READ16), 28);
			}
			if (c->level == VREADER_TPDU) {	/* no Le beside Lc */
				assert_int_equal(xfr(v, 0, "\0\x88\0\0\2ab", 7), 12);
				assert_memory_equal(rsp + 10, "\x61\2", 2);
			} else if (c->level != VREADER_CHARACTER) {
				assert_int_equal(xfr(v, 0, "\0\x88\0\0\2ab\0", 8), 14);
				assert_memory_equal(rsp + 10, "ab\x90\0", 4);
			}
			if ((c->level == VREADER_TPDU || c->level == VREADER_SHORT) && c->max_message >= 310) {
				put(v, PC_XFR_BLOCK, 0, 0, beyond_short, sizeof(beyond_short));
				expect(v, RDR_DATA_BLOCK, 0x40, CCID_E_LENGTH);
			}
		}
		put(v, PC_GET_SLOT_STATUS, c->slots - 1, 0, NULL, 0);
		assert_int_equal(get(v), 10);
		put(v, PC_GET_SLOT_STATUS, c->slots, 0, NULL, 0);
		assert_int_equal(get(v), 10);
		assert_int_equal(rsp[8], CCID_E_SLOT);
		vreader_free(v);
	}
	drawer_free(d);
}

/* Writes a table of one reader, field k replaced, and loads it: what drawer_load says. */
static int load_with(int k, const char *value, const char *before, unsigned int *line)
{
	static const char *const good[37] = {
		"X", "0", "0x1234", "0x5678", "0x0100", "-", "-", "-", "0x0B", "0", "0", "3", "0x21", "0x0110", "0x00",
		"0x07", "0x00000003", "4000", "4000", "0", "-", "10752", "344086", "0", "-", "254", "0", "0", "0x00010030",
		"271", "0", "0", "0", "0", "1", "tpdu", "-",
	};
	char name[] = "/tmp/cardring-drawer.XXXXXX";
	FILE *f = fdopen(mkstemp(name), "w");
	struct drawer *d;
	int err;

	assert_non_null(f);
	fprintf(f, "# a table\n%s", before);
	for (int i = 0; i < 37; i++)
		fprintf(f, "%s%s", i == k ? value : good[i], i < 36 ? "\t" : "\n");
	fclose(f);
	err = drawer_load(name, &d, line);
	unlink(name);
	drawer_free(d);
	return err;
}

static void table_that_is_none_is_refused_with_its_line(void **state)
{
	static const struct { int field; const char *value; } bad[] = {
		{ 0, "" }, { 1, "32" }, { 2, "0x12345" }, { 2, "" }, { 2, "-1" }, { 2, "12 " }, { 8, "x" }, { 11, "4" },
		{ 14, "0x20" }, { 20, "1,,2" }, { 20, "@2" }, { 20, "@0" }, { 20, "@" }, { 24, "1,4294967296" },
		{ 28, "0x00030000" }, { 28, "0x100000000" }, { 29, "9" }, { 29, "1048577" }, { 36, "a\tb" },
	};
	unsigned int line;
	struct drawer *d;

	assert_int_equal(load_with(-1, NULL, "", &line), 0);
	assert_int_equal(load_with(20, "@1", "@1\t4000,4800\n", &line), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(load_with(bad[i].field, bad[i].value, "@1\t1\n", &line), CR_E_MALFORMED);
		assert_int_equal(line, 3);
	}
	assert_int_equal(load_with(-1, NULL, "@2\t1\n", &line), CR_E_MALFORMED);
	assert_int_equal(line, 2);
	assert_int_equal(load_with(-1, NULL, "few\tfields\n", &line), CR_E_MALFORMED);
	assert_int_equal(line, 2);
	assert_int_equal(drawer_load("/nonexistent/table", &d, &line), CR_E_NOT_FOUND);
	assert_int_equal(drawer_load("/", &d, &line), CR_E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_has_every_interface_of_every_level),
		cmocka_unit_test(class_descriptor_is_the_readers_own),
		cmocka_unit_test(oddities_are_kept),
		cmocka_unit_test(every_reader_works_at_its_level),
		cmocka_unit_test(table_that_is_none_is_refused_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
