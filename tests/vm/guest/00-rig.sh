# SPDX-License-Identifier: BSD-2-Clause
# The rig gives what the other scripts count on.
. tests/vm/guest.lib.sh
check "the root can be written, and is not the host's" sh -c 'echo x >build/.guest-was-here && grep -q "^overlay / overlay" /proc/mounts'
check "programs run as root" [ "$(id -u)" = 0 ]
check "the module for this kernel is there" [ -e "$CARDRING_KO" ]
case $CARDRING_RIG in
uml)
	check "lockdep is on" grep -q 'debug_locks: *1' /proc/lockdep_stats
	check "kmemleak is on" [ -w /sys/kernel/debug/kmemleak ]
	check "fault injection is there" [ -d /sys/kernel/debug/failslab ]
	check "virtual USB ports are there" [ -e /sys/devices/platform/vhci_hcd.0/attach ]
	;;
qemu)
	check "two processors run" [ "$(nproc)" = 2 ]
	check "vhci_hcd loads" modprobe vhci_hcd
	check "xHCI is there" [ -e /sys/bus/usb/devices/usb1 ]
	# Through QEMU's reader: has it come, does it go and come when asked to, and is the card in it?
	reader() { grep -qx 08e6 /sys/bus/usb/devices/*/idVendor; }
	no_reader() { ! reader; }
	if wait_for 20 reader; then
		check "vmctl unplugs the reader" tests/vm/vmctl unplug-reader
		check "the reader is gone" wait_for 5 no_reader
		check "vmctl plugs the reader in" tests/vm/vmctl plug-reader
		check "the reader is there" wait_for 5 reader
		check "vmctl takes the card out" tests/vm/vmctl card-remove
		check "vmctl puts the card in" tests/vm/vmctl card-insert
		check "the reader goes again" tests/vm/vmctl unplug-reader
		check "and is gone" wait_for 5 no_reader
	elif tests/vm/vmctl card-insert 2>&1 | grep -q 'no --vscard'; then
		skip "QEMU's reader" "the run has no --vscard"
	else
		not_ok "QEMU's reader" "it has not come to the bus"
	fi
	;;
esac
