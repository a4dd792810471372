// SPDX-License-Identifier: BSD-2-Clause
/*
 * The language, without the system's help: the post's old laptop has no vi_VN locale installed.
 *
 * gettext translates in every locale but "C", and then goes by LANGUAGE. C.UTF-8 is built into the C
 * library and is not "C". So: messages in C.UTF-8, and LANGUAGE says the language. Text is UTF-8
 * whatever the locale: so are the card's names.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

static bool catalogue_in(const char *dir, const char *lang)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s/LC_MESSAGES/cardring.mo", dir, lang);
	return !access(path, R_OK);
}

/* locale/ beside the command where it was built, share/locale where it was installed. */
static const char *locale_dir(void)
{
	static const char *const places[] = { "/locale", "/../share/locale" };
	static char dir[4096];
	char exe[3000], *slash;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n > 0) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		if (slash)
			*slash = '\0';
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			snprintf(dir, sizeof(dir), "%s%s", exe, places[i]);
			if (catalogue_in(dir, "vi"))
				return dir;
		}
	}
	return LOCALEDIR;
}

/* The language that the environment names, should its locale not be installed: "vi" of "vi_VN.UTF-8". */
static void environment_language(char *out, size_t size)
{
	static const char *const vars[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	const char *v = NULL;

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]) && (!v || !*v); i++)
		v = getenv(vars[i]);
	snprintf(out, size, "%.*s", v ? (int)strcspn(v, ".@") : 0, v ? v : "");
	if (!strcmp(out, "C") || !strcmp(out, "POSIX"))
		out[0] = '\0';
}

bool cli_i18n(const char *lang)
{
	const char *dir = locale_dir(), *now;
	char env[64];

	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8"))
		setlocale(LC_CTYPE, "C.UTF-8");
	bindtextdomain("cardring", dir);
	bind_textdomain_codeset("cardring", "UTF-8");
	textdomain("cardring");

	if (lang && !strcmp(lang, "en")) {
		setlocale(LC_MESSAGES, "C");
		return true;
	}
	if (lang) {
		if (!*lang || strchr(lang, '/') || !catalogue_in(dir, lang))
			return false;
		setlocale(LC_MESSAGES, "C.UTF-8");
		setenv("LANGUAGE", lang, 1);
		return true;
	}
	now = setlocale(LC_MESSAGES, "");
	if (!now) {
		environment_language(env, sizeof(env));
		if (*env && setlocale(LC_MESSAGES, "C.UTF-8"))
			setenv("LANGUAGE", env, 0);
	}
	return true;
}
