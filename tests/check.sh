#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# All tests, after `make tests`; the last line is "N passed, N failed", and the exit status says the same.
#
#   tests/check.sh [units] [cli] [conformity] [selftest] [cardexam] [data] [install] [static] [vm]   all without a name
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
mkdir -p build
all=build/check.log

unit_programs() {
	local name lib
	for name in tests/unit/test_*.c; do
		name=${name##*/} name=${name%.c} lib=
		case $name in
		test_openpace*) lib=libeac ;;
		test_ifd) lib=libpcsclite ;;
		esac
		if [ -n "$lib" ] && ! pkg-config --exists "$lib"; then
			echo "skip $name: built against $lib, which is not here" >&2
		else
			echo "build/tests/$name"
		fi
	done
}

# As many at once as there are processors, the longest first; what each says comes in one piece. What there is to run the
# sources say: a program that was left in build/ is none, and one that was not built is missed (but for those that go by
# a library's tests).
units() {
	local long='^build/tests/test_\(token\|matrix\|access_matrix\|inspect_general\|inspect_terminal\)$' all
	all=$(unit_programs)
	{ grep "$long" <<<"$all"; grep -v "$long" <<<"$all"; } |
		xargs -P "$(nproc)" -n 1 bash -c '
		[ -x "$0" ] || { echo "not ok ${0##*/}: was not built"; exit 0; }
		out=$(mktemp)
		CMOCKA_MESSAGE_OUTPUT=TAP timeout 300 "$0" >"$out" 2>&1 </dev/null
		said=$(sh tests/tap.sh "${0##*/}" $? <"$out")
		rm -f "$out"
		exec 9>build/unit.lock
		flock 9
		printf "%s\n" "$said"
		exit 0'
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
	make -s -j"$(nproc)" conformity || return
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

# One of them; one that failed must have said what in.
part() {
	local begin=$SECONDS log=build/part-$1.log rc
	echo "## $1"
	case $1 in
	units) units ;;
	cardexam) cardexam ;;
	data) data ;;
	cli) GNUMAKEFLAGS=-j$(nproc) tests/cli.sh ;;
	conformity) conformity ;;
	selftest) tests/vm/selftest ;;
	install) tests/install.sh ;;
	static) tests/static.sh ;;
	vm) tests/vm/main ;;
	esac 2>&1 | tee "$log"
	rc=${PIPESTATUS[0]}
	if [ "$rc" != 0 ] && ! grep -qa "^not ok " "$log"; then
		echo "not ok $1: ended with $rc"
	fi
	echo "## $1: $((SECONDS - begin)) s"
}

# (Of its own: one of those that run side by side.)
if [ "${1:-}" = --part ]; then
	said=$(mktemp)
	part "$2" >"$said" 2>&1 </dev/null
	exec 9>build/part.lock
	flock 9
	cat "$said"
	rm -f "$said"
	exit 0
fi

[ $# != 0 ] || set -- units cli conformity selftest cardexam data install static vm
for part in "$@"; do
	case $part in
	units | cli | conformity | selftest | cardexam | data | install | static | vm) ;;
	*) sed -n 's/^# *\(tests\/check.sh \)/usage: \1/p' "$0" >&2; exit 2 ;;
	esac
done
: >"$all"
while [ $# != 0 ]; do
	# Each of these writes to a folder of its own, and leaves what is built as it is. (install links it anew.)
	beside=()
	while [[ ${1:-} =~ ^(cli|conformity|selftest|cardexam|data)$ ]]; do
		beside+=("$1")
		shift
	done
	if [ ${#beside[@]} != 0 ]; then
		printf '%s\0' "${beside[@]}" | xargs -0 -P "$(nproc)" -n 1 tests/check.sh --part 2>&1 | tee -a "$all"
		for part in "${beside[@]}"; do
			grep -qa "^## $part: " "$all" || echo "not ok $part: it did not come to its end" | tee -a "$all"
		done
	else
		part "$1" | tee -a "$all"
		shift
	fi
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
