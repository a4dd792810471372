# SPDX-License-Identifier: BSD-2-Clause
# The command over libusb, the module being away: cards at each exchange level, in QEMU's own reader too, and what is
# said when something is in the way.
. tests/vm/guest.lib.sh
cardring=build/cardring
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
unload_module

# By a process, through libusb; not only for as long as it takes to see what is in the slots.
is_held() { held && sleep 0.5 && held; }
held() { readlink /sys/bus/usb/devices/*/driver | grep -q '/usbfs$'; }

# (Unplugged first, where this script runs alone.)
if [ "$CARDRING_RIG" = qemu ] && tests/vm/vmctl unplug-reader && wait_for 10 no_reader && tests/vm/vmctl plug-reader; then
	wait_for 10 has_reader
	for card in an forged expired; do
		grep -q "^$card	" tests/data/samples.tsv || continue
		read -r _ verdict exit <<-END
		$(grep "^$card	" tests/data/samples.tsv)
		END
		tests/vm/vmctl card "$card"
		verify --backend usb --can "$(sed -n 's/^can = //p' "build/sim/cards/$card/profile")" --json --wait 10
		expect "QEMU's reader, card $card: $verdict" "$exit" "\"$verdict\""
		check "by libusb" sh -c "jq -e '.reader.backend == \"usb\"' /run/said"
	done
	tests/vm/vmctl card an
	tests/vm/vmctl card-remove
	sleep 1
	verify --can 123456
	expect "QEMU's reader, empty" 4 .
	tests/vm/vmctl unplug-reader
	wait_for 10 no_reader
fi

for level in extended short tpdu; do
	start_reader --level $level
	verify --backend usb --can 123456 --json
	expect "virtual reader, $level: genuine" 0 '"genuine"'
	check "by libusb at that level" sh -c "jq -e '.reader.backend == \"usb\" and .exchange.commands > 100' /run/said"
	stop_reader
done

# What a reader meets in the field; 60-samples.sh has them through the module.
for sample in cccd cam bac eac; do
	start_reader --level short
	verify --backend usb $(secret $sample) --json
	expect "virtual reader, card $sample: genuine" 0 '"genuine"'
	check "card $sample by libusb" sh -c "jq -e '.reader.backend == \"usb\"' /run/said"
	stop_reader
done
sample=an

start_reader --level extended --no-interrupt --slots 2
verify --can 123456
expect "without being told of a backend, libusb is what is left" 0 genuine
check "list has both slots, with their path" sh -c "$cardring list --json |
	jq -e '[.readers[] | select(.backend == \"usb\" and (.path | test(\"^usb:[0-9]+-[0-9.]+:1\\\\.0$\")))] | length == 2'"
path=$($cardring list --json | jq -r '.readers[1].path')
verify --reader "$path" --can 123456
expect "a path names a reader" 0 genuine
verify --reader "${path%:*}" --can 123456
expect "and so does its device's" 0 genuine
verify --backend kernel --can 123456
expect "--backend kernel does not take it, and says why" 3 "driver load"
CARDRING_BACKEND=kernel verify --can 123456
expect "nor with CARDRING_BACKEND" 3 "driver load"
CARDRING_BACKEND=kernel verify --backend usb --can 123456
expect "the option goes before the environment" 0 genuine
verify --backend pcmcia --can 123456
expect "a backend that is none" 1 pcmcia
CARDRING_BACKEND=pcmcia verify --can 123456
expect "nor in the environment" 1 pcmcia
check "--backend sim lists the sample cards" sh -c "$cardring list --backend sim --json | jq -e '.readers | length > 5'"

verify --can 999999
expect "a wrong CAN" 5 CAN
line "latency value=200000"
$cardring verify --can 123456 >/dev/null 2>&1 &
holder=$!
wait_for 20 is_held
verify --can 123456
expect "a reader that another program holds is busy, and it is named" 1 "cardring (process $holder)"
check "in list too" sh -c "$cardring list | grep -q 'cardring (process $holder)'"
if setpriv --reuid 65534 --regid 65534 --clear-groups $cardring --version >/dev/null 2>&1; then
	check "who may not see the holder is told that" sh -c "setpriv --reuid 65534 --regid 65534 --clear-groups $cardring list |
		grep -q 'a process that this user may not see'"
else
	skip "who may not see the holder" "nobody may not run $cardring here"
fi
kill -9 $holder
wait $holder 2>/dev/null
line "latency value=0"
verify --can 123456
expect "it is free when its holder is killed" 0 genuine
if setpriv --reuid 65534 --regid 65534 --clear-groups $cardring version >/run/who 2>&1 ||
   setpriv --reuid 65534 --regid 65534 --clear-groups $cardring --version >/run/who 2>&1; then
	setpriv --reuid 65534 --regid 65534 --clear-groups $cardring verify --can 123456 >/run/said 2>/run/said.err
	rc=$?
	expect "without permission, the device's node is named" 1 /dev/bus/usb/
else
	skip "without permission" "nobody may not run $cardring here"
fi
stop_reader

gone() { # NAME FAULT
	start_reader --level extended
	line "latency value=100000"
	$cardring verify --can 123456 --trust build/sim/trust >/run/said 2>/run/said.err &
	pid=$!
	wait_for 20 is_held
	_t0=$(date +%s%N)
	line "$2"
	wait $pid
	rc=$?
	took=$((($(date +%s%N) - _t0) / 1000000))
	expect "$1: exit 4 and a sentence" 4 .
	if [ "$took" -le 1500 ]; then ok "$1: soon"; else not_ok "$1: soon" "$took ms"; fi
	stop_reader
}
gone "the card is taken away in the middle" remove
gone "the reader is unplugged in the middle" unplug

# told N EVENT: so many such events so far
told() { [ "$(jq -s --arg e "$2" '[.[] | select(.event == $e)] | length' /run/monitor)" = "$1" ]; }
$cardring monitor --json >/run/monitor 2>/run/monitor.err &
monitor=$!
wait_for 10 grep -q 'SigCgt:.*[2367abef]$' /proc/$monitor/status
start_reader
check "monitor: a reader comes" wait_for 20 told 1 reader-added
check "with its card" wait_for 20 told 1 card-inserted
line remove
check "the card goes" wait_for 20 told 1 card-removed
line insert
check "the card is back" wait_for 20 told 2 card-inserted
verify --can 123456
expect "monitor is in nobody's way" 0 genuine
stop_reader
check "the reader goes" wait_for 20 told 1 reader-removed
kill -INT $monitor
wait $monitor
rc=$?
check "Ctrl-C is its normal end" [ $rc = 0 ]

# The module comes while libusb has the reader: it is the module's as soon as it is let go.
start_reader
line "latency value=200000"
$cardring verify --can 123456 --trust build/sim/trust >/run/said 2>/run/said.err &
pid=$!
wait_for 20 is_held
load_module
check "the module leaves a reader alone that is in use" sh -c '! ls /dev/cardring[0-9]*'
line "latency value=0"
wait $pid
rc=$?
expect "which goes on" 0 .
check "and has it afterwards" wait_for 10 sh -c 'ls /dev/cardring[0-9]*'
verify --can 123456 --json
expect "then the card is read by the module" 0 '"backend": "kernel"'
verify --backend usb --can 123456
expect "and --backend usb says so" 3 "module cardring drives"
stop_reader
check "the module unloads" unload_module
