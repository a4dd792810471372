/* SPDX-License-Identifier: BSD-2-Clause */
/* XML 1.0, as much of it as a log needs: elements and attributes, whose texts may hold anything. No I/O. */
#ifndef CR_EID_XML_H
#define CR_EID_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cr_xml {		/* zero it to begin */
	char *text;	/* free it; terminated */
	size_t len, size;
	unsigned int depth;
	bool failed;	/* no memory: text is incomplete */
};

/*
 * Names are ours and are written as they are. Values are UTF-8, from anywhere: what is none, and the characters
 * that no XML may hold, become U+FFFD. A NULL value writes nothing at all.
 */
void cr_xml_begin(struct cr_xml *x, const char *name, const char *const *attributes);	/* name, value, ..., NULL */
void cr_xml_end(struct cr_xml *x, const char *name);
void cr_xml_element(struct cr_xml *x, const char *name, const char *value);

#endif
