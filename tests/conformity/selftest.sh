#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whether the suite sees what it is there to see: tables with mistakes, and cases that must not pass.
#
#   tests/conformity/selftest.sh build/conformity/conformity
set -u
suite=$1
w=$(mktemp -d) || exit 1
trap 'rm -rf "$w"' EXIT
bad=0

# says NAME PATTERN [PATTERN...]: what the suite prints with the table in $w/t has these lines, and it ends with $want
says() {
	local name=$1 p rc
	shift
	"$suite" -t "$w/t" -d "$w/run" -k "$w/keys" >"$w/out" 2>&1
	rc=$?
	for p; do
		if ! grep -qE -- "$p" "$w/out" || [ "$rc" != "$want" ]; then
			echo "not ok conformity: $name: $p, exit $rc: $(head -n 3 "$w/out" | tr '\n' '|')"
			bad=1
			return
		fi
	done
	echo "ok conformity: $name"
}

# table LINE...: a unit of three cases; what is not said of one passes
table() {
	local id line
	rm -rf "$w/t"
	mkdir "$w/t"
	printf 'ISO7816_A_01\ticao-part-4\t\nISO7816_A_02\ticao-part-4\t\nISO7816_A_03\tdefined\tfailed\n' >"$w/t/cases.tsv"
	for id in 01 02 03; do
		line=$(printf '%s\n' "$@" | grep "^ISO7816_A_$id")
		case $id$line in
		03) line="ISO7816_A_03|defined|BAC|application_status:6A82|failed|-|application_selected|-|-" ;;
		0?) line="ISO7816_A_$id|icao-part-4|BAC|-|successful|-|-|-|-" ;;
		esac
		[ "$line" = "ISO7816_A_$id gone" ] || printf '%s\n' "$line" | tr '|' '\t'
	done >"$w/t/ISO7816_A.tsv"
}

want=0
table
says "what is as it should be passes" '^ok ISO7816_A_01$' '^ok ISO7816_A_03$' '^all +3 +3 +0 +0 +0 +0 +1 of 1$'
table 'ISO7816_A_01|icao-part-4|BAC|-|failed|-|-|deviates: a reason|-' 'ISO7816_A_02|icao-part-4|BAC|-|failed|-|-|not applicable: another|-'
says "what deviates or does not apply has not passed" '^deviates ISO7816_A_01: a reason' '^not applicable ISO7816_A_02: another' \
	'^all +3 +1 +1 +1 +0 +0 '
table
rm "$w/t/ISO7816_A.tsv"
says "a unit without a table is missing" '^skip ISO7816_A: 3 cases' '^all +3 +0 +0 +0 +0 +3 '

table 'ISO7816_A_01.a|icao-part-4|BAC|-|successful|-|-|-|-
ISO7816_A_01.b|icao-part-4|PLAIN|-|successful|-|-|-|-'
says "a case of two lines is one case" '^ok ISO7816_A_01.a$' '^ok ISO7816_A_01.b$' '^all +3 +3 +0 +0 +0 +0 '

want=1
table 'ISO7816_A_01.a|icao-part-4|BAC|-|successful|-|-|-|-
ISO7816_A_01.b|icao-part-4|BAC|bac_answer:mac|successful|-|-|-|-'
says "a case of which one line fails" '^ok ISO7816_A_01.a$' '^not ok ISO7816_A_01.b' '^all +3 +2 +0 +0 +1 +0 '
table 'ISO7816_A_01.a|icao-part-4|BAC|-|successful|-|-|-|-
ISO7816_A_01.a|icao-part-4|BAC|-|successful|-|-|-|-'
says "a line that is there twice" 'ISO7816_A_01.a twice'
table 'ISO7816_A_01|icao-part-4|BAC|-|failed|-|-: none|-|-'
says "a case that passes and must not" '^not ok ISO7816_A_01: genuine'
table 'ISO7816_A_01|icao-part-4|BAC|bac_answer:mac|successful|-|-|-|-'
says "a case that must pass and does not" '^not ok ISO7816_A_01: card-protocol'
table 'ISO7816_A_03|defined|BAC|application_status:6A82|failed|-|dg_hash|-|-'
says "a case that does not stand on the check that it names" '^not ok ISO7816_A_03: without dg_hash it is refused still'
table 'ISO7816_A_01|icao-part-4|BAC|-|successful|READ DG14|-|-|-' 'ISO7816_A_02|icao-part-4|BAC|-|successful|!READ DG1|-|-|-'
says "commands that are not what they must be" '^not ok ISO7816_A_01: trace: READ DG14: not there' '^not ok ISO7816_A_02: trace: !READ DG1'
table 'ISO7816_A_01|icao-part-4|BAC|-|successful|READ DG2 << READ COM|-|-|-' 'ISO7816_A_02|icao-part-4|BAC|-|successful|2 x GET-CHALLENGE|-|-|-'
says "their order and number" '^not ok ISO7816_A_01: trace: .*order' '^not ok ISO7816_A_02: trace: .*1 times'
table 'ISO7816_A_01|icao-part-4|BAC|-|successful|anew SELECT-DF|-|-|-' 'ISO7816_A_02|icao-part-4|BAC|-|successful|anew MSE-KAT|-|-|-'
says "what two inspections have alike, or neither has" '^not ok ISO7816_A_01: trace: .* [1-9] of them as in the first' \
	'^not ok ISO7816_A_02: trace: .* 0 in the second'
table 'ISO7816_A_01|icao-part-4|BAC|-|successful|-|-|deviates: a reason|-'
says "what does not deviate any more" '^not ok ISO7816_A_01: .*does not deviate'
table 'ISO7816_A_01|icao-part-4|BAC|crash|failed|-|-: none|-|-'
says "a crash is the failure of its case alone" '^not ok ISO7816_A_01: died of signal 6' '^ok ISO7816_A_02$'
table 'ISO7816_A_01|icao-part-4|BAC|max_le=none|failed|-|-: none|-|-'
says "a card that cannot be is no failed inspection" '^not ok ISO7816_A_01: its card could not be made'
table 'ISO7816_A_02 gone'
says "a line that is missing" 'ISO7816_A_02 is missing' '^not ok tables: 1 mistakes$'
table 'ISO7816_A_03|defined|BAC|-|successful|-|-|-|-'
says "another result than the plan's" 'the plan expects "failed"'
table 'ISO7816_A_03|defined|BAC|application_status:6A82|failed|-|-|-|-'
says "a negative case without a check" 'names the rules it stands on'
table 'ISO7816_A_03|defined|BAC|application_status:6A82|failed|-|no_such|-|-'
says "a check that is not there" 'no CR_RULE no_such'
table 'ISO7816_A_01|icao-part-4|BAC|no_such:1|successful|-|-|-|-'
says "a generator that is not there" 'no generator no_such'
table 'ISO7816_A_01|defined|BAC|-|successful|-|-|-|-'
says "another source than the plan's" 'ISO7816_A_01 is icao-part-4'
table 'ISO7816_A_01|icao-part-4|BAC|-|successful|-|-|passed|-'
says "a standing that is none" 'standing is -'
exit $bad
