# SPDX-License-Identifier: BSD-2-Clause
# The command over PC/SC: our card under pcscd in vsmartcard-vpcd's reader, the virtual USB reader driven by libccid and
# by our IFD handler; who is in the way is told, and pcscd may end or hang.
. tests/vm/guest.lib.sh
only uml
. tests/vm/pcscd.lib.sh
command -v pcscd >/dev/null || { skip "PC/SC" "pcscd is not installed"; exit 0; }
modprobe -q vhci_hcd
unload_module
begin_pcscd

# ---- without pcscd ----
verify --can 123456 --backend pcsc
expect "without pcscd that is what is said" 3 "pcscd does not answer"
check "to list too" sh -c "! $cardring list --backend pcsc 2>&1 | grep -v 'pcscd does not answer'"
check "and --json has its code" sh -c "$cardring list --backend pcsc --json | jq -e '.error.code == \"no-service\"'"
verify
expect "who asks for no backend is told of readers" 3 "No card reader"
library=$(ldconfig -p | sed -n 's/.*libpcsclite\.so\.1 .*=> //p' | head -n 1)
mount --bind /dev/null "$(readlink -f "$library")"
verify --can 123456 --backend pcsc
expect "without its library as well" 3 "pcscd does not answer"
umount "$(readlink -f "$library")"

# ---- vpcd ----
vpcd
if [ -e /etc/reader.conf.d/vpcd ]; then
	start_pcscd
	verify --can 123456 --backend pcsc
	expect "vpcd: no card" 4 .
	$cardring sim serve an --vpcd 35963 >/run/vpcd.log 2>&1 &
	vicc=$!
	check "vpcd: our card is in its reader" wait_for 15 lists_by pcsc 'any(.state == "present" and (.name | test("Virtual PCD")))'
	verify --can 123456 --backend pcsc --json
	expect "vpcd: genuine" 0 '"genuine"'
	check "vpcd: by PC/SC, with extended APDUs" jq -e '.reader.backend == "pcsc" and .reader.level == "extended-apdu"' /run/said
	check "vpcd: CARDRING_BACKEND says so too" env CARDRING_BACKEND=pcsc $cardring apdu $select
	check "vpcd: where there is nothing else, nothing need be said" answers
	path=$($cardring list --json | jq -r '.readers[] | select(.state == "present") | .path')
	check "vpcd: a path names it" answers --reader "$path"
	$cardring verify --can 999999 --backend pcsc >/run/said 2>/run/said.err
	rc=$?
	expect "vpcd: a wrong CAN" 5 CAN
	timeout -s INT 5 build/examples/many-readers >/run/example 2>&1
	check "vpcd: many-readers drives it by PC/SC" grep -q 'Virtual PCD.*: the card answered 31.* 90 00$' /run/example
	check "vpcd: opensc-tool sees the card" sh -c 'opensc-tool -r 0 -a | grep -qi "^3b:"'
	check "vpcd: and sends it commands" sh -c 'opensc-tool -r 0 -s 00:A4:04:0C:07:A0:00:00:02:47:10:01 | grep -q "SW1=0x90, SW2=0x00"'
	check "vpcd: pcsc_scan sees it" sh -c "timeout 5 pcsc_scan -n >/run/scan 2>&1; grep -q 'Card inserted' /run/scan"

	told() { [ "$(jq -s --arg e "$2" '[.[] | select(.event == $e)] | length' /run/monitor)" -ge "$1" ]; }
	$cardring monitor --backend pcsc --json >/run/monitor 2>/run/monitor.err &
	monitor=$!
	check "monitor: the card that is there" wait_for 10 told 1 card-inserted
	kill -USR1 $vicc
	check "monitor: it is taken out" wait_for 10 told 1 card-removed
	verify --can 123456 --backend pcsc
	expect "vpcd: no card again" 4 .
	kill -USR2 $vicc
	check "monitor: it is back" wait_for 10 told 2 card-inserted
	check "vpcd: and answers" answers --backend pcsc
	kill -INT $monitor
	wait $monitor
	rc=$?
	check "monitor: Ctrl-C is its normal end" [ $rc = 0 ]

	# A holder that waits for lines, its card powered.
	mkfifo /run/lines
	$cardring apdu --backend pcsc --json </run/lines >/run/apdu 2>/run/apdu.err &
	holder=$!
	exec 7>/run/lines
	echo $select >&7
	check "a program has the card" wait_for 10 lists_by pcsc 'any(.error != null)'
	verify --can 123456 --backend pcsc
	expect "the next one is told that it is busy" 1 "another program.*pcscd\|uses pcscd"
	kill -9 $holder
	wait $holder 2>/dev/null
	exec 7>&-
	check "and has it when its holder is killed" answers --backend pcsc

	kill -STOP $pcscd
	verify --can 123456 --backend pcsc
	expect "a pcscd that hangs is told" 3 "pcscd does not answer"
	if [ "$took" -lt 15000 ]; then ok "soon"; else not_ok "soon" "$took ms"; fi
	kill -CONT $pcscd
	check "and good again when it goes on" answers --backend pcsc

	$cardring apdu --backend pcsc </run/lines >/run/said 2>/run/said.err &
	holder=$!
	exec 7>/run/lines
	wait_for 10 lists_by pcsc 'any(.error != null)'
	kill -9 $pcscd
	wait $pcscd 2>/dev/null
	echo $select >&7
	exec 7>&-
	wait $holder
	rc=$?
	expect "a pcscd that dies in the middle is told" 3 "pcscd does not answer"
	rm -f /run/pcscd/pcscd.comm /run/pcscd/pcscd.pid
	wait $vicc
	rc=$?
	check "and ends who served it a card" [ $rc = 0 ]
	check "a card for a pcscd that is not there says so" sh -c \
		"! timeout 30 $cardring sim serve an --vpcd 35963 >/run/served 2>&1 && grep -q 'nobody listens' /run/served"
	no_vpcd
else
	skip "vpcd" "vsmartcard-vpcd is not installed"
fi

# ---- the virtual USB reader, by libccid ----
start_pcscd
for level in extended short tpdu "tpdu --protocol 1"; do
	start_reader --level $level
	check "libccid, $level: listed once" wait_for 10 lists 'length == 1 and .[0].backend == "pcsc" and .[0].state == "present"'
	verify --can 123456 --json
	expect "libccid, $level: genuine" 0 '"genuine"'
	check "libccid, $level: by PC/SC" jq -e '.reader.backend == "pcsc"' /run/said
	stop_reader
done
start_reader --level extended
wait_for 10 lists 'length == 1 and .[0].backend == "pcsc"'
verify --can 123456 --backend usb
expect "--backend usb is told who has the reader" 1 "pcscd"
gone() { # NAME FAULT EXIT
	line "latency value=100000"
	timeout 60 $cardring verify --can 123456 --trust build/sim/trust >/run/said 2>/run/said.err &
	pid=$!
	sleep 1.5
	_t0=$(date +%s%N)
	line "$2"
	wait $pid
	rc=$?
	took=$((($(date +%s%N) - _t0) / 1000000))
	expect "$1: exit 4 and a sentence" 4 .
	if [ "$took" -le 3000 ]; then ok "$1: soon"; else not_ok "$1: soon" "$took ms"; fi
}
gone "libccid: the card is taken away in the middle" remove
line "latency value=0"
line insert
check "libccid: and answers when it is back" wait_for 10 answers
gone "libccid: the reader is unplugged in the middle" unplug
stop_reader
stop_pcscd

# ---- by our handler ----
load_module
add_handler
start_pcscd
start_reader --level extended
check "IFD handler: the reader is the module's, and listed once" wait_for 10 lists 'length == 1 and .[0].backend == "kernel"'
check "IFD handler: pcscd has it too" wait_for 10 lists_by pcsc 'length == 1 and .[0].state == "present"'
verify --can 123456 --backend pcsc --json
expect "IFD handler: genuine by PC/SC" 0 '"backend": "pcsc"'
check "IFD handler: and by the module" answers --backend kernel
stop_reader
stop_pcscd
end_pcscd
check "the module unloads" unload_module
