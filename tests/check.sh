#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# All tests, after `make tests`; the last line is "N passed, N failed", and the exit status says the same.
#
#   tests/check.sh [units] [cardexam] [data] [cli] [conformity] [install] [static] [selftest] [vm]   all without a name
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
mkdir -p build
[ $# != 0 ] || set -- units cardexam data cli conformity install static selftest vm
all=build/check.log
: >"$all"

# As many at once as there are processors; what each says comes in one piece. What there is to run the sources say: a
# program that was left in build/ is none, and one that was not built is missed (but for two that go by a library's tests).
units() {
	local name lib
	for name in tests/unit/test_*.c; do
		name=${name##*/} name=${name%.c} lib=
		case $name in
		test_openpace) lib=libeac ;;
		test_ifd) lib=libpcsclite ;;
		esac
		if [ -n "$lib" ] && ! pkg-config --exists "$lib"; then
			echo "skip $name: built against $lib, which is not here" >&2
		else
			echo "build/tests/$name"
		fi
	done |
		xargs -P "$(nproc)" -n 1 bash -c '
		[ -x "$0" ] || { echo "not ok ${0##*/}: was not built"; exit 0; }
		out=$(mktemp)
		CMOCKA_MESSAGE_OUTPUT=TAP timeout 300 "$0" >"$out" 2>&1 </dev/null
		said=$(sh tests/tap.sh "${0##*/}" $? <"$out")
		rm -f "$out"
		flock 9
		printf "%s\n" "$said"
		exit 0' 9>build/unit.lock
}

# ended PART WHAT STATUS: who died has not said what failed.
ended() {
	case $3 in
	0) ;;
	124) echo "not ok $1: $2 did not end in time" ;;
	*) echo "not ok $1: $2 ended with $3" ;;
	esac
}

# The dumps that the table of readers is made from are not the project's; they lie beside it where it is worked on.
data() {
	local from=${CARDRING_READERS:-../shared/readers}
	if [ ! -d "$from" ]; then
		echo "skip data: the table of readers is what their dumps make: no dumps in $from"
	elif tests/data/readers.sh "$from" | cmp - tests/data/readers.tsv; then
		echo "ok data: the table of readers is what their dumps make"
	else
		echo "not ok data: the table of readers is what their dumps make: run tests/data/readers.sh"
	fi
}

# The virtual card against the plans that real cards are tested by.
cardexam() {
	local foreign objects undefined rc
	# it shares nothing with the library, and of the card but its door (main, probe) and who issues it (cards)
	objects=$(ls tests/conformity/card/*.c | sed '/\/lax\.c$/d; s/^/build\/obj\//; s/c$/o/')
	undefined=$(nm -A -u $objects)
	rc=$?
	foreign=$(echo "$undefined" | grep -E ' U (cr|sim)_' | grep -vE '/(main|cards|probe)\.o:.* U sim_')
	if [ $rc != 0 ]; then
		echo "not ok cardexam: the examiner's protocols are its own: not all of it is built"
	elif [ -n "$foreign" ]; then
		echo "not ok cardexam: the examiner uses what it examines:" $foreign
	else
		echo "ok cardexam: the examiner's protocols are its own"
	fi
	timeout 600 build/tests/conformity/card-exam | tee build/cardexam.log
	ended cardexam "the exam" "${PIPESTATUS[0]}"
	if sed -n '/^<!-- card-exam -->/,/^<!-- end -->/p' README.md | grep '^|' | cmp -s - <(grep '^|' build/cardexam.log); then
		echo "ok cardexam: the README has the table"
	else
		echo "not ok cardexam: the README has the table: put the lines with | between its card-exam and end"
	fi
	# each refusal is seen to be asked for: without its check the card fails
	timeout 600 build/tests/conformity/card-exam-lax --self-test=tests/conformity/card/lax.tsv
	ended cardexam "the exam of lax cards" $?
}

# What deviates or does not apply is neither ok nor not ok.
conformity() {
	make -s conformity || return
	timeout 600 tests/conformity/selftest.sh build/conformity/conformity
	ended conformity "its own test" $?
	rm -f build/conformity/table.md	# of a run before
	timeout 1800 build/conformity/conformity -d build/conformity/run --table build/conformity/table.md
	ended conformity "the suite" $?
	if tests/conformity/readme.sh --check build/conformity/table.md; then
		echo "ok conformity: the README has the table"
	else
		echo "not ok conformity: the README has the table: run tests/conformity/readme.sh build/conformity/table.md"
	fi
}

for part in "$@"; do
	begin=$SECONDS
	echo "## $part"
	case $part in
	units) units ;;
	cardexam) cardexam ;;
	data) data ;;
	cli) tests/cli.sh ;;
	conformity) conformity ;;
	install) tests/install.sh ;;
	static) tests/static.sh ;;
	selftest) tests/vm/selftest ;;
	vm) tests/vm/main ;;
	*) echo "usage: tests/check.sh [units] [cardexam] [data] [cli] [conformity] [install] [static] [selftest] [vm]" >&2; exit 2 ;;
	esac 2>&1 | tee build/part.log
	rc=${PIPESTATUS[0]}
	# A part that failed must have said what in.
	if [ "$rc" != 0 ] && ! grep -qa "^not ok " build/part.log; then
		echo "not ok $part: ended with $rc" | tee -a build/part.log
	fi
	cat build/part.log >>"$all"
	echo "## $part: $((SECONDS - begin)) s"
done

passed=$(grep -ac '^ok ' "$all")
failed=$(grep -ac '^not ok ' "$all")
if [ "$failed" != 0 ]; then
	echo "## failed:"
	grep -a '^not ok ' "$all"
fi
if skipped=$(grep -a '^skip ' "$all"); then
	echo "## skipped:"
	echo "$skipped"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
