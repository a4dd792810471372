# SPDX-License-Identifier: BSD-2-Clause
# Being told of changes: by the library, then by "cardring monitor" over two readers.
. tests/vm/guest.lib.sh
cardring=build/cardring
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
load_module
run_cmocka monitor

# told N EVENT [SERIAL]: so many such events so far
told() {
	[ "$(jq -s --arg e "$2" --arg s "${3:-}" \
		'[.[] | select(.event == $e and ($s == "" or .reader.serial == $s))] | length' /run/monitor)" = "$1" ]
}
serve() { # SERIAL FIFO
	mkfifo "$2"
	$cardring sim serve an --usbip --serial "$1" <"$2" >/dev/null 2>&1 &
}

$cardring monitor --json >/run/monitor 2>/run/monitor.err &
monitor=$!
wait_for 10 sh -c "grep -qx cardring /proc/$monitor/comm && grep -q 'SigCgt:.*[2367abef]$' /proc/$monitor/status"
serve ONE /run/one
one=$!
exec 7>/run/one
check "monitor: a reader comes" wait_for 20 told 1 reader-added ONE
check "with the card in it" wait_for 20 told 1 card-inserted ONE
echo remove >&7
check "the card is taken out" wait_for 20 told 1 card-removed ONE
serve TWO /run/two
two=$!
exec 8>/run/two
check "a second reader comes" wait_for 20 told 1 reader-added TWO
check "with its card" wait_for 20 told 1 card-inserted TWO
echo insert >&7
check "the first's card is back" wait_for 20 told 2 card-inserted ONE
echo remove >&8
check "the second's goes" wait_for 20 told 1 card-removed TWO
kill $one
wait $one
check "the first reader goes" wait_for 20 told 1 reader-removed ONE
echo insert >&8
check "the second's card comes back" wait_for 20 told 2 card-inserted TWO
kill $two
wait $two
check "the second reader goes" wait_for 20 told 1 reader-removed TWO
exec 7>&- 8>&-
kill -INT $monitor
wait $monitor
rc=$?
check "Ctrl-C is its normal end" [ $rc = 0 ]
check "each line was one object, and nothing was told twice" sh -c \
	"jq -es 'length == 10 and all(.[]; type == \"object\" and has(\"time\"))' /run/monitor && [ ! -s /run/monitor.err ]"
check "the module is free behind it" unload_module
