/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a machine says of itself: processes, and readers on its USB bus. root: "" for this machine, else the folder
 * that /proc, /sys and the rest are looked for in.
 */
#ifndef CARDRING_CLI_HOST_H
#define CARDRING_CLI_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first line of a file; false: it is not there, or empty. */
bool cli_read_line(const char *root, const char *path, char *out, size_t size);
bool cli_exists(const char *root, const char *path);

/* The file of cardring's udev rules that counts, and whether it holds any; false: there is none. */
bool cli_udev_rules(const char *root, char *path, size_t size, bool *rules);

/* Is cardring's handler where pcscd looks for its drivers? Without it PC/SC has no reader that the module has. */
bool cli_has_handler(const char *root);

/* "scdaemon"; false if there is no such process. */
bool cli_process_name(const char *root, int pid, char *out, size_t size);
/* Calls each for every process until it says true; whether one did. */
bool cli_processes(const char *root, bool (*each)(void *arg, const char *root, int pid), void *arg);
/* Has the process this file open? "/dev/cardring*": any that begins so. False too where this user may not know. */
bool cli_has_open(const char *root, int pid, const char *node);
/* The first process of this name; the first but this one that has the file open. 0: none that is seen. */
int cli_process_called(const char *root, const char *name);
int cli_process_with(const char *root, const char *node);

/* A reader's interface on the USB bus. */
struct cli_interface {
	char name[64];			/* "1-2:1.0" */
	char product[160];
	char node[64];			/* "/dev/bus/usb/001/002" */
	char driver[64];		/* "": none; "usbfs": a process */
	uint16_t vendor, product_id;
	bool token;			/* a security token, left to its own programs */
};
#define CLI_MAX_INTERFACES	256
/* How many there are, at most max, sorted by name. */
size_t cli_interfaces(const char *root, struct cli_interface *out, size_t max);
void cli_interface(const char *root, const char *name, struct cli_interface *out);
/* Has the same device one of the HID class: a keyboard, a token's other side? */
bool cli_has_hid(const char *root, const char *interface);

#endif
