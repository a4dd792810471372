// SPDX-License-Identifier: BSD-2-Clause
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cardring/trust.h>
#include "doctor.h"

#define MODULE	"cardring"

const char *doctor_result_name(enum doctor_result r)
{
	static const char *const names[] = { "ok", "warn", "bad" };

	return names[r];
}

__attribute__((format(printf, 4, 5)))
static struct doctor_finding *found(struct doctor *d, const char *name, enum doctor_result r, const char *format, ...)
{
	static struct doctor_finding beyond;
	struct doctor_finding *f = d->n < DOCTOR_MAX ? &d->finding[d->n++] : &beyond;
	va_list ap;

	*f = (struct doctor_finding) { .name = name, .result = r };
	va_start(ap, format);
	vsnprintf(f->text, sizeof(f->text), format, ap);
	va_end(ap);
	return f;
}

__attribute__((format(printf, 2, 3)))
static void remedy(struct doctor_finding *f, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(f->remedy, sizeof(f->remedy), format, ap);
	va_end(ap);
}

/* Calls each for the names in a folder until it says true; whether it did. */
static bool in_folder(const struct doctor *d, const char *path, bool (*each)(void *arg, const char *path, const char *name),
		      void *arg)
{
	char full[PATH_MAX];
	struct dirent *e;
	bool yes = false;
	DIR *dir;

	snprintf(full, sizeof(full), "%s%s", d->root, path);
	dir = opendir(full);
	while (dir && !yes && (e = readdir(dir)))
		yes = e->d_name[0] != '.' && each(arg, path, e->d_name);
	if (dir)
		closedir(dir);
	return yes;
}

static FILE *open_in(const struct doctor *d, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", d->root, path);
	return fopen(full, "re");
}

/* ---- the module's file ---- */

struct installed {
	const struct doctor *d;
	char release[128];		/* a kernel that has it */
	char path[PATH_MAX];		/* its file, from the root */
};

/* Among what depmod has found for a kernel. */
static bool has_module(struct installed *i, const char *release)
{
	char path[PATH_MAX], line[PATH_MAX];
	size_t len = strlen(MODULE ".ko");
	bool yes = false;
	FILE *f;

	snprintf(path, sizeof(path), "/lib/modules/%.100s/modules.dep", release);
	f = open_in(i->d, path);
	while (f && !yes && fgets(line, sizeof(line), f)) {
		char *base;

		line[strcspn(line, ":\n")] = '\0';
		base = strrchr(line, '/');
		base = base ? base + 1 : line;
		yes = !strncmp(base, MODULE ".ko", len) && (!base[len] || base[len] == '.');
	}
	if (f)
		fclose(f);
	if (yes) {
		snprintf(i->release, sizeof(i->release), "%s", release);
		if (line[0] == '/')
			snprintf(i->path, sizeof(i->path), "%s", line);
		else
			snprintf(i->path, sizeof(i->path), "/lib/modules/%.100s/%.3800s", release, line);
	}
	return yes;
}

static bool any_kernel(void *arg, const char *path, const char *name)
{
	(void)path;
	return has_module(arg, name);
}

void doctor_module(struct doctor *d)
{
	struct installed i = { .d = d };
	char version[32] = "";

	if (cli_exists(d->root, "/sys/module/" MODULE)) {
		cli_read_line(d->root, "/sys/module/" MODULE "/version", version, sizeof(version));
		if (atoi(version) == CARDRING_ABI_VERSION)
			found(d, "module", DOCTOR_OK, _("the module is loaded, interface %s"), version);
		else
			remedy(found(d, "module", DOCTOR_BAD, _("the module is loaded, but speaks interface %s and this command %d"),
				     *version ? version : "?", CARDRING_ABI_VERSION),
			       _("Install both of one version (\"make && sudo make install\"), then as root: \"cardring driver unload\", \"cardring driver load\"."));
	} else if (has_module(&i, d->release)) {
		remedy(found(d, "module", DOCTOR_WARN, _("the module is installed and not loaded: readers are used through libusb")),
		       _("As root: \"cardring driver load\"."));
	} else if (in_folder(d, "/lib/modules", any_kernel, &i)) {
		remedy(found(d, "module", DOCTOR_WARN, _("the module is installed for kernel %s, and %s is running"), i.release,
			     d->release),
		       _("Install the running kernel's headers, then \"make && sudo make install\"."));
	} else {
		remedy(found(d, "module", DOCTOR_WARN, _("the module is not installed: readers are used through libusb")),
		       _("\"make && sudo make install\" installs it; libusb serves as well, for one program a reader at a time."));
	}
}

/* 1: signed, 0: not; -1: packed or not readable, which does not tell. The kernel's module_signature.h. */
static int is_signed(const struct doctor *d, const char *path)
{
	static const char mark[] = "~Module signature appended~\n";
	char end[sizeof(mark) - 1];
	FILE *f = open_in(d, path);
	size_t len = strlen(path);
	int yes = -1;

	if (f && len > 3 && !strcmp(path + len - 3, ".ko")) {
		yes = !fseek(f, -(long)sizeof(end), SEEK_END) && fread(end, 1, sizeof(end), f) == sizeof(end) &&
		      !memcmp(end, mark, sizeof(end));
	}
	if (f)
		fclose(f);
	return yes;
}

/* Four bytes of attributes, then the variable. */
static bool secure_boot(const struct doctor *d)
{
	FILE *f = open_in(d, "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
	unsigned char b[5] = { 0 };
	bool on = f && fread(b, 1, sizeof(b), f) == sizeof(b) && b[4] == 1;

	if (f)
		fclose(f);
	return on;
}

void doctor_signature(struct doctor *d)
{
	struct installed i = { .d = d };
	char lockdown[64] = "", enforce[8] = "";
	const char *why = NULL;
	int yes;

	cli_read_line(d->root, "/sys/kernel/security/lockdown", lockdown, sizeof(lockdown));
	cli_read_line(d->root, "/sys/module/module/parameters/sig_enforce", enforce, sizeof(enforce));
	if (strstr(lockdown, "[integrity]") || strstr(lockdown, "[confidentiality]"))
		why = secure_boot(d) ? _("Secure Boot is on") : _("the kernel is locked down");
	else if (enforce[0] == 'Y' || enforce[0] == '1')
		why = _("module.sig_enforce is set");
	if (!why) {
		found(d, "signature", DOCTOR_OK, _("this kernel takes modules without a signature"));
		return;
	}
	if (cli_exists(d->root, "/sys/module/" MODULE)) {
		found(d, "signature", DOCTOR_OK, _("%s, and the kernel took the module"), why);
		return;
	}
	yes = has_module(&i, d->release) ? is_signed(d, i.path) : -1;
	if (yes == 1)
		found(d, "signature", DOCTOR_OK, _("%s, and the module is signed"), why);
	else if (yes == 0)
		remedy(found(d, "signature", DOCTOR_WARN, _("%s: this kernel takes signed modules only, and %s is not"), why, i.path),
		       _("Sign it (the kernel's scripts/sign-file) and enroll the key: \"mokutil --import\". Without, readers are used through libusb."));
	else
		found(d, "signature", DOCTOR_OK, _("%s: this kernel takes signed modules only"), why);
}

/* ---- modprobe's files ---- */

struct blacklist {
	const struct doctor *d;
	char path[PATH_MAX];
};

/* modprobe.d(5): "blacklist cardring"; "install cardring /bin/false". */
static bool keeps_away(void *arg, const char *dir, const char *name)
{
	struct blacklist *b = arg;
	char line[512], verb[32], module[64], rest[64];
	size_t len = strlen(name);
	bool yes = false;
	FILE *f;

	if (len < 5 || strcmp(name + len - 5, ".conf"))
		return false;
	snprintf(b->path, sizeof(b->path), "%s/%.255s", dir, name);
	f = open_in(b->d, b->path);
	while (f && !yes && fgets(line, sizeof(line), f)) {
		int n = sscanf(line, "%31s %63s %63s", verb, module, rest);

		yes = n >= 2 && !strcmp(module, MODULE) &&
		      (!strcmp(verb, "blacklist") || (n == 3 && !strcmp(verb, "install")));
	}
	if (f)
		fclose(f);
	return yes;
}

/* "module_blacklist=a,cardring", "modprobe.blacklist=cardring" */
static bool on_command_line(const struct doctor *d)
{
	char line[4096], *word, *name, *save = NULL, *list;

	if (!cli_read_line(d->root, "/proc/cmdline", line, sizeof(line)))
		return false;
	for (word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (strncmp(word, "module_blacklist=", 17) && strncmp(word, "modprobe.blacklist=", 19))
			continue;
		list = strchr(word, '=') + 1;
		while ((name = strsep(&list, ",")))
			if (!strcmp(name, MODULE))
				return true;
	}
	return false;
}

void doctor_blacklist(struct doctor *d)
{
	static const char *const dirs[] = { "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d",
					    "/usr/lib/modprobe.d", "/lib/modprobe.d" };
	struct blacklist b = { .d = d };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (!in_folder(d, dirs[i], keeps_away, &b))
			continue;
		remedy(found(d, "blacklist", DOCTOR_WARN, _("%s keeps the module from being loaded by itself"), b.path),
		       _("If that is not meant, remove the line; \"cardring driver load\" loads it in any case."));
		return;
	}
	if (on_command_line(d))
		remedy(found(d, "blacklist", DOCTOR_WARN, _("the kernel's command line keeps the module from being loaded")),
		       _("If that is not meant, take it from the boot loader's configuration."));
	else
		found(d, "blacklist", DOCTOR_OK, _("nothing keeps the module from being loaded"));
}

/* ---- udev ---- */

void doctor_udev(struct doctor *d)
{
	char path[128];
	bool rules;

	if (!cli_udev_rules(d->root, path, sizeof(path), &rules))
		remedy(found(d, "udev", DOCTOR_WARN, _("the udev rules are not installed: readers are open to root alone")),
		       _("\"sudo make install\", then as root \"udevadm control --reload\" and \"udevadm trigger\"."));
	else if (!rules)
		remedy(found(d, "udev", DOCTOR_WARN, _("%s switches the udev rules off: readers are open to root alone"), path),
		       _("If that is not meant, remove that file."));
	else if (!cli_exists(d->root, "/run/udev/control"))
		remedy(found(d, "udev", DOCTOR_WARN, _("the udev rules are installed, but udev does not run")),
		       _("In a container, whoever starts it gives access to the readers' nodes; else start systemd-udevd."));
	else
		found(d, "udev", DOCTOR_OK, _("the udev rules are installed (%s)"), path);
}

/* ---- pcscd ---- */

void doctor_pcscd(struct doctor *d)
{
	struct installed i = { .d = d };
	int pid = cli_process_called(d->root, "pcscd");
	bool socket = cli_exists(d->root, "/run/pcscd/pcscd.comm");
	const char *warning = NULL;
	char how[128];

	if (!pid && !socket) {
		found(d, "pcscd", DOCTOR_OK, _("pcscd does not run"));
		return;
	}
	if (pid)
		snprintf(how, sizeof(how), _("pcscd runs (process %d)"), pid);
	else
		snprintf(how, sizeof(how), _("pcscd starts when a program asks for it"));
	if (cli_has_handler(d->root)) {
		found(d, "pcscd", DOCTOR_OK, _("%s, with cardring's handler"), how);
		return;
	}
	if (cli_exists(d->root, "/sys/module/" MODULE))
		warning = _("%s, without cardring's handler: PC/SC programs do not see what the module has");
	else if (has_module(&i, d->release))
		warning = _("%s, without cardring's handler: PC/SC programs would not see what the module takes once it is loaded");
	if (warning)
		remedy(found(d, "pcscd", DOCTOR_WARN, warning, how),
		       _("Install libpcsclite-dev, then \"make && sudo make install\", and restart pcscd."));
	else
		found(d, "pcscd", DOCTOR_OK, _("%s, with its own drivers"), how);
}

/* ---- readers on the bus ---- */

static bool may_open(const struct doctor *d, const char *node)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", d->root, node);
	return !faccessat(AT_FDCWD, full, R_OK | W_OK, AT_EACCESS);
}

static bool is_node(void *arg, const char *path, const char *name)
{
	(void)path;
	snprintf(arg, 32, "/dev/%.20s", name);
	return !strncmp(name, MODULE, strlen(MODULE));
}

static void denied(struct doctor *d, const char *reader, const char *node)
{
	struct doctor_finding *f = found(d, "reader", DOCTOR_BAD, _("%s: this user may not open %s"), reader, node);

	cli_denied(d->root, node, f->remedy, sizeof(f->remedy));
}

static void held(struct doctor *d, const char *reader, const struct cli_blame *b)
{
	enum doctor_result r = strcmp(b->name, "pcscd") ? DOCTOR_BAD : DOCTOR_WARN;	/* PC/SC programs read it */
	char who[192];
	struct doctor_finding *f;

	cli_blame_text(b, who, sizeof(who));
	f = found(d, "reader", r, _("%s: held by %s"), reader, who);
	cli_blame_remedy(d->root, b, f->remedy, sizeof(f->remedy));
}

static void reader(struct doctor *d, const struct cli_interface *i)
{
	char name[64], node[32] = "", path[128];
	struct cli_blame blame;

	snprintf(name, sizeof(name), "%.32s, usb:%.20s", *i->product ? i->product : "CCID reader", i->name);
	cli_blame_interface(d->root, i, &blame);
	if (!strcmp(i->driver, MODULE)) {
		snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/" MODULE, i->name);
		in_folder(d, path, is_node, node);
		if (may_open(d, node))
			found(d, "reader", DOCTOR_OK, _("%s: the module drives it (%s)"), name, node);
		else
			denied(d, name, node);
	} else if (i->token) {
		found(d, "reader", DOCTOR_OK, _("%s: a security token, left to its own programs"), name);
	} else if (blame.kind != CLI_BLAME_NOBODY) {
		held(d, name, &blame);
	} else if (!may_open(d, i->node)) {
		denied(d, name, i->node);
	} else if (cli_exists(d->root, "/sys/module/" MODULE)) {
		remedy(found(d, "reader", DOCTOR_WARN, _("%s: the module is loaded and does not drive it; libusb does"), name),
		       _("The kernel's log (dmesg) says why, if it was not unbound; \"cardring driver load\" offers it again where pcscd runs, else \"echo %s > /sys/bus/usb/drivers/cardring/bind\" as root."),
		       i->name);
	} else {
		found(d, "reader", DOCTOR_OK, _("%s: used through libusb"), name);
	}
}

void doctor_readers(struct doctor *d)
{
	struct cli_interface all[CLI_MAX_INTERFACES];
	size_t n = cli_interfaces(d->root, all, CLI_MAX_INTERFACES);

	for (size_t i = 0; i < n; i++)
		reader(d, &all[i]);
	if (!n)
		remedy(found(d, "reader", DOCTOR_BAD, _("there is no card reader on the USB bus")),
		       _("Plug one in; in a virtual machine or a container, give it the USB device."));
}

/* ---- the rest ---- */

void doctor_trust(struct doctor *d, const char *const *dirs, size_t n)
{
	char path[PATH_MAX];
	size_t skipped = 0;
	cr_trust_t *trust;
	int total = 0, got;

	if (cr_trust_new(&trust))
		return;
	for (size_t i = 0; i < n; i++) {
		size_t bad = 0;

		snprintf(path, sizeof(path), "%s%s", d->root, dirs[i]);
		got = cr_trust_add_dir(trust, path, &bad);
		total += got > 0 ? got : 0;
		skipped += bad;
	}
	cr_trust_free(trust);
	if (!total)
		remedy(found(d, "trust", DOCTOR_WARN, _("no issuing state is trusted: \"cardring verify\" says unproven at best")),
		       _("Put the certificates of issuing states (CSCA) into %s, or name their folder with --trust."), dirs[n - 1]);
	else if (skipped)
		remedy(found(d, "trust", DOCTOR_WARN, _("certificates and lists of issuing states: %d; files that are none: %zu"), total,
			     skipped),
		       _("Remove the files that are no certificates or revocation lists."));
	else
		found(d, "trust", DOCTOR_OK, _("certificates and lists of issuing states: %d"), total);
}

void doctor_environment(struct doctor *d, const char *backend, bool known)
{
	if (!backend || !*backend)
		found(d, "environment", DOCTOR_OK, _("CARDRING_BACKEND is not set: every backend is used"));
	else if (!known)
		remedy(found(d, "environment", DOCTOR_BAD, _("CARDRING_BACKEND is \"%s\", and there is no such backend"), backend),
		       _("\"unset CARDRING_BACKEND\""));
	else
		remedy(found(d, "environment", DOCTOR_WARN, _("CARDRING_BACKEND is \"%s\": readers of other backends are not used"), backend),
		       _("If that is not meant: \"unset CARDRING_BACKEND\"."));
}

bool doctor_card(struct doctor *d, const struct cr_reader_info *list, int n)
{
	unsigned int slots = 0, cards = 0;

	for (int i = 0; i < n; i++) {
		if (list[i].error || list[i].token)
			continue;
		slots++;
		cards += list[i].state == CARDRING_SLOT_PRESENT || list[i].state == CARDRING_SLOT_POWERED;
	}
	if (cards)
		found(d, "card", DOCTOR_OK, _("a card can be read: usable slots %u, with a card %u"), slots, cards);
	else if (slots)
		remedy(found(d, "card", DOCTOR_OK, _("a card could be read: usable slots %u, all empty"), slots),
		       _("Put a card on or into the reader."));
	else
		remedy(found(d, "card", DOCTOR_BAD, _("no card can be read: %s"),
			     _(n < 0 ? cr_strerror(n) : cr_strerror(CR_E_NO_READER))),
		       _("The lines above say what is in the way."));
	return slots;
}
