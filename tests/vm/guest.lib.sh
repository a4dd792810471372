# SPDX-License-Identifier: BSD-2-Clause
# For tests/vm/guest/*.sh, which source it and are run by tests/vm/guest-all. Every result is one line,
# "ok NAME" or "not ok NAME: WHY"; "skip NAME: WHY" counts as neither. POSIX sh.
#
#   ok NAME            not_ok NAME WHY            skip NAME WHY
#   check NAME COMMAND...       ok if the command succeeds; else its output, as comments
#   run_cmocka PROGRAM [ARG...] one line for each test of build/tests/vm/PROGRAM
#   load_module / unload_module cardring.ko for this kernel ($CARDRING_KO)
#   load_kunit FILE.ko          loads it, and gives one line for each KUnit test that ran
#   wait_for SECONDS COMMAND... until the command succeeds
#   only qemu|uml               ends the script, without a result, in the other rig
#
# QEMU's own reader is unplugged when the scripts begin (00-rig.sh), so that /dev/cardringN is what
# the script made: tests/vm/vmctl plug-reader and unplug-reader bring it and take it away.

ok() { echo "ok $*"; }
not_ok() { _n=$1; shift; echo "not ok $_n: $*"; }
skip() { _n=$1; shift; echo "skip $_n: $*"; }
only() { [ "$CARDRING_RIG" = "$1" ] || exit 0; }

check() {
	_n=$1
	shift
	if "$@" >/run/check.out 2>&1; then
		ok "$_n"
	else
		not_ok "$_n" "exit $? of: $*"
		tail -n 20 /run/check.out | sed 's/^/# /'
		return 1
	fi
}

wait_for() {
	_end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$_end" ] || return 1
		sleep 0.1
	done
}

run_cmocka() {
	_p=$1
	shift
	if [ ! -x "build/tests/vm/$_p" ]; then
		not_ok "$_p" "build/tests/vm/$_p was not built"
		return 1
	fi
	CMOCKA_MESSAGE_OUTPUT=TAP timeout "${CMOCKA_TIMEOUT:-120}" "build/tests/vm/$_p" "$@" >/run/cmocka.out 2>&1
	sh tests/tap.sh "$_p" $? </run/cmocka.out
}

load_module() {
	[ ! -d /sys/module/cardring ] || return 0
	insmod "$CARDRING_KO" "$@"
}
unload_module() {
	[ -d /sys/module/cardring ] || return 0
	rmmod cardring
}

# KUnit's results stand in the kernel's log as KTAP; the suite's own lines are not indented.
load_kunit() {
	_from=$(dmesg | wc -l)
	if ! insmod "$1"; then
		not_ok "kunit ${1##*/}" "cannot be loaded"
		return 1
	fi
	kunit_results "$_from"
}
kunit_results() {
	dmesg | tail -n +$(($1 + 1)) | sed 's/^\[[^]]*\] \{0,1\}//' | awk '
	/^ +# Subtest: / { suite = $3; next }
	/^ +(not )?ok [0-9]+ / && suite != "" {
		bad = $1 == "not"
		name = $0; sub(/^ +(not )?ok [0-9]+ (- )?/, "", name)
		if (name ~ /# SKIP/) { n++; print "skip kunit " suite "." name; next }
		# A parameterized test has its own lines one step further in; they belong to it.
		if ($0 ~ /^        /) { if (bad) why = why " [" name "]"; next }
		n++
		if (bad) print "not ok kunit " suite "." name ": " (why == "" ? "see the kernel log" : why)
		else print "ok kunit " suite "." name
		why = ""
	}
	/^ +# Totals: pass:/ { split($3, a, ":"); pass += a[2] }
	END { if (!n) print "not ok kunit: no result in the kernel log" }'
}
