// SPDX-License-Identifier: BSD-2-Clause
/*
 * cardring's readers for pcscd: an IFD handler (pcsc-lite, ifdhandler.h, version 3), so that every
 * PC/SC program goes on working while the module has the readers.
 *
 * A slot is claimed only while pcscd has its card powered, which is as long as a program uses it and
 * a few seconds more: in between other programs may open the reader themselves. Cards are told of by
 * the module's events; nothing is polled.
 *
 * pcscd's thread for a reader waits for an event, looks whether there is a card, and waits again; its other threads look
 * too, before they power one. A card that took another's place must be told as gone to that thread, or its programs
 * go on with the one they had. So whoever looks is told so, until that thread has looked between two of its waits.
 *
 * A Lun is a slot: pcscd serialises what it does with one, but for the thread that waits for events, and for closing it:
 * a reader that is unplugged is closed whatever is under way. So whoever uses one is counted, and it is freed behind the
 * last, who is told to make an end.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <PCSC/ifdhandler.h>
#include <PCSC/reader.h>
#include <cardring/card.h>
#include <cardring/reader.h>
#include "ifd_control.h"
#include "reader/card_int.h"

#define CLAIM_MS	500	/* how long another holder of the slot is waited for */
#define READERS		255	/* this handler sets no limit; the tag takes a byte */
#define EXPORT		__attribute__((visibility("default")))

/* pcscd's own, where it is pcscd that loads us. */
extern void log_msg(const int priority, const char *fmt, ...) __attribute__((weak, format(printf, 2, 3)));
enum { LOG_INFO = 1, LOG_ERROR = 2 };	/* pcsc-lite, debuglog.h */
#define say(priority, ...) do { if (log_msg) log_msg(priority, "cardring: " __VA_ARGS__); } while (0)

struct lun {
	struct lun *next;
	DWORD number;
	struct cr_reader_info info;
	cr_ring_t *watch;	/* for the slot's state and events; claims nothing */
	int stop;		/* eventfd that ends the wait for them */
	bool told;		/* pcscd was told last that there is a card */
	_Atomic uint64_t known;	/* the generation that pcscd knows of: another one is told as gone */
	bool looks;		/* pcscd's thread has been sent to look, and sees none */
	cr_card_t *card;	/* NULL: not powered */
	UCHAR atr[MAX_ATR_SIZE];
	size_t atr_len;
	unsigned int users;	/* with the lock */
	volatile int closing;	/* ends what the card is asked */
};

static struct lun *luns;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* the list; what is in it is pcscd's to serialise */
static pthread_cond_t unused = PTHREAD_COND_INITIALIZER;

/* The Lun of that number, or NULL; it stays until it is left. */
static struct lun *find(DWORD number)
{
	struct lun *l;

	pthread_mutex_lock(&lock);
	for (l = luns; l && l->number != number; l = l->next)
		;
	if (l)
		l->users++;
	pthread_mutex_unlock(&lock);
	return l;
}

static void leave(struct lun **l)
{
	if (!*l)
		return;
	pthread_mutex_lock(&lock);
	if (!--(*l)->users)
		pthread_cond_broadcast(&unused);
	pthread_mutex_unlock(&lock);
}

/* Of a variable: it is left where its function ends, wherever that is. */
#define LEFT	__attribute__((cleanup(leave)))

/* enum cr_error as pcscd has it. */
static RESPONSECODE code(int err)
{
	switch (err) {
	case 0:
		return IFD_SUCCESS;
	case CR_E_READER_GONE:
	case CR_E_NO_READER:
		return IFD_NO_SUCH_DEVICE;
	case CR_E_NO_CARD:
	case CR_E_CARD_GONE:
		return IFD_ICC_NOT_PRESENT;
	case CR_E_TIMEOUT:
		return IFD_RESPONSE_TIMEOUT;
	case CR_E_TOO_LONG:
		return IFD_ERROR_INSUFFICIENT_BUFFER;
	case CR_E_UNSUPPORTED:
		return IFD_NOT_SUPPORTED;
	}
	return IFD_COMMUNICATION_ERROR;
}

/* ---- channels ---- */

/* Is there a card in the slot, and which? 0 or -errno. */
static int look(struct lun *l, bool *there, uint64_t *generation)
{
	struct cardring_slot slot = { .slot = l->info.slot };
	int err = l->watch->ops->slot(l->watch, &slot);

	*there = !err && (slot.state == CARDRING_SLOT_PRESENT || slot.state == CARDRING_SLOT_POWERED);
	*generation = slot.generation;
	return err < 0 ? err : 0;
}

/* "usb:VVVV/PPPP:libudev:INTERFACE:/dev/bus/usb/BBB/DDD", pcscd's hotplug, or a node. */
static bool is_meant(const struct cr_reader_info *r, const char *name, unsigned int slot)
{
	unsigned int interface, bus, device;

	if (strcmp(r->backend, "kernel") || r->slot != slot)
		return false;
	if (!strncmp(name, "/dev/cardring", 13))
		return !strcmp(r->path, name);
	return sscanf(name, "usb:%*x/%*x:libudev:%u:/dev/bus/usb/%u/%u", &interface, &bus, &device) == 3 &&
	       r->dev.interface_number == interface && r->dev.busnum == bus && r->dev.devnum == device;
}

static int find_reader(const char *name, unsigned int slot, struct cr_reader_info *out)
{
	struct cr_reader_info *list;
	int n, err = cr_backend_use(cr_backend_kernel.name);

	/* not pcscd's own, which waits for us */
	n = err ? err : cr_reader_list(&list);
	if (n < 0)
		return n;
	err = CR_E_NO_READER;
	for (int i = 0; i < n; i++) {
		if (is_meant(&list[i], name, slot)) {
			*out = list[i];
			err = list[i].error;
			break;
		}
	}
	free(list);
	return err;
}

static void lun_free(struct lun *l)
{
	cr_card_close(l->card);
	cr_ring_close(l->watch);
	if (l->stop >= 0)
		close(l->stop);
	explicit_bzero(l, sizeof(*l));
	free(l);
}

/*
 * A reader that the module does not have is another handler's affair: any answer but
 * IFD_NO_SUCH_DEVICE lets pcscd ask the next one.
 */
EXPORT RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName)
{
	const struct cr_ring_params least = { .entries = 8, .buffers = 1, .buf_size = 64 };
	struct lun *l = calloc(1, sizeof(*l));
	uint64_t generation;
	bool there;
	int err;

	if (!l)
		return IFD_COMMUNICATION_ERROR;
	l->number = Lun;
	l->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	err = l->stop < 0 ? CR_E_NOMEM : find_reader(DeviceName, Lun & 0xffff, &l->info);
	if (!err)
		err = cr_backend_kernel.open(l->info.path, &least, &l->watch, &l->info.dev);
	if (!err && look(l, &there, &generation))
		err = CR_E_READER_GONE;
	if (err) {
		say(LOG_INFO, "%s is not taken: %s", DeviceName, cr_strerror(err));
		lun_free(l);
		return IFD_COMMUNICATION_ERROR;
	}
	l->known = generation;
	say(LOG_INFO, "%s is %s, slot %u", DeviceName, l->info.path, l->info.slot);
	pthread_mutex_lock(&lock);
	l->next = luns;
	luns = l;
	pthread_mutex_unlock(&lock);
	return IFD_SUCCESS;
}

/* Serial readers have channels by number; ours have names. */
EXPORT RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel)
{
	char node[32];

	snprintf(node, sizeof(node), "/dev/cardring%lu", (unsigned long)Channel);
	return IFDHCreateChannelByName(Lun, node);
}

EXPORT RESPONSECODE IFDHCloseChannel(DWORD Lun)
{
	struct lun **p, *l;

	pthread_mutex_lock(&lock);
	for (p = &luns; *p && (*p)->number != Lun; p = &(*p)->next)
		;
	l = *p;
	if (l) {
		*p = l->next;
		l->closing = 1;
		eventfd_write(l->stop, 1);
		while (l->users)
			pthread_cond_wait(&unused, &lock);
	}
	pthread_mutex_unlock(&lock);
	if (!l)
		return IFD_COMMUNICATION_ERROR;
	lun_free(l);
	return IFD_SUCCESS;
}

/* ---- is there a card? ---- */

static void forget_card(struct lun *l)
{
	cr_card_close(l->card);
	l->card = NULL;
	explicit_bzero(l->atr, sizeof(l->atr));
	l->atr_len = 0;
}

static void drain(cr_ring_t *ring)
{
	while (cr_ring_peek(ring))
		cr_ring_seen(ring);
}

/* For pcscd's thread. Is there a card that it does not know of? Then it looks twice, at none and at this one. */
static bool must_look(struct lun *l)
{
	uint64_t generation;
	bool there;

	if (look(l, &there, &generation) || !there || generation == l->known) {
		l->looks = false;
		return false;
	}
	if (l->looks)
		l->known = generation;
	l->looks = !l->looks;
	return true;
}

/* Until something happened to the reader, so many ms, or until it is stopped. */
static RESPONSECODE wait_event(DWORD Lun, int timeout)
{
	struct lun *l LEFT = find(Lun);
	struct pollfd p[2];
	eventfd_t value;

	if (!l)
		return IFD_NO_SUCH_DEVICE;
	if (must_look(l))
		return IFD_SUCCESS;
	p[0] = (struct pollfd){ .fd = cr_ring_fd(l->watch), .events = POLLIN };
	p[1] = (struct pollfd){ .fd = l->stop, .events = POLLIN };
	if (poll(p, 2, timeout) < 0)
		return errno == EINTR ? IFD_SUCCESS : IFD_COMMUNICATION_ERROR;
	if (p[1].revents)
		eventfd_read(l->stop, &value);
	if (p[0].revents & (POLLHUP | POLLERR))
		return IFD_NO_SUCH_DEVICE;
	if (p[0].revents & POLLIN)
		drain(l->watch);
	return IFD_SUCCESS;
}

static RESPONSECODE stop_waiting(DWORD Lun)
{
	struct lun *l LEFT = find(Lun);

	if (!l)
		return IFD_NO_SUCH_DEVICE;
	return eventfd_write(l->stop, 1) ? IFD_COMMUNICATION_ERROR : IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHICCPresence(DWORD Lun)
{
	struct lun *l LEFT = find(Lun);
	uint64_t generation;
	bool there;
	int err;

	if (!l)
		return IFD_NO_SUCH_DEVICE;
	err = look(l, &there, &generation);
	if (err)
		return err == -ENODEV ? IFD_NO_SUCH_DEVICE : IFD_COMMUNICATION_ERROR;
	/* pcscd does not power down a card that is gone */
	if (l->card && (!there || generation != l->card->generation))
		forget_card(l);
	l->told = there && generation == l->known;
	return l->told ? IFD_ICC_PRESENT : IFD_ICC_NOT_PRESENT;
}

/* ---- the card ---- */

static int power_up(struct lun *l)
{
	const uint8_t *atr;
	size_t len;
	int err = CR_E_CARD_GONE;

	if (l->card)
		err = cr_card_reset(l->card);
	if (err == CR_E_CARD_GONE) {	/* whichever is there now */
		forget_card(l);
		err = cr_card_open(&l->info, CLAIM_MS, 0, &l->card);
	}
	if (err) {
		say(LOG_ERROR, "%s: %s", l->info.path, cr_strerror(err));
		forget_card(l);
		return err;
	}
	cr_card_set_cancel(l->card, &l->closing);
	atr = cr_card_atr(l->card, &len);
	if (len > sizeof(l->atr)) {
		forget_card(l);
		return CR_E_CARD_PROTOCOL;
	}
	memcpy(l->atr, atr, len);
	l->atr_len = len;
	return 0;
}

EXPORT RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength)
{
	struct lun *l LEFT = find(Lun);
	DWORD room = *AtrLength;
	int err;

	*AtrLength = 0;
	if (!l)
		return IFD_NO_SUCH_DEVICE;
	switch (Action) {
	case IFD_POWER_DOWN:
		forget_card(l);
		return IFD_SUCCESS;
	case IFD_POWER_UP:
	case IFD_RESET:
		err = power_up(l);
		if (err)
			return code(err) == IFD_NO_SUCH_DEVICE ? IFD_NO_SUCH_DEVICE : IFD_ERROR_POWER_ACTION;
		if (room < l->atr_len)
			return IFD_ERROR_INSUFFICIENT_BUFFER;
		memcpy(Atr, l->atr, l->atr_len);
		*AtrLength = l->atr_len;
		return IFD_SUCCESS;
	}
	return IFD_NOT_SUPPORTED;
}

/* The library has chosen what card and reader both can do when it powered the card. */
EXPORT RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2,
					      UCHAR PTS3)
{
	struct lun *l LEFT = find(Lun);

	(void)Flags, (void)PTS1, (void)PTS2, (void)PTS3;
	if (!l)
		return IFD_NO_SUCH_DEVICE;
	if (!l->card)
		return IFD_COMMUNICATION_ERROR;
	if (Protocol != SCARD_PROTOCOL_T0 && Protocol != SCARD_PROTOCOL_T1)
		return IFD_PROTOCOL_NOT_SUPPORTED;
	if (l->card->speak != CR_SPEAK_APDU && (l->card->speak == CR_SPEAK_T1) != (Protocol == SCARD_PROTOCOL_T1))
		return IFD_PROTOCOL_NOT_SUPPORTED;
	return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength,
				      PUCHAR RxBuffer, PDWORD RxLength, PSCARD_IO_HEADER RecvPci)
{
	struct lun *l LEFT = find(Lun);
	size_t len = *RxLength;
	int err;

	*RxLength = 0;
	if (!l)
		return IFD_NO_SUCH_DEVICE;
	if (!l->card)
		return IFD_ICC_NOT_PRESENT;
	err = cr_card_transmit(l->card, TxBuffer, TxLength, RxBuffer, &len);
	if (err)
		return code(err);
	*RxLength = len;
	if (RecvPci)
		RecvPci->Protocol = SendPci.Protocol;
	return IFD_SUCCESS;
}

/* ---- what handler and reader can do ---- */

static RESPONSECODE give(const void *from, size_t n, PDWORD Length, PUCHAR Value)
{
	if (*Length < n)
		return IFD_ERROR_INSUFFICIENT_BUFFER;
	if (Value && n)
		memcpy(Value, from, n);
	*Length = n;
	return IFD_SUCCESS;
}

static RESPONSECODE give_byte(UCHAR byte, PDWORD Length, PUCHAR Value)
{
	return give(&byte, 1, Length, Value);
}

EXPORT RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value)
{
	RESPONSECODE (*const wait)(DWORD, int) = wait_event;
	RESPONSECODE (*const stop)(DWORD) = stop_waiting;
	struct lun *l LEFT = find(Lun);
	uint32_t channel, max;

	if (!l)
		return IFD_NO_SUCH_DEVICE;
	switch (Tag) {
	case TAG_IFD_ATR:
	case SCARD_ATTR_ATR_STRING:
		return give(l->atr, l->atr_len, Length, Value);
	case SCARD_ATTR_ICC_PRESENCE:
		return give_byte(l->told ? 2 : 0, Length, Value);
	case SCARD_ATTR_ICC_INTERFACE_STATUS:
		return give_byte(!!l->card, Length, Value);
	case TAG_IFD_SIMULTANEOUS_ACCESS:
		return give_byte(READERS, Length, Value);
	case TAG_IFD_THREAD_SAFE:
	case TAG_IFD_SLOT_THREAD_SAFE:
		return give_byte(1, Length, Value);
	case TAG_IFD_SLOTS_NUMBER:
		return give_byte((UCHAR)l->info.dev.slots, Length, Value);
	case TAG_IFD_POLLING_THREAD_WITH_TIMEOUT:
		return give(&wait, sizeof(wait), Length, Value);
	case TAG_IFD_STOP_POLLING_THREAD:
		return give(&stop, sizeof(stop), Length, Value);
	case TAG_IFD_POLLING_THREAD_KILLABLE:
		return give_byte(0, Length, Value);
	case SCARD_ATTR_VENDOR_NAME:
		return give(l->info.dev.name, strlen(l->info.dev.name) + 1, Length, Value);
	case SCARD_ATTR_VENDOR_IFD_SERIAL_NO:
		if (!*l->info.dev.serial)
			return IFD_ERROR_TAG;
		return give(l->info.dev.serial, strlen(l->info.dev.serial) + 1, Length, Value);
	case SCARD_ATTR_CHANNEL_ID:
		/* PC/SC part 3: DDDDCCCC, 0020 for USB; bus and address */
		channel = 0x00200000 | (uint32_t)(l->info.dev.busnum & 0xff) << 8 | (l->info.dev.devnum & 0xff);
		return give(&channel, sizeof(channel), Length, Value);
	case SCARD_ATTR_MAXINPUT:
		max = l->info.dev.max_payload;
		return give(&max, sizeof(max), Length, Value);
	}
	return IFD_ERROR_TAG;
}

EXPORT RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value)
{
	struct lun *l LEFT = find(Lun);

	(void)Tag, (void)Length, (void)Value;
	return l ? IFD_NOT_SUPPORTED : IFD_NO_SUCH_DEVICE;
}

EXPORT RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength, PUCHAR RxBuffer,
				DWORD RxLength, LPDWORD pdwBytesReturned)
{
	struct lun *l LEFT = find(Lun);
	size_t n = RxLength;
	int err;

	if (pdwBytesReturned)
		*pdwBytesReturned = 0;
	if (!l)
		return IFD_NO_SUCH_DEVICE;
	err = ifd_control(&l->info, l->card, dwControlCode, TxBuffer, TxLength, RxBuffer, &n);
	if (err == CR_E_NOT_FOUND)
		return IFD_ERROR_NOT_SUPPORTED;
	if (err)
		return code(err);
	if (pdwBytesReturned)
		*pdwBytesReturned = n;
	return IFD_SUCCESS;
}
