// SPDX-License-Identifier: BSD-2-Clause
/*
 * A terminal that does not echo for a while: whatever ends or stops the program in between gets it back as it was. The
 * handler itself sees to that (tcsetattr and the others are safe in one, POSIX 2.4.3), so that there is no moment at
 * which a signal only sets a mark that nobody looks at any more.
 */
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "cli.h"

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

#define N_SIGNALS	(sizeof(signals) / sizeof(signals[0]))

static struct {
	int fd;
	struct termios before, now;
	struct sigaction old[N_SIGNALS], ours;
} tty;

static void restore_and_obey(int sig)
{
	sigset_t set, blocked;
	size_t i = 0;

	while (i < N_SIGNALS - 1 && signals[i] != sig)
		i++;
	tcsetattr(tty.fd, TCSANOW, &tty.before);
	sigaction(sig, &tty.old[i], NULL);
	raise(sig);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, &blocked);	/* here it ends, or stops */
	if (sig == SIGTSTP) {
		/* "fg": the input goes on; in the background this stops again (SIGTTOU) */
		tcsetattr(tty.fd, TCSANOW, &tty.now);
		sigaction(sig, &tty.ours, NULL);
	}
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

bool cli_tty_begin(int fd, unsigned int off, bool wait)
{
	sigset_t all, blocked;
	bool ok;

	tty.fd = fd;
	if (tcgetattr(fd, &tty.before))
		return false;
	tty.now = tty.before;
	tty.now.c_lflag &= ~(tcflag_t)off;
	if (!wait) {
		tty.now.c_cc[VMIN] = 0;
		tty.now.c_cc[VTIME] = 0;
	}
	tty.ours = (struct sigaction) { .sa_handler = restore_and_obey };
	sigfillset(&tty.ours.sa_mask);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &blocked);
	for (size_t i = 0; i < N_SIGNALS; i++) {
		sigaction(signals[i], NULL, &tty.old[i]);
		tty.ours.sa_flags = signals[i] == SIGTSTP ? SA_RESTART : 0;
		if (tty.old[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &tty.ours, NULL);
	}
	ok = !tcsetattr(fd, wait ? TCSAFLUSH : TCSANOW, &tty.now);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	if (!ok)
		cli_tty_end();
	return ok;
}

void cli_tty_end(void)
{
	struct sigaction now;

	tcsetattr(tty.fd, TCSANOW, &tty.before);
	for (size_t i = 0; i < N_SIGNALS; i++)
		/* one that came has its own again, and may have spent it (SA_RESETHAND) */
		if (!sigaction(signals[i], NULL, &now) && now.sa_handler == restore_and_obey)
			sigaction(signals[i], &tty.old[i], NULL);
}
