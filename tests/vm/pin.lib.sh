# SPDX-License-Identifier: BSD-2-Clause
# "cardring pin" over the backend $backend: what is said and how it exits, whatever the user does on the keypad, to the card,
# to the reader, or to the program. Sourced by a script of tests/vm/guest.
cardring=build/cardring
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
unload_module

sample=echo
start_pad() {
	start_reader "$@"
	[ $backend = usb ] || wait_for 20 has_node
}
pin() {
	$cardring pin "$@" --backend $backend >/run/said 2>/run/said.err
	rc=$?
}
# typing NAME: a PIN is asked for, for a minute, by $pid
typing() {
	$cardring pin verify --ref 81 --timeout 60 --backend $backend >/run/said 2>/run/said.err &
	pid=$!
	wait_for 20 grep -q keypad /run/said.err
	sleep 0.5
	t0=$(date +%s%N)
}
soon() {
	wait $pid
	rc=$?
	took=$((($(date +%s%N) - t0) / 1000000))
	if [ "$took" -le 3000 ]; then ok "$1: soon"; else not_ok "$1: soon" "$took ms"; fi
}

if [ $backend = kernel ]; then load_module; else unload_module; fi
for level in "short" "tpdu" "tpdu --protocol 1"; do
	b="$backend, $level"
	start_pad --pinpad --level $level
	line "keys 9999E"
	pin verify --ref 81
	expect "$b: a wrong PIN" 5 "2 tries are left"
	line "keys 1234E777777E777777E"
	pin change --ref 81
	expect "$b: the right one, changed" 0 "PIN is changed"
	stop_reader
done
b=$backend

start_pad --pinpad
check "$b: list shows keypad and display" sh -c "$cardring list --backend $backend >/run/list
	grep -q 'verifies and changes PINs' /run/list && grep -q '16 x 2' /run/list"
check "$b: and so does its object" sh -c "$cardring list --backend $backend --json |
	jq -e '.readers[0] | .keypad == {verify: true, change: true} and .display == {lines: 2, columns: 16}'"
line "keys 1234E777777E777777E"
pin change --ref 81
expect "$b: changed" 0 "PIN is changed"
line "keys 777777E1234E1234E"
pin change --ref 81
expect "$b: and the new one changed back" 0 "PIN is changed"
line "keys 1234E"
pin verify --ref 83 --format iso9564-2
expect "$b: format 2 of ISO 9564-1" 0 "PIN is right"
line "keys 9999E"
pin verify --ref 81 --json
check "$b: the object of a wrong PIN" jq -e '.pin == {operation: "verify", reference: "81", result: "wrong",
	tries_left: 2, status_word: "63C2"} and .error.code == "pin-wrong" and .error.exit == 5' /run/said
line "keys 12C"
pin verify --ref 81
expect "$b: the keypad's cancel key" 130 "canceled on the card reader"
pin verify --ref 81 --timeout 2
expect "$b: nobody types" 1 "in time"
line "keys 12E"
pin verify --ref 81
expect "$b: too few digits" 1 "too few"
line "keys 1234E5555E5556E"
pin change --ref 81
expect "$b: the new PIN was not typed the same twice" 1 "same twice"
line "keys 1111E"
pin verify --ref 81
expect "$b: none of these was a try" 5 "1 try is left"
line "keys 1111E"
pin verify --ref 81
expect "$b: blocked" 5 "blocked"
line "keys 1234E"
pin verify --ref 81 --json
check "$b: for the right one too" jq -e '.pin.result == "blocked" and .pin.tries_left == 0' /run/said
line "keys 1234E"
pin verify --ref 9F
expect "$b: a PIN that the card has not got" 1 "6A88"
pin verify --ref 81 --lang vi --timeout 1
expect "$b: in Vietnamese" 1 "bàn phím"

typing
kill -INT $pid
soon "$b: Ctrl-C while somebody types"
expect "$b: Ctrl-C while somebody types" 130 canceled
line "keys 123456E"
pin verify --ref 82 --format plain
expect "$b: and the next PIN is taken" 0 "PIN is right"
typing
line remove
soon "$b: the card is pulled while somebody types"
expect "$b: the card is pulled while somebody types" 4 .
line insert
line "keys 123456E"
pin verify --ref 82 --format plain --wait 5
expect "$b: and put back" 0 "PIN is right"
typing
line unplug
soon "$b: the reader is unplugged while somebody types"
expect "$b: the reader is unplugged while somebody types" 4 .
stop_reader

start_pad
pin verify --ref 81
expect "$b: no keypad" 1 "no keypad"
check "$b: list shows none" sh -c "$cardring list --backend $backend --json | jq -e '.readers[0].keypad == null'"
stop_reader
unload_module
