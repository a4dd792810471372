#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Turns one cmocka program's TAP (on stdin) into our lines: "ok PROGRAM.TEST", "not ok PROGRAM.TEST: WHY",
# "skip PROGRAM.TEST: WHY".
#
#   CMOCKA_MESSAGE_OUTPUT=TAP PROGRAM 2>&1 | tests/tap.sh PROGRAM STATUS
#
# A program that died (STATUS not 0) without naming a failed test, or named no test, or fewer than it announced ("1..N"),
# is itself one.
exec awk -v p="$1" -v status="$2" '
function flush() { if (held != "") print held (why == "" ? "" : ": " why); held = why = "" }
/^(not )?ok [0-9]+ # SKIP/ { flush(); sub(/^(not )?ok [0-9]+ # SKIP */, ""); print "skip " p "." $0 ": by the test itself"; n++; next }
/^ok [0-9]+/ { flush(); sub(/^ok [0-9]+ (- )?/, ""); print "ok " p "." $0; n++; next }
/^not ok [0-9]+/ { flush(); sub(/^not ok [0-9]+ (- )?/, ""); held = "not ok " p "." $0; n++; bad++; next }
/^1\.\.[0-9]+/ { planned += substr($0, 4); next }
/^(TAP version|# .* tests? (passed|failed)|)$/ { next }
{ line = $0; sub(/^# */, "", line) }
held != "" && why == "" { why = line }
{ print "# " line }
END {
	flush()
	if (status == 124) print "not ok " p ": did not end in time"
	else if (status && !bad) print "not ok " p ": exit " status (status > 128 ? " (signal " status - 128 ")" : "")
	else if (!n) print "not ok " p ": ran no test"
	else if (n < planned) print "not ok " p ": gave the results of " n " tests of " planned
	exit (bad || status || !n || n < planned) ? 1 : 0
}'
