// SPDX-License-Identifier: BSD-2-Clause
/* The commands, and the help that teaches them. */
#include <stdio.h>
#include <string.h>
#include "cli.h"

#define READER	(CLI_FOR_ALL | CLI_FOR_READER)
#define CARD	(READER | CLI_FOR_CARD)

const struct cli_command cli_commands[] = {
	{ "verify", "", N_("read a card and say whether it is genuine"),
	  N_("Opens the chip with what is printed on the card, reads it, checks the issuing state's signature and that the chip is no copy, and says: genuine, unproven, expired, revoked, forged or cloned, with the reasons.\n"
	     "\n"
	     "Vietnamese cards open with the CAN, the last six digits of the identity number; published readers for these cards document that rule. --id-number takes the whole number. Passports open with their MRZ.\n"
	     "\n"
	     "The exit status is 0 for genuine, 10 unproven, 11 expired or revoked, 12 forged, 13 cloned; 3 no reader, 4 no card or it was taken away, 5 access refused, 1 anything else."),
	  "cardring verify --can 123456\n"
	  "cardring verify --id-number 001090123456 --lang vi\n"
	  "cardring verify --doc U7654321A --dob 1974-08-12 --exp 2031-02-28\n"
	  "cardring verify --mrz - --json < mrz.txt\n"
	  "cardring verify --can 123456 --wait 30 --out /run/user/1000/card\n"
	  "cardring verify --from /run/user/1000/card --trust trust\n"
	  "cardring verify --reader sim:an --can 123456",
	  CARD | CLI_FOR_SECRET | CLI_FOR_VERIFY, cmd_verify },
	{ "read", "", N_("read a card without judging it"),
	  N_("Opens the chip as \"cardring verify\" does and shows what it holds. Nothing is verified: a forged card reads as well as a genuine one."),
	  "cardring read --can 123456 --json\n"
	  "cardring read --can 123456 --out card",
	  CARD | CLI_FOR_SECRET, cmd_read },
	{ "list", "", N_("list the readers, their slots and who holds them"),
	  N_("One entry a slot: its number (for --reader), name, card, exchange level, keypad and display, USB identity, path, and the process that holds it."),
	  "cardring list\n"
	  "cardring list --json\n"
	  "cardring list --backend usb",
	  CLI_FOR_ALL | CLI_FOR_LIST, cmd_list },
	{ "monitor", "", N_("tell when readers and cards come and go"),
	  N_("Begins with what is there and goes on until Ctrl-C. With --json each line is one object."),
	  "cardring monitor\n"
	  "cardring monitor --json",
	  CLI_FOR_ALL | CLI_FOR_LIST, cmd_monitor },
	{ "stat", "", N_("show what each reader does, and how fast"),
	  N_("Counters since the reader was plugged in, and below them, from the second look on, how much that was a second (/s): commands; bytes sent and received; bytes the module copied, and responses it did not have to copy; commands that ran out of time; commands that failed; resets; answers that nothing had asked for. With the card's state, and the median (p50) and the 99th percentile (p99) of two times, since the look before: turnaround, from an answer to the next command for the card; answers, from a command to the card's answer. On a terminal it goes on until Ctrl-C. With --json each look is one line, one object."),
	  "cardring stat\n"
	  "cardring stat --interval 10 --count 6\n"
	  "cardring stat --json --interval 1",
	  CLI_FOR_ALL | CLI_FOR_STAT, cmd_stat },
	{ "apdu", "[HEX...]", N_("send commands to a card and show its answers"),
	  N_("Each argument is one command APDU in hexadecimal digits; without arguments each line of standard input is (# begins a comment). Data and status word are printed, and what the status word means."),
	  "cardring apdu 00A4040C07A0000002471001\n"
	  "cardring apdu --reader 1 \"00 A4 02 0C 02 01 1C\" 00B0000008\n"
	  "cardring apdu --reader sim:an < commands.txt",
	  CARD, cmd_apdu },
	{ "pin", "verify|change", N_("verify or change a PIN on the reader's own keypad"),
	  N_("The reader asks for the PIN, puts it into the command and sends that to the card; the PIN never reaches this computer. Readers without a keypad are refused; \"cardring list\" shows which have one. What reference and form a card's PIN has its manual says: a PIN in the wrong form may cost a try.\n"
	     "\n"
	     "The exit status is 0 if the card took it, 5 if the PIN is wrong or blocked, 130 if it was canceled on the keypad or by Ctrl-C, 1 if nobody typed it in time, if it was not typed the same twice, or for anything else; 3 and 4 as ever."),
	  "cardring pin verify --ref 81\n"
	  "cardring pin verify --ref 80 --aid A000000308000010000100 --digits 6-8\n"
	  "cardring pin verify --ref 01 --format iso9564-2 --digits 4-12 --json\n"
	  "cardring pin change --ref 81 --timeout 60",
	  CARD | CLI_FOR_PIN, cmd_pin },
	{ "driver", "load [FILE]|unload|status", N_("load and unload the kernel module"),
	  N_("load takes the installed module of the running kernel, or the file that is named. Where pcscd runs, load takes its readers over and unload gives them back; PC/SC programs go on, but for one that uses a card, for which nothing is done without --force. Only root may load and unload. status exits with 0 if the module is loaded, with 3 if not."),
	  "sudo cardring driver load\n"
	  "sudo cardring driver load build/module/$(uname -r)/cardring.ko\n"
	  "cardring driver status --json\n"
	  "sudo cardring driver unload",
	  CLI_FOR_ALL | CLI_FOR_DRIVER, cmd_driver },
	{ "doctor", "", N_("find out why a card cannot be read, and what to do"),
	  N_("Looks at all that lies between you and a card: the module and the kernel, udev's rules, pcscd, who drives or holds each reader, permissions, trusted issuers, the environment. One line a check, and below it what to do. The exit status is 0 if a card could be read now, else 3."),
	  "cardring doctor\n"
	  "cardring doctor --json",
	  CLI_FOR_ALL, cmd_doctor },
	{ "sim", "list|make DIR|serve CARD", N_("sample cards of invented people, for tests and training"),
	  N_("list names the sample cards; each is also a reader, --reader sim:CARD. make makes them and their issuers anew in a folder. serve puts one into a reader until Ctrl-C: --vscard into QEMU's, --vpcd into a virtual one under pcscd, --usbip into a virtual one of this machine.\n"
	     "\n"
	     "While it serves, SIGUSR1 takes the card out of QEMU's reader, or pcscd's, and SIGUSR2 puts it back; to the virtual USB reader, lines of standard input are faults and events (\"help\" lists them)."),
	  "cardring sim list\n"
	  "cardring sim serve an --vscard card.sock\n"
	  "cardring sim serve an --vpcd 35963\n"
	  "sudo cardring sim serve an --usbip --level extended --slots 2\n"
	  "sudo cardring sim serve echo --usbip --pinpad",
	  CLI_FOR_ALL | CLI_FOR_SERVE, cmd_sim },
	{ "show", "FILE", N_("show all that one file says"),
	  N_("Takes one file apart, as \"cardring read --out\" writes it (EF.COM, EF.SOD, EF.DIR, EF.ATR/INFO, DG1 to DG16), EF.CardAccess, EF.CardSecurity, a certificate, revocation list, master list or defect list (DER or PEM). Nothing is verified."),
	  "cardring show card/EF.SOD.bin\n"
	  "cardring show card/DG14.bin --json\n"
	  "cardring show csca-germany.cer",
	  CLI_FOR_ALL, cmd_show },
	{ "trust", "import FILE...|list|show NAME...|remove NAME...|check", N_("keep the store of issuers that are trusted"),
	  N_("The store is a folder, one file a certificate, with an index; \"cardring verify --trust\" reads it.\n"
	     "\n"
	     "import takes certificates and revocation lists (DER, PEM), master lists, defect lists, and the LDIF files of the ICAO PKD, and says what it leaves out and why. An authority in a file of its own is trusted because you name it; those in a master list because its signer leads to an authority that --root names, and what a defect list says for the same reason, or, if nobody signed it, because you name it. A file that is damaged or not rightly signed is refused, and then nothing of any file is imported.\n"
	     "\n"
	     "list shows certificates and lists by state, show all about some of them (by file name, fingerprint, or state), remove takes some out (by file name or fingerprint). check compares the store with its index and looks for what is damaged, has expired or soon will, and lists and link certificates without their issuer; it exits with 1 if something is wrong."),
	  "cardring trust import --trust trust --root csca-germany.cer DE_ML.ml\n"
	  "cardring trust import --trust trust vietnam.cer icaopkd-001-dsccrl.ldif\n"
	  "cardring trust import --trust trust --root csca-germany.cer DE_DFL.dfl\n"
	  "cardring trust list --trust trust --json\n"
	  "cardring trust show --trust trust VN\n"
	  "cardring trust remove --trust trust 3f2a90c14b77\n"
	  "cardring trust check --trust trust",
	  CLI_FOR_ALL | CLI_FOR_TRUST, cmd_trust },
	{ "help", "[COMMAND]", N_("explain a command"),
	  N_("Explains a command, its options, and how it is used."),
	  "cardring help verify",
	  CLI_FOR_ALL, cmd_help },
	{ 0 }
};

static void examples(const char *text)
{
	printf("\n%s\n", _("Examples:"));
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		printf("  %.*s\n", (int)n, text);
	}
}

/* Paragraphs, wrapped on a terminal. */
static void paragraphs(const char *text)
{
	char line[2048];

	printf("\n");
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		if (n)
			cli_row("", line, 2);
		else
			printf("\n");
	}
}

static void overview(void)
{
	printf("%s\n\n%s\n", _("cardring reads and verifies chip identity cards and passports."), _("Commands:"));
	for (const struct cli_command *cmd = cli_commands; cmd->name; cmd++)
		cli_row(cmd->name, _(cmd->summary), 14);
	printf("\n%s\n", _("Options of every command:"));
	cli_opts_help(CLI_FOR_ALL);
	examples("cardring verify --can 123456\n"
		 "cardring help verify\n"
		 "cardring verify --reader sim:an --can 123456");
}

static void show(const struct cli_command *cmd)
{
	if (!cmd) {
		overview();
		return;
	}
	printf(_("Usage: cardring %s"), cmd->name);
	printf("%s%s %s\n", *cmd->args ? " " : "", cmd->args, _("[OPTIONS]"));
	paragraphs(_(cmd->text));
	printf("\n%s\n", _("Options:"));
	cli_opts_help(cmd->options);
	examples(cmd->examples);
}

int cli_help(const struct cli *c, const struct cli_command *cmd)
{
	FILE *out = stdout, *text;
	char *s = NULL;
	size_t n;
	json_t *j;

	if (!c->json) {
		show(cmd);
		return CLI_OK;
	}
	text = open_memstream(&s, &n);
	if (!text)
		return cli_fail_err(c, CR_E_NOMEM, NULL, NULL);
	stdout = text;
	show(cmd);
	stdout = out;
	fclose(text);
	j = json_pack("{s:o, s:o}", "command", cli_json_string(cmd ? cmd->name : NULL), "help", cli_json_string(s));
	free(s);
	return cli_json_print(j);
}

int cmd_help(struct cli *c)
{
	const char *names[16], *near;
	const struct cli_command *cmd;
	size_t n = 0;

	if (!c->n_args)
		return cli_help(c, NULL);
	if (c->n_args > 1)
		return cli_fail(c, CLI_ERROR, "usage", NULL, _("That is too much; see \"cardring help %s\"."), c->cmd->name);
	cmd = cli_command(c->args[0]);
	if (cmd)
		return cli_help(c, cmd);
	for (cmd = cli_commands; cmd->name; cmd++)
		names[n++] = cmd->name;
	names[n] = NULL;
	near = cli_nearest(c->args[0], names);
	return near ? cli_fail(c, CLI_ERROR, "usage", NULL, _("There is no command \"%s\"; did you mean \"%s\"?"),
			       c->args[0], near) :
		      cli_fail(c, CLI_ERROR, "usage", NULL, _("There is no command \"%s\"; \"cardring help\" lists them."),
			       c->args[0]);
}
