# SPDX-License-Identifier: BSD-2-Clause
# The rig gives what the other scripts count on.
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
	if [ -e /sys/bus/usb/devices/usb1 ]; then ok "xHCI is there"; else not_ok "xHCI is there" "no root hub"; fi
	;;
esac
