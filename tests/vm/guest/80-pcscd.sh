# SPDX-License-Identifier: BSD-2-Clause
# Peace with pcscd: the module's readers through our IFD handler, by programs that know nothing of it (opensc-tool,
# pcsc_scan); what pcscd does not use, others may; and without the module libccid has the reader as before.
. tests/vm/guest.lib.sh
cardring=build/cardring
drivers=$(pkg-config --variable=usbdropdir libpcsclite)
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
unload_module

# pcscd hears of readers from udev.
udevadm control --ping 2>/dev/null || /lib/systemd/systemd-udevd --daemon
udevadm trigger --subsystem-match=usb --action=add
udevadm settle

bundle=$drivers/ifd-cardring.bundle/Contents
mkdir -p "$bundle/Linux"
cp build/ifd/libifdcardring.so "$bundle/Linux/"
# The list as it is, and the virtual reader in front of it.
add() { echo "/<key>$1</{n;s|\$|<string>$2</string>|}"; }
sed -e "$(add ifdVendorID 0x1209)" -e "$(add ifdProductID 0xC1D0)" -e "$(add ifdFriendlyName 'cardring Virtual Reader')" \
	build/ifd/Info.plist >"$bundle/Info.plist"

start_pcscd() {
	pcscd --foreground --debug >/run/pcscd.log 2>&1 &
	pcscd=$!
	wait_for 20 test -S /run/pcscd/pcscd.comm
}
stop_pcscd() {
	kill $pcscd
	wait $pcscd
}
# The readers as a PC/SC program sees them, with their cards; there may be others than the one that is meant.
reader="Virtual Reader"
has_reader() { opensc-tool -l 2>&1 | grep -q "$reader"; }
has_card() { opensc-tool -l 2>&1 | grep -q "^[0-9 ]*Yes .*$reader"; }
has_none() { ! has_card; }
sees_no_reader() { ! has_reader; }
tool() { opensc-tool --reader "$(opensc-tool -l | sed -n "s/^\\([0-9]*\\) .*$reader.*/\\1/p")" "$@"; }

mkfifo /run/faults
serve() {
	$cardring sim serve an --usbip --level "$1" </run/faults >/run/serve.log 2>&1 &
	server=$!
	exec 6>/run/faults
}
reads_atr() { tool -a | grep -qi '^3b:'; }
selects_lds() { tool -s 00:A4:04:0C:07:A0:00:00:02:47:10:01 | grep -q 'SW1=0x90, SW2=0x00'; }
reads_card() {
	check "$1: opensc-tool reads its ATR" reads_atr
	check "$1: and sends it commands" selects_lds
	check "$1: pcsc_scan sees it" scan_sees_card
}

# It keeps one powered, and so the slot, for some seconds after the last program.
let_go() { $cardring list --backend kernel --json | jq -e '.readers[0] | .state == "present" and .holder == null'; }
by_libccid() { [ "$(readlink /sys/bus/usb/devices/*:1.0/driver | grep -c '/usbfs$')" -ge 1 ]; }
# A PC/SC program with a connection to the card.
start_session() {
	perl -e 'use Chipcard::PCSC; my $c = new Chipcard::PCSC(); my @r = grep { /433/ } $c->ListReaders();
		my $card = new Chipcard::PCSC::Card($c, $r[0]) or exit 1; $| = 1; print "connected\n"; sleep 600;' >/run/session 2>&1 &
	session=$!
	wait_for 20 grep -q connected /run/session
}
stop_session() {
	kill $session
	wait $session 2>/dev/null
	# a program's end is known to pcscd at once
	sleep 0.5
}

load_module
start_pcscd
check "pcscd runs" kill -0 $pcscd
serve extended
wait_for 20 has_node
check "a reader that is plugged in is found, with its card" wait_for 20 has_card
check "through our handler" grep -q "cardring: .* is /dev/cardring" /run/pcscd.log
reads_card "virtual reader"
line remove
check "a card that is taken out is told" wait_for 20 has_none
line insert
check "and one that is put in" wait_for 20 has_card
# pcscd lets an unused card be powered for five seconds
check "nobody asks the reader anything while nothing happens" sh -c '
	sleep 8; a=$(cat /sys/class/cardring/cardring*/commands); sleep 3
	[ $(cat /sys/class/cardring/cardring*/commands) = $a ]'
check "a card that no PC/SC program uses is free for verify" $cardring verify --can 123456 --trust build/sim/trust
check "and then for PC/SC programs again" selects_lds
line unplug
exec 6>&-
wait $server
check "a reader that is unplugged goes" wait_for 20 sees_no_reader

# QEMU's reader is one that libccid knows.
if [ "$CARDRING_RIG" = qemu ] && tests/vm/vmctl plug-reader; then
	tests/vm/vmctl card an
	reader=433	# in its name by our list and by that of libccid
	check "QEMU's reader: found" wait_for 20 has_card
	reads_card "QEMU's reader"
	tests/vm/vmctl card-remove
	check "QEMU's reader: its card is gone" wait_for 20 has_none
	tests/vm/vmctl card-insert
	check "QEMU's reader: and back" wait_for 20 has_card
	stop_pcscd
	unload_module
	start_pcscd
	check "QEMU's reader without the module: libccid has it" wait_for 20 has_card
	check "which our handler left to it" grep -q "cardring: .* is not taken" /run/pcscd.log
	reads_card "QEMU's reader by libccid"

	# From libccid to the module and back, with pcscd running.
	check "list names pcscd as who holds the reader, and the way out" sh -c "$cardring list --backend usb |
		grep -q 'pcscd (process $pcscd)' && $cardring list --backend usb | grep -q 'driver load'"
	check "for programs too" sh -c "$cardring list --backend usb --json | jq -e '.readers[0].holder |
		.kind == \"process\" and .name == \"pcscd\" and .pid == $pcscd'"
	check "an error names it" sh -c "$cardring apdu --backend usb 00A40000 2>&1 | grep -q 'pcscd (process $pcscd)'"
	start_session
	check "a card in use is not taken from its program" sh -c "! $cardring driver load '$CARDRING_KO' >/run/said 2>&1"
	check "which is named" grep -q "perl ($session)" /run/said
	check "and nothing was loaded" [ ! -d /sys/module/cardring ]
	stop_session
	check "driver load takes the reader over" sh -c "$cardring driver load '$CARDRING_KO' --json | jq -e '.driver.taken_over == 1'"
	check "pcscd still runs" kill -0 $pcscd
	check "and has it through our handler" wait_for 20 grep -q "cardring: .* is /dev/cardring" /run/pcscd.log
	check "with its card" wait_for 20 has_card
	reads_card "QEMU's reader, taken over"
	check "pcscd lets go of the card" wait_for 30 let_go
	check "verify reads it by the module beside pcscd" sh -c "$cardring verify --can 123456 --trust build/sim/trust --json |
		jq -e '.reader.backend == \"kernel\"'"
	start_session
	check "in use it is not given back either" sh -c "! $cardring driver unload >/run/said 2>&1"
	check "but by force" $cardring driver unload --force
	stop_session
	check "given back, libccid has it" wait_for 20 by_libccid
	check "with its card, and pcscd is the same" sh -c "kill -0 $pcscd"
	wait_for 20 has_card
	reads_card "QEMU's reader, given back"
	check "there and back once more" sh -c "$cardring driver load '$CARDRING_KO' && $cardring driver unload"
	check "which leaves it with libccid" wait_for 20 by_libccid
	check "and its card" wait_for 20 has_card
	modprobe -q vhci_hcd
	load_module
	check "a module that is loaded takes over too" sh -c "$cardring driver load --json | jq -e '.driver.taken_over == 1'"
	check "doctor sees the whole way" $cardring doctor
	wait_for 30 let_go
	check "driver unload, where nobody has a card" $cardring driver unload
	tests/vm/vmctl unplug-reader
fi
stop_pcscd
check "pcscd ended well" [ $? = 0 ]
unload_module
