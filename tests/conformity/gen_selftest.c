/* SPDX-License-Identifier: BSD-2-Clause */
/* For the suite's own test (selftest.sh). */
#include <stdlib.h>
#include "conformity.h"

static uint16_t crash(void *arg, const struct sim_card *card, const struct sim_apdu *cmd, bool protected)
{
	abort();
}
CONF_GENERATOR(crash, "the inspection's process dies (selftest.sh)", .tap = { .before = crash });
