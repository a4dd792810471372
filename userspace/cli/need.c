// SPDX-License-Identifier: BSD-2-Clause
/* --need: what a card is read for, to the data groups that it takes. */
#include <stdlib.h>
#include <string.h>
#include "cli.h"

static bool take(const char *word, size_t len, uint32_t *need)
{
	static const struct { const char *word; uint32_t need; } words[] = {
		{ "identity", CR_NEED_IDENTITY },
		{ "portrait", CR_NEED_PORTRAIT },
		{ "all", CR_NEED_ALL | CR_NEED_CARD },
	};
	unsigned long n;
	char *end;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) == len && !memcmp(word, words[i].word, len)) {
			*need |= words[i].need;
			return true;
		}
	}
	if (!len || len > 2 || strspn(word, "0123456789") < len)
		return false;
	n = strtoul(word, &end, 10);
	if (n < 1 || n > 16)
		return false;
	*need |= 1U << n;
	return true;
}

int cli_need(const struct cli *c, uint32_t *need)
{
	*need = 0;
	for (const char *p = c->need; p; ) {
		size_t len = strcspn(p, ",");

		if (!take(p, len, need))
			return cli_fail(c, CLI_ERROR, "usage", NULL,
					_("--need takes identity, portrait, all and the numbers 1 to 16 of data groups, with commas between them."));
		p = p[len] ? p + len + 1 : NULL;
	}
	return 0;
}
