// SPDX-License-Identifier: BSD-2-Clause
/* Who is in the way: the process that holds a reader, the driver that took it; and what to do about it. */
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli.h"

bool cli_module_loaded(void)
{
	return cli_exists("", "/sys/module/cardring");
}

void cli_reader_node(const struct cr_reader_info *r, char *out, size_t size)
{
	if (!strncmp(r->path, "usb:", 4))
		snprintf(out, size, "/dev/bus/usb/%03u/%03u", r->dev.busnum, r->dev.devnum);
	else
		snprintf(out, size, "%s", r->path);
}

/* Programs that are known to take readers for themselves; whoever runs may be seen by everybody. */
static const char *const usual[] = { "pcscd", "scdaemon" };

void cli_blame_interface(const char *root, const struct cli_interface *i, struct cli_blame *out)
{
	int pid;

	*out = (struct cli_blame) { .kind = CLI_BLAME_NOBODY };
	if (!*i->driver || !strcmp(i->driver, "cardring"))
		return;
	if (strcmp(i->driver, "usbfs")) {
		out->kind = CLI_BLAME_DRIVER;
		snprintf(out->name, sizeof(out->name), "%s", i->driver);
		return;
	}
	pid = cli_process_with(root, i->node);
	if (pid) {
		cli_blame_process(root, pid, out);
		return;
	}
	out->kind = CLI_BLAME_HIDDEN;
	for (size_t k = 0; k < sizeof(usual) / sizeof(usual[0]) && !out->pid; k++) {
		out->pid = cli_process_called(root, usual[k]);
		if (out->pid)
			snprintf(out->name, sizeof(out->name), "%s", usual[k]);
	}
}

void cli_blame_process(const char *root, int pid, struct cli_blame *out)
{
	*out = (struct cli_blame) { .kind = CLI_BLAME_PROCESS, .pid = pid };
	cli_process_name(root, pid, out->name, sizeof(out->name));
}

void cli_blame_reader(const struct cr_reader_info *r, struct cli_blame *out)
{
	struct cli_interface i;

	*out = (struct cli_blame) { .kind = CLI_BLAME_NOBODY };
	if (r->owner_pid) {
		cli_blame_process("", r->owner_pid, out);
		out->by_module = !strcmp(r->backend, "kernel");
	} else if (r->error == CR_E_READER_BUSY && !strncmp(r->path, "usb:", 4)) {
		cli_interface("", r->path + 4, &i);
		cli_blame_interface("", &i, out);
	}
}

void cli_blame_text(const struct cli_blame *b, char *out, size_t size)
{
	out[0] = '\0';
	switch (b->kind) {
	case CLI_BLAME_NOBODY:
		break;
	case CLI_BLAME_PROCESS:
		snprintf(out, size, _("%s (process %d)"), *b->name ? b->name : "?", b->pid);
		break;
	case CLI_BLAME_DRIVER:
		snprintf(out, size, _("the kernel's driver %s"), b->name);
		break;
	case CLI_BLAME_HIDDEN:
		if (b->pid)
			snprintf(out, size, _("a process that this user may not see, most likely %s (process %d)"), b->name, b->pid);
		else
			snprintf(out, size, _("a process that this user may not see"));
		break;
	}
}

void cli_blame_remedy(const char *root, const struct cli_blame *b, char *out, size_t size)
{
	out[0] = '\0';
	if (b->kind == CLI_BLAME_NOBODY)
		return;
	if (b->kind == CLI_BLAME_DRIVER)
		snprintf(out, size, _("As root: \"modprobe -r %s\", then plug the reader in again; a line \"blacklist %s\" in /etc/modprobe.d keeps it away."),
			 b->name, b->name);
	else if (b->by_module && !strcmp(b->name, "pcscd"))
		snprintf(out, size, _("A PC/SC program uses the card: end it; pcscd lets go of it a few seconds later."));
	else if (!strcmp(b->name, "pcscd") && !cli_has_handler(root))
		snprintf(out, size, _("As root: \"systemctl stop pcscd.socket pcscd\". (It would go on beside the module with cardring's handler: libpcsclite-dev, then \"make && sudo make install\".)"));
	else if (!strcmp(b->name, "pcscd"))
		snprintf(out, size, _("As root: \"cardring driver load\" takes its readers over, and PC/SC programs go on; or \"systemctl stop pcscd.socket pcscd\"."));
	else if (!strcmp(b->name, "scdaemon"))
		snprintf(out, size, _("It is GnuPG's: \"gpgconf --kill scdaemon\"; a line \"disable-ccid\" in ~/.gnupg/scdaemon.conf makes it use pcscd."));
	else if (b->kind == CLI_BLAME_HIDDEN && !geteuid())
		snprintf(out, size, _("It is not to be seen from here: look into containers and virtual machines."));
	else if (b->kind == CLI_BLAME_HIDDEN)
		snprintf(out, size, _("As root, \"cardring list\" names it."));
	else
		snprintf(out, size, _("End it, or wait until it is done."));
}

bool cli_blame_any(struct cli_blame *out)
{
	struct cli_interface all[CLI_MAX_INTERFACES];
	size_t n = cli_interfaces("", all, CLI_MAX_INTERFACES);

	for (size_t i = 0; i < n; i++) {
		cli_blame_interface("", &all[i], out);
		if (out->kind != CLI_BLAME_NOBODY && !all[i].token)
			return true;
	}
	return false;
}

/* ---- no permission ---- */

/* Has the USB device with that node an interface of the HID class? udev's rules leave such a one to root. */
static bool node_has_hid(const char *root, const char *node)
{
	struct cli_interface all[CLI_MAX_INTERFACES];
	size_t n = cli_interfaces(root, all, CLI_MAX_INTERFACES);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].node, node) && cli_has_hid(root, all[i].name))
			return true;
	return false;
}

void cli_denied(const char *root, const char *node, char *out, size_t size)
{
	struct group *g = NULL;
	struct stat st;
	char path[PATH_MAX];
	bool rules;

	snprintf(path, sizeof(path), "%s%s", root, node);
	if (!stat(path, &st) && st.st_mode & S_IRGRP && st.st_gid)
		g = getgrgid(st.st_gid);
	if (g)
		snprintf(out, size, _("%s is open to the group %s: \"adduser USER %s\", then log in again."),
			 node, g->gr_name, g->gr_name);
	else if (node_has_hid(root, node))
		snprintf(out, size, _("%s is open to root alone, as the device has a keyboard's interface too, which whoever opens it could read: use the reader through cardring's module, or as root."),
			 node);
	else if (cli_udev_rules(root, path, sizeof(path), &rules) && rules)
		/* they came after it */
		snprintf(out, size, _("%s is open to root alone, though cardring's udev rules are there: unplug the reader and plug it in again."),
			 node);
	else
		snprintf(out, size, _("%s is open to root alone: are cardring's udev rules installed?"), node);
}
