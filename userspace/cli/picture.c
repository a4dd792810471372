// SPDX-License-Identifier: BSD-2-Clause
/* --portrait and --picture: the portrait as a PNG, in a file and in the terminal. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include "cli.h"

#define ANSWER_MS	300	/* what a terminal gets to say what it is */
#define SIXEL_ROWS	480

static const char *why_not(enum picture_error err)
{
	switch (err) {
	case PICTURE_OK:	return NULL;
	case PICTURE_UNKNOWN:	return N_("The portrait is neither JPEG nor JPEG 2000.");
	case PICTURE_BROKEN:	return N_("The portrait is broken: it does not decode.");
	case PICTURE_TOO_LARGE:	return N_("The portrait is larger than any portrait is: it is not decoded.");
	case PICTURE_UNSUPPORTED: return N_("The portrait is a picture of a kind that no portrait is.");
	case PICTURE_NO_MEMORY:	break;
	}
	return N_("There is no memory for the portrait.");
}

int cli_picture_check(const struct cli *c)
{
	static const char *const ways[] = { "auto", "kitty", "sixel" };
	bool known = !c->picture;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && !known; i++)
		known = !strcmp(c->picture, ways[i]);
	if (!known)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("--picture takes auto, kitty or sixel."));
	if (c->picture && c->json)
		return cli_fail(c, CLI_ERROR, "usage", NULL,
				_("--picture and --json do not go together: --portrait writes a file."));
	return 0;
}

int cli_portrait_prepare(const struct cli *c)
{
	if (!c->portrait || !cli_write_check(c->portrait))
		return 0;
	return cli_fail(c, CLI_ERROR, "io", NULL, _("%s cannot be written: %s"), c->portrait, strerror(errno));
}

void cli_portrait_make(const struct cli *c, const struct cr_inspection *in, struct cli_portrait *p, struct cli_fault *fault)
{
	if (!c->portrait && !c->picture)
		return;
	p->error = in->portrait ? why_not(picture_decode(in->portrait, in->portrait_len, &p->picture)) :
				  N_("There is no portrait among what was read.");
	if (!p->error)
		p->error = why_not(picture_png(&p->picture, &p->png, &p->png_len));
	if (!c->portrait)
		return;
	if (!p->error && !cli_write_file(c->portrait, p->png, p->png_len)) {
		p->written = c->portrait;
		return;
	}
	if (!p->error)
		cli_fault(fault, "io", _("%s cannot be written: %s"), c->portrait, strerror(errno));
	/* what lies there is another's face */
	if (unlink(c->portrait) && errno != ENOENT)
		cli_fault(fault, "io", _("%s, the portrait of another card, cannot be removed: %s"), c->portrait, strerror(errno));
}

void cli_portrait_free(struct cli_portrait *p)
{
	picture_free(&p->picture);
	if (p->png)
		OPENSSL_cleanse(p->png, p->png_len);
	free(p->png);
}

/* ---- which terminal it is ---- */

static bool is_kitty(void)
{
	const char *term = getenv("TERM"), *program = getenv("TERM_PROGRAM");

	if (getenv("TMUX"))	/* it keeps the pictures to itself */
		return false;
	return getenv("KITTY_WINDOW_ID") || (term && strstr(term, "kitty")) ||
	       (program && (!strcmp(program, "WezTerm") || !strcmp(program, "ghostty")));
}

static long ms_left(const struct timespec *until)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (until->tv_sec - now.tv_sec) * 1000 + (until->tv_nsec - now.tv_nsec) / 1000000;
}

/* What comes until a 'c', or the time is over. */
static void hear(int tty, char *text, size_t size)
{
	struct pollfd fd = { .fd = tty, .events = POLLIN };
	struct timespec until;
	size_t n = 0;
	long left;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ANSWER_MS * 1000000L;
	while (n < size - 1 && (left = ms_left(&until)) > 0 && poll(&fd, 1, (int)left) == 1) {
		if (read(tty, text + n, 1) != 1 || text[n++] == 'c')
			break;
	}
	text[n] = '\0';
}

/* Primary device attributes (DA1): "ESC [ ? 62 ; 4 ; ... c", of which 4 is sixel. */
bool cli_answer_has_sixel(const char *answer)
{
	const char *p = strstr(answer, "\033[?");

	for (p = p ? p + 3 : NULL; p && *p; p = p[strcspn(p, ";c")] == ';' ? strchr(p, ';') + 1 : NULL) {
		if (p[0] == '4' && (p[1] == ';' || p[1] == 'c'))
			return true;
	}
	return false;
}

static bool has_sixel(void)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char answer[64] = "";

	if (tty < 0)
		return false;
	if (cli_tty_begin(tty, ICANON | ECHO, false)) {
		if (write(tty, "\033[c", 3) == 3)
			hear(tty, answer, sizeof(answer));
		cli_tty_end();
	}
	close(tty);
	return cli_answer_has_sixel(answer);
}

static const char *way_of_terminal(void)
{
	if (!isatty(STDOUT_FILENO))
		return NULL;
	return is_kitty() ? "kitty" : has_sixel() ? "sixel" : NULL;
}

void cli_portrait_show(const struct cli *c, const struct cli_portrait *p)
{
	const char *way = c->picture;

	if (p->error) {
		cli_note("%s", _(p->error));
		return;
	}
	if (p->picture.damaged)
		cli_note("%s", _("The portrait is damaged: parts of it are missing."));
	if (p->written)
		printf(_("The portrait is in %s.\n"), p->written);
	if (!way)
		return;
	fflush(stdout);
	if (!strcmp(way, "auto"))
		way = way_of_terminal();
	if (!way)
		cli_note("%s", _("This terminal shows no pictures, or does not say so: --picture kitty or sixel overrules it."));
	else if (!(strcmp(way, "kitty") ? picture_sixel(stdout, &p->picture, SIXEL_ROWS) :
					  picture_kitty(stdout, p->png, p->png_len)))
		cli_note("%s", _("The portrait could not be shown."));
}
