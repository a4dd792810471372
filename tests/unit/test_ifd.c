// SPDX-License-Identifier: BSD-2-Clause
/* pcscd's handler, as pcscd calls it, over a reader in memory in the module's place. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "reader/softring.h"

#define LUN	0
#define NODE	"/dev/cardring0"
#define SOON_MS	2000	/* what is to be known at once is known by then */

static const uint8_t atr_t0[] = { 0x3b, 0x00 };
static cr_softreader_t *card_reader;
static unsigned int level = CARDRING_LEVEL_SHORT_APDU;
static uint32_t payload = 271;

/* Commands that take until they are let go on; each has more to give. */
static struct {
	bool on;
	sem_t came, go;
	unsigned int commands;
} slow;

static int exec(void *arg, struct cr_soft_cmd *cmd)
{
	if (cmd->op == CARDRING_OP_XFER && slow.on) {
		slow.commands++;
		sem_post(&slow.came);
		sem_wait(&slow.go);
		memcpy(cmd->rx, "\x61\x05", cmd->rx_len = 2);
		return 0;
	}
	if (cmd->op != CARDRING_OP_POWER_ON)
		return cmd->op == CARDRING_OP_POWER_OFF ? 0 : -EOPNOTSUPP;
	memcpy(cmd->rx, atr_t0, cmd->rx_len = sizeof(atr_t0));
	return 0;
}

static const struct cr_soft_ops reader_ops = { .exec = exec };

static int node_list(struct cr_reader_info *out, size_t max)
{
	if (max) {
		memset(out, 0, sizeof(*out));
		strcpy(out->path, NODE);
		strcpy(out->backend, "kernel");
	}
	return 1;
}

static int node_owns(const char *path)
{
	return !strcmp(path, NODE);
}

static int node_open(const char *path, const struct cr_ring_params *params, cr_ring_t **ring,
		     struct cardring_info *info)
{
	info->slots = 1;
	info->level = level;
	info->features = 0xbe;
	info->max_payload = payload;
	return cr_softreader_open(card_reader, params, ring);
}

const struct cr_backend cr_backend_kernel = {
	.name = "kernel", .list = node_list, .owns = node_owns, .open = node_open,
};

#include "../../userspace/ifd/ifd_control.c"
#include "../../userspace/ifd/ifdhandler.c"

static UCHAR atr[MAX_ATR_SIZE];

static int begin(void **state)
{
	const struct cardring_info dev = { .slots = 1, .busy_slots = 1, .max_payload = 271 };

	assert_int_equal(cr_softreader_new(&dev, &reader_ops, NULL, &card_reader), 0);
	cr_softreader_card(card_reader, 0, true);
	assert_int_equal(IFDHCreateChannelByName(LUN, (char *)NODE), IFD_SUCCESS);
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_PRESENT);
	return 0;
}

static int end(void **state)
{
	assert_int_equal(IFDHCloseChannel(LUN), IFD_SUCCESS);
	cr_softreader_unref(card_reader);
	return 0;
}

static void power_up_is(RESPONSECODE want)
{
	DWORD len = sizeof(atr);

	assert_int_equal(IFDHPowerICC(LUN, IFD_POWER_UP, atr, &len), want);
	assert_int_equal(len, want == IFD_SUCCESS ? sizeof(atr_t0) : 0);
}

static void change_card(void)
{
	cr_softreader_card(card_reader, 0, false);
	cr_softreader_card(card_reader, 0, true);
}

static bool slot_is_free(void)
{
	cr_ring_t *other;
	int err;

	assert_int_equal(cr_softreader_open(card_reader, NULL, &other), 0);
	err = cr_ring_claim(other, 0, 0);
	cr_ring_close(other);
	return !err;
}

/* As pcscd's thread for a reader does. */
static RESPONSECODE wait_and_look(int ms)
{
	assert_int_equal(wait_event(LUN, ms), IFD_SUCCESS);
	return IFDHICCPresence(LUN);
}

/* It hears that the card is gone, then that there is one, and waits for nothing meanwhile. */
static void the_change_is_heard_of(void)
{
	int64_t until = cr_card_now() + SOON_MS;

	while (wait_and_look(SOON_MS) != IFD_ICC_NOT_PRESENT)
		assert_true(cr_card_now() < until);
	while (wait_and_look(SOON_MS) != IFD_ICC_PRESENT)
		assert_true(cr_card_now() < until);
}

static void a_card_that_took_anothers_place_is_powered(void **state)
{
	power_up_is(IFD_SUCCESS);
	change_card();
	power_up_is(IFD_SUCCESS);
	power_up_is(IFD_SUCCESS);
	assert_false(slot_is_free());
}

static void a_card_that_is_gone_leaves_the_slot_to_others(void **state)
{
	power_up_is(IFD_SUCCESS);
	assert_false(slot_is_free());
	cr_softreader_card(card_reader, 0, false);
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_NOT_PRESENT);
	assert_true(slot_is_free());
	power_up_is(IFD_ERROR_POWER_ACTION);
}

static void a_change_is_told_of(void **state)
{
	assert_int_equal(wait_and_look(0), IFD_ICC_PRESENT);
	change_card();
	the_change_is_heard_of();
	assert_int_equal(wait_and_look(0), IFD_ICC_PRESENT);
}

static void a_change_is_told_of_whoever_looked_meanwhile(void **state)
{
	assert_int_equal(wait_and_look(0), IFD_ICC_PRESENT);
	cr_softreader_card(card_reader, 0, false);
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_NOT_PRESENT);
	cr_softreader_card(card_reader, 0, true);
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_NOT_PRESENT);
	the_change_is_heard_of();
}

static void a_change_between_wait_and_look_is_told_of(void **state)
{
	assert_int_equal(wait_event(LUN, 0), IFD_SUCCESS);
	change_card();
	assert_int_equal(IFDHICCPresence(LUN), IFD_ICC_NOT_PRESENT);
	change_card();
	the_change_is_heard_of();
}

static void a_card_that_is_put_in_is_told_of(void **state)
{
	cr_softreader_card(card_reader, 0, false);
	assert_int_equal(wait_and_look(0), IFD_ICC_NOT_PRESENT);
	assert_int_equal(wait_and_look(0), IFD_ICC_NOT_PRESENT);
	cr_softreader_card(card_reader, 0, true);
	for (int64_t until = cr_card_now() + SOON_MS; wait_and_look(SOON_MS) != IFD_ICC_PRESENT;)
		assert_true(cr_card_now() < until);
	power_up_is(IFD_SUCCESS);
}

/* PC/SC part 10, 2.6.14: what programs take for the longest that there is. */
static void the_longest_data_is_told_of(void **state)
{
	enum { SHORT = CARDRING_LEVEL_SHORT_APDU, TPDU = CARDRING_LEVEL_TPDU, EXTENDED = CARDRING_LEVEL_EXTENDED_APDU };
	static const struct { unsigned int level; uint32_t payload, most; } t[] = {
		{ SHORT, 271, 0 }, { TPDU, 271, 65536 },
		/* in several messages; in one, of which a buffer takes so much */
		{ EXTENDED, 271, 65536 }, { EXTENDED, 4086, 65536 }, { EXTENDED, 4087, 4084 }, { EXTENDED, 65544, 4084 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint8_t out[128];
		uint32_t most = 1;
		DWORD n;

		level = t[i].level;
		payload = t[i].payload;
		begin(state);
		assert_int_equal(IFDHControl(LUN, CODE(FEATURE_GET_TLV_PROPERTIES), NULL, 0, out, sizeof(out), &n),
				 IFD_SUCCESS);
		for (DWORD k = 0; k + 6 <= n; k += 2 + out[k + 1]) {
			if (out[k] == PCSCv2_PART10_PROPERTY_dwMaxAPDUDataSize)
				most = out[k + 2] | (uint32_t)out[k + 3] << 8 | (uint32_t)out[k + 4] << 16;
		}
		assert_int_equal(most, t[i].most);
		end(state);
	}
	level = SHORT;
	payload = 271;
}

/* ---- closing while it is in use ---- */

static void *transmits(void *arg)
{
	const SCARD_IO_HEADER pci = { .Protocol = 0 };
	UCHAR cmd[] = { 0, 0xb0, 0, 0, 20 }, rsp[300];
	DWORD len = sizeof(rsp);

	*(RESPONSECODE *)arg = IFDHTransmitToICC(LUN, pci, cmd, sizeof(cmd), rsp, &len, NULL);
	return NULL;
}

static void *waits(void *arg)
{
	*(RESPONSECODE *)arg = wait_event(LUN, 10 * SOON_MS);
	return NULL;
}

static void *closes(void *arg)
{
	*(RESPONSECODE *)arg = IFDHCloseChannel(LUN);
	return NULL;
}

static bool is_closing(void)
{
	bool closing;

	pthread_mutex_lock(&lock);
	closing = !luns;
	pthread_mutex_unlock(&lock);
	return closing;
}

static bool ends_soon(pthread_t thread)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SOON_MS / 1000;
	return !pthread_timedjoin_np(thread, NULL, &until);
}

/* The command under way ends before what it works on is freed, and what would follow it is not sent. */
static void a_channel_is_closed_behind_the_command_that_is_under_way(void **state)
{
	RESPONSECODE sent = IFD_SUCCESS, closed = IFD_NOT_SUPPORTED;
	pthread_t sender, closer;

	level = CARDRING_LEVEL_TPDU;
	begin(state);
	power_up_is(IFD_SUCCESS);
	slow.on = true;
	slow.commands = 0;
	assert_int_equal(sem_init(&slow.came, 0, 0) | sem_init(&slow.go, 0, 0), 0);
	assert_int_equal(pthread_create(&sender, NULL, transmits, &sent), 0);
	sem_wait(&slow.came);
	assert_int_equal(pthread_create(&closer, NULL, closes, &closed), 0);
	while (!is_closing())
		sched_yield();
	sem_post(&slow.go);
	sem_post(&slow.go);
	assert_true(ends_soon(sender));
	assert_true(ends_soon(closer));
	assert_int_equal(slow.commands, 1);
	assert_int_equal(sent, IFD_COMMUNICATION_ERROR);
	assert_int_equal(closed, IFD_SUCCESS);
	cr_softreader_unref(card_reader);
	slow.on = false;
	level = CARDRING_LEVEL_SHORT_APDU;
}

static void a_channel_is_closed_behind_the_wait_for_its_events(void **state)
{
	RESPONSECODE waited = IFD_NOT_SUPPORTED;
	pthread_t waiter;

	begin(state);
	assert_int_equal(wait_event(LUN, 0), IFD_SUCCESS);
	assert_int_equal(pthread_create(&waiter, NULL, waits, &waited), 0);
	usleep(50000);
	assert_int_equal(IFDHCloseChannel(LUN), IFD_SUCCESS);
	assert_true(ends_soon(waiter));
	assert_int_equal(waited, IFD_SUCCESS);
	assert_int_equal(wait_event(LUN, 0), IFD_NO_SUCH_DEVICE);
	cr_softreader_unref(card_reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_card_that_took_anothers_place_is_powered, begin, end),
		cmocka_unit_test_setup_teardown(a_card_that_is_gone_leaves_the_slot_to_others, begin, end),
		cmocka_unit_test_setup_teardown(a_change_is_told_of, begin, end),
		cmocka_unit_test_setup_teardown(a_change_is_told_of_whoever_looked_meanwhile, begin, end),
		cmocka_unit_test_setup_teardown(a_change_between_wait_and_look_is_told_of, begin, end),
		cmocka_unit_test_setup_teardown(a_card_that_is_put_in_is_told_of, begin, end),
		cmocka_unit_test(the_longest_data_is_told_of),
		cmocka_unit_test(a_channel_is_closed_behind_the_wait_for_its_events),
		cmocka_unit_test(a_channel_is_closed_behind_the_command_that_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
