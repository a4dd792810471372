# SPDX-License-Identifier: BSD-2-Clause
# One reader, QEMU's own, by every way there is: the module, libusb, and pcscd, with libccid and with our IFD handler.
# By each a card is verified, taken out, put in; the reader is unplugged and comes back.
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
stop_pcscd
tests/vm/vmctl unplug-reader
wait_for 10 unplugged
end_pcscd
check "the module unloads" unload_module
