// SPDX-License-Identifier: BSD-2-Clause
/* "cardring driver": loads, unloads and describes the kernel's side, through libkmod; see handover.h for pcscd's. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <libkmod.h>
#include "handover.h"

#define MODULE		"cardring"
#define CLOSING_MS	15000	/* the longest that a slot needs by kernel/claim.c: a command aborted, a card powered off */
#define LOOK_MS		100
#define NOTE_MS		1000

static void quiet(void *data, int priority, const char *file, int line, const char *fn, const char *format,
		  va_list args)
{
}

/* One value of modinfo ("vermagic", "depends", "version"); false: not there. */
static bool info_of(struct kmod_module *mod, const char *key, char *out, size_t size)
{
	struct kmod_list *list = NULL, *l;
	bool found = false;

	out[0] = '\0';
	if (kmod_module_get_info(mod, &list) < 0)
		return false;
	kmod_list_foreach(l, list) {
		if (strcmp(kmod_module_info_get_key(l), key))
			continue;
		snprintf(out, size, "%s", kmod_module_info_get_value(l));
		found = true;
		break;
	}
	kmod_module_info_free_list(list);
	return found;
}

static const char *kernel(void)
{
	static struct utsname u;

	return uname(&u) ? "?" : u.release;
}

/* ---- load ---- */

static int load_failed(const struct cli *c, struct kmod_module *mod, const char *what, int err)
{
	char magic[128];

	switch (err) {
	case -EPERM:
	case -EACCES:
		return cli_fail(c, CLI_ERROR, "not-root", NULL,
				_("Only root may load and unload modules: run it with sudo."));
	case -ENOENT:
		return cli_fail(c, CLI_ERROR, "no-module", NULL,
				_("There is no module %s for the running kernel %s: \"make install\" puts it there, or give the path of a %s.ko."),
				what, kernel(), MODULE);
	case -EKEYREJECTED:
	case -ENOKEY:
		return cli_fail(c, CLI_ERROR, "not-signed", NULL,
				_("This kernel takes signed modules only (Secure Boot): sign %s and enroll the key (mokutil)."),
				what);
	case -ENOEXEC:
	case -EINVAL:
		if (info_of(mod, "vermagic", magic, sizeof(magic)) &&
		    strncmp(magic, kernel(), strcspn(magic, " ")))
			return cli_fail(c, CLI_ERROR, "wrong-kernel", NULL,
					_("%s was built for kernel %.*s; %s is running: build it with \"make module\"."),
					what, (int)strcspn(magic, " "), magic, kernel());
		return cli_fail(c, CLI_ERROR, "no-module", NULL,
				_("%s is no module that this kernel (%s) takes; its log (dmesg) says why."), what,
				kernel());
	}
	return cli_fail(c, CLI_ERROR, "load-failed", NULL, _("The kernel did not take %s: %s"), what,
			strerror(-err));
}

static int done(const struct cli *c, bool loaded, bool changed, struct cli_handover *h, const char *text)
{
	size_t taken = cli_handover_end(h);

	if (c->json)
		return cli_json_print(json_pack("{s:{s:b, s:b, s:i}}", "driver", "loaded", loaded, "changed",
						changed || taken, "taken_over", (int)taken));
	printf("%s\n", text);
	if (taken)
		printf(_("Readers taken over from pcscd: %zu\n"), taken);
	return CLI_OK;
}

/* A module of a file knows the names of those it needs, but not their files. */
static int load_needed(struct kmod_ctx *ctx, struct kmod_module *mod)
{
	char list[512], *name, *save = NULL;
	struct kmod_module *dep;
	int err = 0;

	info_of(mod, "depends", list, sizeof(list));
	for (name = strtok_r(list, ",", &save); name && !err; name = strtok_r(NULL, ",", &save)) {
		err = kmod_module_new_from_name(ctx, name, &dep);
		if (err < 0)
			break;
		err = kmod_module_probe_insert_module(dep, 0, NULL, NULL, NULL, NULL);
		kmod_module_unref(dep);
		if (err == -EEXIST)
			err = 0;
	}
	return err;
}

static int insert(const struct cli *c, struct kmod_ctx *ctx, struct kmod_module *mod, const char *what, bool file,
		  struct cli_handover *h)
{
	int err = 0;

	if (cli_module_loaded())
		return done(c, true, false, h, _("The module was loaded already."));
	if (file)
		err = load_needed(ctx, mod);
	/* an "install" line of modprobe.d is for who did not ask for the module by name; those of modules it needs count */
	if (!err)
		err = file ? kmod_module_insert_module(mod, 0, NULL) :
			     kmod_module_probe_insert_module(mod, KMOD_PROBE_IGNORE_COMMAND, NULL, NULL, NULL, NULL);
	if (err == -EEXIST)
		return done(c, true, false, h, _("The module was loaded already."));
	if (err < 0)
		return load_failed(c, mod, what, err);
	if (!cli_module_loaded())
		return cli_fail(c, CLI_ERROR, "load-failed", NULL,
				_("Nothing refused %s, and yet it is not loaded; the kernel's log (dmesg) may say why."), what);
	return done(c, true, true, h, _("The module is loaded."));
}

static int load_file(const struct cli *c, struct kmod_ctx *ctx, const char *path, struct cli_handover *h)
{
	struct kmod_module *mod = NULL;
	int err, rc;

	if (access(path, R_OK))
		return cli_fail(c, CLI_ERROR, "io", NULL, _("%s cannot be read: %s"), path, strerror(errno));
	err = kmod_module_new_from_path(ctx, path, &mod);
	if (err < 0 || strcmp(kmod_module_get_name(mod), MODULE)) {
		rc = cli_fail(c, CLI_ERROR, "no-module", NULL, _("%s is not the file of the module %s."), path, MODULE);
	} else {
		rc = insert(c, ctx, mod, path, true, h);
	}
	kmod_module_unref(mod);
	return rc;
}

static int load_installed(const struct cli *c, struct kmod_ctx *ctx, struct cli_handover *h)
{
	struct kmod_list *list = NULL;
	struct kmod_module *mod;
	int err, rc;

	err = kmod_module_new_from_lookup(ctx, MODULE, &list);
	if (err < 0 || !list)
		return cli_module_loaded() ? done(c, true, false, h, _("The module was loaded already.")) :
					     load_failed(c, NULL, MODULE, -ENOENT);
	mod = kmod_module_get_module(list);
	rc = insert(c, ctx, mod, MODULE, false, h);
	kmod_module_unref(mod);
	kmod_module_unref_list(list);
	return rc;
}

/* With what pcscd has, which goes back to it where the module cannot be loaded. */
static int load(const struct cli *c, struct kmod_ctx *ctx)
{
	struct cli_handover h;
	int rc = cli_handover_begin(c, &h, true);

	if (rc)
		return rc;
	rc = c->n_args > 1 ? load_file(c, ctx, c->args[1], &h) : load_installed(c, ctx, &h);
	cli_handover_end(&h);
	return rc;
}

/* ---- unload ---- */

struct users {
	int but;	/* of no interest */
	void (*each)(void *arg, int pid, const char *name);
	void *arg;
};

static bool user(void *arg, const char *root, int pid)
{
	const struct users *u = arg;
	char name[64];

	if (pid != u->but && pid != getpid() && cli_has_open(root, pid, "/dev/cardring*"))
		u->each(u->arg, pid, cli_process_name(root, pid, name, sizeof(name)) ? name : "?");
	return false;
}

/* Calls each for every process that has a reader's node open, but one. */
static void users(int but, void (*each)(void *arg, int pid, const char *name), void *arg)
{
	struct users u = { but, each, arg };

	cli_processes("", user, &u);
}

static void name_user(void *arg, int pid, const char *name)
{
	char *s = arg;
	size_t n = strlen(s);

	if (n < 200)
		snprintf(s + n, 256 - n, "%s%s (%d)", n ? ", " : "", name, pid);
}

static void json_user(void *arg, int pid, const char *name)
{
	json_array_append_new(arg, json_pack("{s:i, s:o}", "pid", pid, "name", cli_json_string(name)));
}

static int in_use(const struct cli *c, const char *who)
{
	if (*who)
		return cli_fail(c, CLI_ERROR, "in-use", NULL, _("The module is in use by %s: end them first."), who);
	return cli_fail(c, CLI_ERROR, "in-use", NULL,
			_("The module is in use, and by no process that can be seen: a card may still have to be powered off; try it again in a moment."));
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void name_module(const struct kmod_list *holders, char *who)
{
	struct kmod_module *mod = kmod_module_get_module(holders);

	snprintf(who, 256, "%s", kmod_module_get_name(mod));
	kmod_module_unref(mod);
}

/* A file that is closed, or whose process is killed, is nobody's any more, and keeps the module until its card is off. */
static int remove_module(struct kmod_module *mod, char *who)
{
	const struct timespec look = { .tv_nsec = LOOK_MS * 1000000L };
	uint64_t begin = now_ms();
	bool said = false;

	for (;;) {
		int err = kmod_module_remove_module(mod, KMOD_REMOVE_NOWAIT);
		struct kmod_list *holders;

		if (err != -EAGAIN && err != -EBUSY)
			return err;
		users(0, name_user, who);
		holders = kmod_module_get_holders(mod);
		if (holders && !*who)
			name_module(holders, who);
		kmod_module_unref_list(holders);
		if (*who || now_ms() - begin >= CLOSING_MS)
			return err;
		if (!said && now_ms() - begin >= NOTE_MS)
			cli_note(_("Waiting until a card is powered off."));
		said |= now_ms() - begin >= NOTE_MS;
		nanosleep(&look, NULL);
	}
}

/* pcscd alone is asked to let go, and has its readers by its own driver then. */
static int unload(const struct cli *c, struct kmod_ctx *ctx)
{
	struct kmod_module *mod = NULL;
	struct cli_handover h = { .n = 0 };
	char who[256] = "";
	int err, rc;

	if (!cli_module_loaded())
		return done(c, false, false, &h, _("The module was not loaded."));
	users(cli_process_called("", "pcscd"), name_user, who);
	if (*who)
		return in_use(c, who);
	rc = cli_handover_begin(c, &h, false);
	if (rc)
		return rc;
	err = kmod_module_new_from_name(ctx, MODULE, &mod);
	if (!err)
		err = remove_module(mod, who);
	kmod_module_unref(mod);
	if (!err)
		return done(c, false, true, &h, _("The module is unloaded."));
	cli_handover_end(&h);
	switch (err) {
	case -EPERM:
	case -EACCES:
		return load_failed(c, NULL, MODULE, err);
	case -EAGAIN:
	case -EBUSY:
		return in_use(c, who);
	}
	return cli_fail(c, CLI_ERROR, "unload-failed", NULL, _("The kernel did not let go of the module: %s"),
			strerror(-err));
}

/* ---- status ---- */

static unsigned int count_nodes(void)
{
	DIR *d = opendir("/sys/class/cardring");
	struct dirent *e;
	unsigned int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static int status(const struct cli *c, struct kmod_ctx *ctx)
{
	bool loaded = cli_module_loaded();
	struct kmod_list *list = NULL;
	const char *path = NULL;
	struct kmod_module *mod = NULL;
	char version[64] = "", who[256] = "";
	json_t *j, *holders;
	int refs = -1;

	if (kmod_module_new_from_lookup(ctx, MODULE, &list) >= 0 && list) {
		mod = kmod_module_get_module(list);
		path = kmod_module_get_path(mod);
		info_of(mod, "version", version, sizeof(version));
		refs = loaded ? kmod_module_get_refcnt(mod) : -1;
	} else if (loaded && !kmod_module_new_from_name(ctx, MODULE, &mod)) {
		refs = kmod_module_get_refcnt(mod);
	}
	if (c->json) {
		holders = json_array();
		users(0, json_user, holders);
		j = json_object();
		json_object_set_new(j, "loaded", json_boolean(loaded));
		json_object_set_new(j, "kernel", cli_json_string(kernel()));
		json_object_set_new(j, "installed", cli_json_string(path));
		json_object_set_new(j, "version", cli_json_string(*version ? version : NULL));
		json_object_set_new(j, "references", refs < 0 ? json_null() : json_integer(refs));
		json_object_set_new(j, "readers", json_integer(count_nodes()));
		json_object_set_new(j, "users", holders);
		cli_json_print(json_pack("{s:o}", "driver", j));
	} else {
		cli_row(_("Module"), loaded ? _("loaded") : _("not loaded: as root, \"cardring driver load\""), 20);
		cli_row(_("Kernel"), kernel(), 20);
		cli_row(_("Installed"), path ? path : _("not for this kernel"), 20);
		snprintf(version, sizeof(version), "%u", count_nodes());
		if (loaded)
			cli_row(_("Readers"), version, 20);
		users(0, name_user, who);
		if (*who)
			cli_row(_("In use by"), who, 20);
	}
	kmod_module_unref(mod);
	kmod_module_unref_list(list);
	return loaded ? CLI_OK : CLI_NO_READER;
}

int cmd_driver(struct cli *c)
{
	static const char *const actions[] = { "load", "unload", "status", NULL };
	const char *action = c->n_args ? c->args[0] : "", *near;
	struct kmod_ctx *ctx;
	int rc;

	if (c->n_args > (strcmp(action, "load") ? 1u : 2u))
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("That is too much; see \"cardring help %s\"."), c->cmd->name);
	ctx = kmod_new(NULL, NULL);
	if (!ctx)
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	kmod_set_log_fn(ctx, quiet, NULL);
	if (!strcmp(action, "load")) {
		rc = load(c, ctx);
	} else if (!strcmp(action, "unload")) {
		rc = unload(c, ctx);
	} else if (!strcmp(action, "status")) {
		rc = status(c, ctx);
	} else {
		near = cli_nearest(action, actions);
		rc = near ? cli_fail(c, CLI_ERROR, "usage", NULL, _("There is no \"cardring %s %s\"; did you mean \"%s\"?"),
				     c->cmd->name, action, near) :
			    cli_fail(c, CLI_ERROR, "usage", NULL, _("Say what to do: cardring %s %s."), c->cmd->name,
				     c->cmd->args);
	}
	kmod_unref(ctx);
	return rc;
}
