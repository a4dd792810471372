// SPDX-License-Identifier: BSD-2-Clause
/*
 * The drawer: the virtual reader becomes each of a table of real readers, several at a time, and card "an" is verified
 * in every slot of every interface. What a backend does not serve must be said by a rule below, and a rule that does
 * not hold is an error too.
 *
 *   drawer BACKEND TABLE REPORT [--kinds | --few | NAME...]
 *
 * BACKEND: kernel, or usb (the module being away). Prints "ok" and "not ok" lines; REPORT is written, a line an
 * interface. --kinds: of devices that look alike to a driver the first alone; --few: the same, but sizes and
 * numbers make no difference.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cardring/card.h>
#include <cardring/eid.h>
#include "contact.h"
#include "drawer.h"
#include "node.h"
#include "sim.h"
#include "usbip.h"

#define CARD		"an"
#define WORKERS		12

enum outcome { NOT_DRIVEN, READ, NOT_BOUND, REFUSED, FAILED };

struct result {
	enum outcome outcome;
	int err;			/* with REFUSED */
	unsigned int slots, ms;		/* slots read; the first one's time */
	char why[120];			/* where it was not read */
};

static struct drawer *table;
static struct result *results;
static const struct backend *backend;
static const char *trust_dir;
static struct cr_secret secret;
static size_t next;			/* interface; under lock */
static bool *chosen;			/* by interface */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_name[] = { "character", "tpdu", "short", NULL, "extended" };

/* ---- what is not read, and why not ---- */

static bool by_control(const struct vreader_config *c)
{
	return c->no_bulk;
}

/* bcdCCID 1.x is CCID's and ICCD's. */
static bool not_ccid(const struct vreader_config *c)
{
	return c->interface_class != 0x0B && c->class_desc[3] != 0x01;
}

static bool character(const struct vreader_config *c)
{
	return c->level == VREADER_CHARACTER;
}

static bool t1_alone(const struct vreader_config *c)
{
	return c->level == VREADER_TPDU && !(c->protocols & 1);
}

/* The first that matches counts. */
static const struct rule {
	const char *why;
	bool (*is)(const struct vreader_config *c);
	enum outcome outcome;
	int err;		/* with REFUSED; 0: any */
} rules[] = {
	{ "no bulk endpoints: an ICCD that is spoken to by control transfers", by_control, NOT_BOUND, 0 },
	{ "interface class FF and no version of CCID: its maker's own protocol", not_ccid, NOT_BOUND, 0 },
	{ "character level, where the host is the card's interface device", character, REFUSED, CR_E_READER_UNFIT },
};
#define RULES	(sizeof(rules) / sizeof(rules[0]))

static const struct rule *rule_of(const struct vreader_config *c)
{
	for (size_t i = 0; i < RULES; i++)
		if (rules[i].is(c))
			return &rules[i];
	return NULL;
}

/* ---- backends ---- */

struct backend {
	const char *name;
	const struct cr_backend *lib;
	/* What the backend opens for an interface; false: it does not serve it (which is known for certain). */
	bool (*path)(const char *usb_name, const struct vreader_config *c, char *out, size_t size);
};

static void interface_comes(const char *interface)
{
	uint64_t end = now_ms() + NODE_MS;
	char dir[128];

	snprintf(dir, sizeof(dir), "/sys/bus/usb/devices/%s", interface);
	while (access(dir, F_OK) && now_ms() < end)
		sleep_ms(2);
}

/*
 * Whether the driver has said yes or no: asked once more, it has to wait for the first answer, as it is given under
 * the device's lock.
 */
static void probe_is_over(const char *interface)
{
	int fd = open("/sys/bus/usb/drivers_probe", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, interface, strlen(interface)) < 0)
		errno = 0;	/* no driver wants it: that is an answer */
	close(fd);
}

static bool kernel_path(const char *usb_name, const struct vreader_config *c, char *out, size_t size)
{
	uint64_t end = now_ms() + NODE_MS;
	char interface[64];
	int index;

	snprintf(interface, sizeof(interface), "%s:1.%u", usb_name, c->interface_number);
	interface_comes(interface);
	probe_is_over(interface);
	index = node_index(usb_name, c->interface_number);
	if (index < 0)
		return false;
	snprintf(out, size, "/dev/cardring%d", index);
	while (access(out, R_OK | W_OK) && now_ms() < end)
		sleep_ms(2);
	return true;
}

/* What it does not serve it says when it is opened. */
static bool usb_path(const char *usb_name, const struct vreader_config *c, char *out, size_t size)
{
	char interface[64];

	snprintf(interface, sizeof(interface), "%s:1.%u", usb_name, c->interface_number);
	interface_comes(interface);
	snprintf(out, size, "usb:%s", interface);
	return true;
}

static const struct backend backends[] = {
	{ "kernel", &cr_backend_kernel, kernel_path },
	{ "usb", &cr_backend_usb, usb_path },
};

/* ---- one interface ---- */

__attribute__((format(printf, 3, 4)))
static void say(struct result *r, enum outcome outcome, const char *format, ...)
{
	va_list ap;

	r->outcome = outcome;
	va_start(ap, format);
	vsnprintf(r->why, sizeof(r->why), format, ap);
	va_end(ap);
}

/* Does the backend tell of the reader what the table does? */
static bool same(const struct drawer_interface *i, const struct cardring_info *info, struct result *r)
{
	const struct vreader_config *c = &i->config;
	unsigned int busy = c->busy_slots ? c->busy_slots : 1;
	const char *what = NULL;

	if (info->vendor != c->vid || info->product != c->pid || info->bcd_device != c->bcd_device)
		what = "the device's identity";
	else if (info->interface_number != c->interface_number)
		what = "the interface's number";
	else if (memcmp(info->descriptor, i->class_desc, DRAWER_CLASS_DESC) != 0)
		what = "the class descriptor";
	else if (info->level != (uint32_t)c->level || info->slots != c->slots)
		what = "level or slots";
	else if (info->busy_slots != (busy < c->slots ? busy : c->slots))
		what = "the busy slots";
	else if (info->max_message > c->max_message)
		what = "the longest message";
	else if (!info->has_interrupt != c->no_interrupt)
		what = "the interrupt endpoint";
	else if (info->speed != 2)
		what = "the speed";
	if (what)
		say(r, FAILED, "the backend tells another thing of %s", what);
	return !what;
}

static void verify(const char *path, const struct cardring_info *info, unsigned int slot, cr_trust_t *trust,
		   struct result *r)
{
	const struct cr_inspect_opts opts = { .secret = &secret, .trust = trust, .verify = true };
	struct cr_reader_info reader = { .slot = slot, .dev = *info };
	struct cr_inspection *in = NULL;
	uint64_t begin = now_ms();
	cr_card_t *card;
	int err;

	snprintf(reader.backend, sizeof(reader.backend), "%s", backend->name);
	snprintf(reader.path, sizeof(reader.path), "%s", path);
	err = cr_card_open(&reader, 0, 10000, &card);
	if (!err)
		err = cr_inspect(card, &opts, &in);
	r->err = err;
	if (err)
		say(r, REFUSED, "slot %u: %d, %s", slot, err, cr_strerror(err));
	else if (in->verdict != CR_GENUINE)
		say(r, FAILED, "slot %u: %s, %s", slot, cr_verdict_name(in->verdict),
		    in->n_reasons ? in->reasons[0].code : "");
	else if (!r->slots++)
		r->ms = now_ms() - begin;
	cr_inspection_free(in);
	cr_card_close(card);
}

static void drive(const struct drawer_interface *i, const char *usb_name, cr_trust_t *trust, struct result *r)
{
	const struct cr_ring_params params = { .entries = 4, .buffers = 2, .buf_size = 32 };
	struct cardring_info info;
	cr_ring_t *ring;
	char path[80];
	int err = CR_E_UNSUPPORTED;

	if (backend->path(usb_name, &i->config, path, sizeof(path)))
		err = backend->lib->open(path, &params, &ring, &info);
	if (err == CR_E_UNSUPPORTED || err == CR_E_NO_READER) {
		say(r, NOT_BOUND, "not served");
		return;
	}
	if (err) {
		say(r, FAILED, "%s", cr_strerror(err));
		return;
	}
	if (same(i, &info, r)) {
		for (unsigned int slot = 0; slot < i->config.slots && r->outcome == NOT_DRIVEN; slot++)
			verify(path, &info, slot, trust, r);
		if (r->outcome == NOT_DRIVEN)
			r->outcome = READ;
	}
	/* kept meanwhile: what costs most over libusb is to open the first ring on a reader */
	cr_ring_close(ring);
}

/* ---- one device ---- */

/* Card `an`, with contacts and T=1 where the reader speaks nothing else. */
static struct vcard *card_for(const struct vreader_config *c, int *err)
{
	static const struct sim_contact_config contact = { .ta1 = 0x95 };

	return t1_alone(c) ? vcard_sim_contact_new(CARD, &contact, err) : vcard_sim_new(CARD, c->level, err);
}

static struct vreader_usb *plug_in(const struct drawer_interface *i, unsigned int n, int *err)
{
	struct vreader_config c[USBIP_MAX_FUNCTIONS];
	struct vcard *cards[USBIP_MAX_FUNCTIONS][VREADER_MAX_SLOTS];
	struct vreader_usb *usb = NULL;
	bool all = true;

	memset(cards, 0, sizeof(cards));
	for (unsigned int k = 0; k < n; k++) {
		c[k] = i[k].config;
		c[k].cards = cards[k];
		for (unsigned int s = 0; all && s < c[k].slots; s++)
			all = (cards[k][s] = card_for(&c[k], err));
	}
	if (all) {
		usb = vreader_attach_composite(c, n);	/* the cards go with it, in each case */
		*err = usb ? 0 : CR_E_IO;
	} else {
		for (unsigned int k = 0; k < n; k++)
			for (unsigned int s = 0; s < c[k].slots; s++)
				vcard_free(cards[k][s]);
	}
	return usb;
}

static void device(size_t at, unsigned int n, cr_trust_t *trust)
{
	struct vreader_usb *usb;
	char name[32];
	int err;

	usb = plug_in(&table->interface[at], n, &err);
	if (!usb) {
		for (unsigned int k = 0; k < n; k++)
			say(&results[at + k], FAILED, "plugged in: %s", cr_strerror(err));
		return;
	}
	if (vreader_usb_wait(usb, name, sizeof(name), NODE_MS))
		for (unsigned int k = 0; k < n; k++)
			say(&results[at + k], FAILED, "the bus does not find it");
	else
		for (unsigned int k = 0; k < n; k++)
			drive(&table->interface[at + k], name, trust, &results[at + k]);
	vreader_detach(usb);
}

static void *work(void *arg)
{
	cr_trust_t *trust;
	unsigned int n;
	size_t at;

	if (cr_trust_new(&trust) || cr_trust_add_dir(trust, trust_dir, NULL) <= 0)
		return NULL;
	for (;;) {
		pthread_mutex_lock(&lock);
		at = next;
		n = drawer_device(table, at);
		next += n;
		pthread_mutex_unlock(&lock);
		if (!n)
			break;
		if (chosen[at])
			device(at, n, trust);
	}
	cr_trust_free(trust);
	return NULL;
}

/* ---- the report ---- */

static const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {
		[NOT_DRIVEN] = "not driven", [READ] = "read", [NOT_BOUND] = "not served", [REFUSED] = "refused",
		[FAILED] = "failed",
	};

	return names[o];
}

static bool report(const char *file)
{
	FILE *f = fopen(file, "we");

	if (!f)
		return false;
	fprintf(f, "#name\tinterface\tlevel\tslots\toutcome\tslots read\tms\twhy\n");
	for (size_t i = 0; i < table->n; i++) {
		const struct vreader_config *c = &table->interface[i].config;
		const struct rule *rule = rule_of(c);
		const struct result *r = &results[i];

		if (!chosen[i])
			continue;
		fprintf(f, "%s\t%u\t%s\t%u\t%s\t%u\t%u\t%s%s%s\n", table->interface[i].name, c->interface_number,
			level_name[c->level], c->slots, outcome_name(r->outcome), r->slots, r->ms, r->why,
			*r->why && rule ? "; " : "", rule ? rule->why : "");
	}
	return fclose(f) == 0;
}

static int by_time(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* One line a level, and one for each interface that did another thing than its rule. false: some did. */
static bool judge_level(enum vreader_level level)
{
	unsigned int all = 0, read = 0, slots = 0, wrong = 0;
	int *ms = calloc(table->n, sizeof(*ms));

	for (size_t i = 0; ms && i < table->n; i++) {
		const struct vreader_config *c = &table->interface[i].config;
		const struct rule *rule = rule_of(c);
		const struct result *r = &results[i];

		if (c->level != level || !chosen[i])
			continue;
		all++;
		if (r->outcome == READ) {
			ms[read++] = r->ms;
			slots += r->slots;
		}
		if (r->outcome == (rule ? rule->outcome : READ) && (!rule || !rule->err || rule->err == r->err))
			continue;
		if (wrong++ < 20)
			printf("not ok drawer, %s: %s, interface %u: %s%s%s%s%s\n", backend->name,
			       table->interface[i].name, c->interface_number, outcome_name(r->outcome),
			       *r->why ? ": " : "", r->why, rule ? ", but by the rules not read: " : "",
			       rule ? rule->why : "");
	}
	if (ms && read)
		qsort(ms, read, sizeof(*ms), by_time);
	if (!wrong && all)
		printf("ok drawer, %s, %s level: %u of %u interfaces read card " CARD " in each of their slots\n",
		       backend->name, level_name[level], read, all);
	printf("# %s: %u interfaces, %u read (%u slots; %d ms in the middle, %d at most), %u not as expected\n",
	       level_name[level], all, read, slots, read ? ms[read / 2] : 0, read ? ms[read - 1] : 0, wrong);
	free(ms);
	return !wrong;
}

static void exceptions(void)
{
	for (size_t k = 0; k < RULES; k++) {
		unsigned int n = 0;

		for (size_t i = 0; i < table->n; i++)
			n += chosen[i] && rule_of(&table->interface[i].config) == &rules[k];
		if (!n)
			continue;
		printf("# %s, %u: %s:\n#  ", outcome_name(rules[k].outcome), n, rules[k].why);
		for (size_t i = 0; i < table->n; i++)
			if (chosen[i] && rule_of(&table->interface[i].config) == &rules[k])
				printf(" %s", table->interface[i].name);
		printf("\n");
	}
}

/* What a driver looks at. */
static bool same_kind(const struct drawer_interface *a, const struct drawer_interface *b, bool few)
{
	const struct vreader_config *x = &a->config, *y = &b->config;

	if (few)
		return x->interface_class == y->interface_class && x->no_bulk == y->no_bulk &&
		       x->no_interrupt == y->no_interrupt && (x->slots > 1) == (y->slots > 1) && x->level == y->level &&
		       (x->protocols & 1) == (y->protocols & 1);
	return x->interface_class == y->interface_class && x->no_bulk == y->no_bulk &&
	       x->no_interrupt == y->no_interrupt && a->class_desc[1] == b->class_desc[1] && x->slots == y->slots &&
	       x->busy_slots == y->busy_slots && x->level == y->level && x->max_message == y->max_message &&
	       (x->protocols & 1) == (y->protocols & 1) && (x->features & 0x08) == (y->features & 0x08) &&
	       x->voltage == y->voltage;
}

static bool choose(char *const *what)
{
	bool few = *what && !strcmp(*what, "--few"), kinds = few || (*what && !strcmp(*what, "--kinds"));

	chosen = calloc(table->n, sizeof(*chosen));
	for (size_t i = 0, n; chosen && i < table->n; i += n) {
		bool yes = !*what;

		n = drawer_device(table, i);
		for (char *const *p = what; !kinds && *p; p++)
			yes |= !strcmp(*p, table->interface[i].name);
		for (size_t k = i; kinds && k < i + n; k++) {
			size_t j = 0;

			while (j < k && !(chosen[j] && same_kind(&table->interface[j], &table->interface[k], few)))
				j++;
			yes |= j == k;
		}
		for (size_t k = i; k < i + n; k++)
			chosen[k] = yes;
	}
	return chosen;
}

static int prepare(const char *backend_name, const char *file)
{
	static char path[512];
	struct sim_sample *samples;
	unsigned int line;
	int n = sim_list(&samples), err;

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		if (!strcmp(backends[i].name, backend_name))
			backend = &backends[i];
	if (!backend) {
		fprintf(stderr, "drawer: no backend \"%s\"\n", backend_name);
		return -1;
	}
	for (int i = 0; i < n; i++)
		if (!strcmp(samples[i].name, CARD))
			cr_secret_from_can(&secret, samples[i].can, NULL);
	if (n >= 0)
		free(samples);
	if (secret.type == CR_SECRET_NONE || !sim_dir()) {
		fprintf(stderr, "drawer: there is no sample card " CARD "\n");
		return -1;
	}
	snprintf(path, sizeof(path), "%s/trust", sim_dir());
	trust_dir = path;
	err = drawer_load(file, &table, &line);
	if (err)
		fprintf(stderr, "drawer: %s, line %u: %s\n", file, line, cr_strerror(err));
	else if (!(results = calloc(table->n, sizeof(*results))))
		err = CR_E_NOMEM;
	return err;
}

int main(int argc, char **argv)
{
	pthread_t worker[WORKERS];
	unsigned int workers = 0, driven = 0, read = 0;
	uint64_t begin = now_ms();
	bool ok = true;

	if (argc < 4) {
		fprintf(stderr, "usage: drawer BACKEND TABLE REPORT [--kinds | --few | NAME...]\n");
		return 2;
	}
	if (prepare(argv[1], argv[2]) || !choose(argv + 4))
		return 1;
	while (workers < WORKERS && !pthread_create(&worker[workers], NULL, work, NULL))
		workers++;
	for (unsigned int i = 0; i < workers; i++)
		pthread_join(worker[i], NULL);
	for (size_t i = 0; i < table->n; i++) {
		driven += results[i].outcome != NOT_DRIVEN;
		read += results[i].outcome == READ;
	}
	for (int level = 0; level <= VREADER_EXTENDED; level++)
		if (level_name[level])
			ok &= judge_level((enum vreader_level)level);
	exceptions();
	printf("# drawer, %s: %u of %zu interfaces driven, %u read card " CARD ", %u ms\n", backend->name, driven,
	       table->n, read, (unsigned int)(now_ms() - begin));
	if (!report(argv[3])) {
		printf("not ok drawer, %s: %s: %s\n", backend->name, argv[3], strerror(errno));
		ok = false;
	}
	drawer_free(table);
	free(results);
	free(chosen);
	return !ok;
}
