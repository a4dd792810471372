/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CR_TRUST_IMPORT_INT_H
#define CR_TRUST_IMPORT_INT_H

#include "import.h"

/* Notes what is left out; what is taken over (NULL: CR_E_NOMEM). */
int cr_import_skip(struct cr_import *im, size_t source, char *what, const char *why);

#endif
