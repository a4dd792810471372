// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints' code, made from trace.h.
 */
#include <linux/types.h>

#define CREATE_TRACE_POINTS
#include "trace.h"
