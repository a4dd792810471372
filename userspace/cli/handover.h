/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers from pcscd's drivers to cardring.ko and back, while pcscd runs. It hears of readers by udev's "add" and
 * "remove" of their interfaces alone: told that one was removed, it lets go of it, and told that one was added, it
 * asks its drivers, ours first, whether they serve it. So an interface that changes hands is removed before and added
 * after, for those who listen: the kernel sends such events on request, and nothing else about the device changes.
 */
#ifndef CARDRING_CLI_HANDOVER_H
#define CARDRING_CLI_HANDOVER_H

#include <signal.h>
#include "cli.h"

struct cli_handover {
	struct cli_interface moved[CLI_MAX_INTERFACES];	/* told to be removed */
	size_t n;
	int pcscd;					/* 0: it does not run, and nothing need be told */
	bool to_module;
	sigset_t signals;				/* as they were; between begin and end none ends the command */
};

/*
 * Takes from pcscd every reader that the module would have (to_module) or has, and waits until it has let go. 0, or
 * an exit code after saying what is in the way. Unless c->force: a card in use by a PC/SC program, a pcscd that does not
 * answer, or (to_module) one that has not our handler. In any case, where the module is to be unloaded: a pcscd that does
 * not let go (elsewhere its readers stay with it, which is said).
 */
int cli_handover_begin(const struct cli *c, struct cli_handover *h, bool to_module);
/*
 * Offers them to the module (to_module), and then to pcscd; once. Signals are the command's again. How many the module
 * has now that it had not.
 */
size_t cli_handover_end(struct cli_handover *h);

#endif
