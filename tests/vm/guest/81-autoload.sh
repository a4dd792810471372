# SPDX-License-Identifier: BSD-2-Clause
# What is installed does by itself: the module comes with the first reader, its node with permissions; and who wants
# pcscd alone says so in one file.
. tests/vm/guest.lib.sh
only qemu
cardring=build/cardring
modprobe vhci_hcd
unload_module

install -D -m 644 "$CARDRING_KO" "/lib/modules/$(uname -r)/updates/cardring.ko"
depmod
install -D -m 644 udev/70-cardring.rules /usr/lib/udev/rules.d/70-cardring.rules
install -D -m 644 udev/cardring-modprobe.conf /usr/lib/modprobe.d/cardring.conf
udevadm control --ping 2>/dev/null || /lib/systemd/systemd-udevd --daemon
udevadm control --reload
udevadm settle

loaded() { [ -d /sys/module/cardring ]; }
has_node() { ls /dev/cardring[0-9]* >/dev/null 2>&1; }
has_reader() { ls -d /sys/bus/usb/devices/*-[1-9]*:1.* >/dev/null 2>&1; }	# no hub's
no_reader() { ! has_reader; }
start_reader() {
	$cardring sim serve an --usbip "$@" >/run/serve.log 2>&1 </dev/null &
	server=$!
	wait_for 20 has_reader
	udevadm settle
}
stop_reader() {
	kill $server
	wait $server
	wait_for 10 no_reader
}
doctor() { $cardring doctor --json >/run/doctor; jq -e "$1" /run/doctor; }

# (Unplugged first, where this script runs alone.)
tests/vm/vmctl unplug-reader
wait_for 10 no_reader
check "doctor without a reader: not 0, and it is said" sh -c "! $cardring doctor >/run/said && grep -q 'no card reader' /run/said"
start_reader
check "a reader that is plugged in brings the module" wait_for 20 loaded
check "and has its node" wait_for 20 has_node
node=$(ls /dev/cardring[0-9]*)
check "which the group plugdev may open" wait_for 5 sh -c "[ \"\$(stat -c '%G %a' $node)\" = 'plugdev 660' ]"
check "doctor: a card can be read" doctor '.readable and (.checks | all(.result != "bad")) and
	any(.checks[]; .name == "module" and .result == "ok") and any(.checks[]; .name == "udev" and .result == "ok") and
	any(.checks[]; .name == "reader" and .result == "ok")'
check "and exits with 0" $cardring doctor
check "in Vietnamese" sh -c "$cardring doctor --lang vi | grep -q 'đọc được thẻ'"
setpriv --reuid 65534 --regid 65534 --clear-groups $cardring doctor >/run/said 2>&1
rc=$?
check "who may not open it is told so, with the group" [ $rc = 3 ]
check "by name" grep -q "adduser USER plugdev" /run/said
stop_reader
unload_module

# a reader of the vendor's class
start_reader --as tests/data/readers.tsv:SPR532
check "one of the vendor's class does too, if it is known" wait_for 20 has_node
stop_reader
unload_module

cp udev/pcscd-only.conf /etc/modprobe.d/
udevadm control --reload
start_reader
sleep 1
check "with pcscd-only.conf it does not" [ ! -d /sys/module/cardring ]
check "doctor names the file" doctor 'any(.checks[]; .name == "blacklist" and .result == "warn" and
	(.text | contains("/etc/modprobe.d/pcscd-only.conf")))'
check "and reads cards by libusb" doctor '.readable and any(.checks[]; .name == "module" and .result == "warn")'
check "driver load loads it all the same" $cardring driver load
check "driver unload unloads it" $cardring driver unload
echo "install cardring /bin/true" >/etc/modprobe.d/never.conf
check "an install line that loads nothing does not keep driver load from it" sh -c "
	$cardring driver load --json | jq -e '.driver.loaded and .driver.changed' && [ -d /sys/module/cardring ]"
check "and then unload has something to unload" sh -c "$cardring driver unload --json | jq -e .driver.changed"
rm /etc/modprobe.d/never.conf
CARDRING_BACKEND=smoke $cardring doctor >/run/said
rc=$?
check "a backend that is none is bad" [ $rc = 3 ]
check "and named" grep -q smoke /run/said
stop_reader
rm /etc/modprobe.d/pcscd-only.conf
uninstall_module
