/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A check with a name: CR_RULE(name, expr) is expr, "this is as it has to be". The conformity suite
 * (tests/conformity), which builds the library with CR_CONFORMITY, can take one away by its name, so
 * that a case that stands on it is seen to need it. expr is evaluated either way.
 */
#ifndef CR_EID_RULE_H
#define CR_EID_RULE_H

#ifdef CR_CONFORMITY

#include <stdbool.h>

/* A check of this name has failed: whether it is taken away. */
bool cr_rule_off(const char *name);

/* Their names are in a section of their own, so that a table cannot name one that is not there. */
#define CR_RULE(name, expr) ({ \
	static const char *const cr_rule_##name __attribute__((section("cr_rules"), used)) = #name; \
	(expr) || cr_rule_off(cr_rule_##name); })
/* For what is not asked as one question: whether the check is taken away. */
#define CR_RULE_OFF(name) cr_rule_is_off(#name)
bool cr_rule_is_off(const char *name);

#else

#define CR_RULE(name, expr) (expr)
#define CR_RULE_OFF(name) false

#endif
#endif
