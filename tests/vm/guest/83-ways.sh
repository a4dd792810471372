# SPDX-License-Identifier: BSD-2-Clause
# One reader, QEMU's own, by every way there is: the module, libusb, and pcscd, with libccid and with our IFD handler.
# Seconds that it may take: 600
# By each a card is verified, taken out, put in; the reader is unplugged and comes back. By libusb other verdicts too.
. tests/vm/guest.lib.sh
only qemu
. tests/vm/pcscd.lib.sh
unload_module
modprobe -q xhci_pci
begin_pcscd

plugged() { grep -qx 08e6 /sys/bus/usb/devices/*/idVendor 2>/dev/null; }
unplugged() { ! plugged; }
# way NAME BACKEND [OPTION...]
way() {
	_way=$1 _backend=$2
	shift 2
	# (QEMU's reader does not tell the card of a reset: one that is put in anew has no session)
	tests/vm/vmctl card an
	check "$_way: listed once, with its card" wait_for 15 \
		lists "length == 1 and .[0].backend == \"$_backend\" and .[0].state != \"empty\""
	verify --can 123456 --json --wait 10 "$@"
	expect "$_way: genuine" 0 '"genuine"'
	check "$_way: by no other way" jq -e ".reader.backend == \"${_by:-$_backend}\"" /run/said
	tests/vm/vmctl card-remove
	check "$_way: the card goes" wait_for 10 lists '.[0].state == "empty"'
	verify --can 123456 "$@"
	expect "$_way: no card" 4 .
	tests/vm/vmctl card-insert
	check "$_way: the card is back" wait_for 10 answers "$@"
	tests/vm/vmctl unplug-reader
	wait_for 10 unplugged
	# pcscd hears of it from udev, a moment later
	check "$_way: nothing is listed" wait_for 10 lists 'length == 0'
	verify --can 123456 "$@"
	expect "$_way: the reader is gone" 3 .
	tests/vm/vmctl plug-reader
	check "$_way: it is back" wait_for 20 answers "$@"
}

plugged || tests/vm/vmctl plug-reader
wait_for 10 plugged
for card in forged expired; do
	read -r _ verdict exit <<-END
	$(grep "^$card	" tests/data/samples.tsv)
	END
	tests/vm/vmctl card $card
	verify --backend usb $(secret $card) --json --wait 10
	expect "libusb, card $card: $verdict" "$exit" "\"$verdict\""
	check "libusb, card $card: by no other way" jq -e '.reader.backend == "usb"' /run/said
done
way "libusb" usb
start_pcscd
way "libccid" pcsc
stop_pcscd
load_module
way "module" kernel
add_handler
start_pcscd
_by=pcsc
way "IFD handler" kernel --backend pcsc
_by=
check "IFD handler: and the module beside it" answers --backend kernel

# A power-up that fails, because another program has the slot, of a card that pcscd has powered before: with no ATR, and
# the card in use, pcsc-lite goes on.
tests/vm/vmctl card an
wait_for 10 lists_by kernel '.[0].state == "powered"'
check "IFD handler: pcscd lets an unused card go" wait_for 15 lists_by kernel '.[0].state == "present"'
mkfifo /run/hold
$cardring apdu --backend kernel </run/hold >/run/held 2>&1 &
holder=$!
exec 7>/run/hold
echo $select >&7
wait_for 10 grep -q 9000 /run/held
check "IFD handler: while another program has the slot, no card" sh -c "! $cardring apdu --backend pcsc $select"
exec 7>&-
wait $holder
check "IFD handler: once it is free, the card" answers --backend pcsc
stop_pcscd
tests/vm/vmctl unplug-reader
wait_for 10 unplugged
end_pcscd
check "the module unloads" unload_module
