# SPDX-License-Identifier: BSD-2-Clause
# Which readers are left to others: security tokens, and what sysfs unbinds; and, with udev's rules, to whom the nodes are
# given.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
install -D -m 644 udev/70-cardring.rules /usr/lib/udev/rules.d/70-cardring.rules
ran=
udevadm control --ping 2>/dev/null && ran=1
[ -n "$ran" ] || /lib/systemd/systemd-udevd --daemon
udevadm control --reload
udevadm settle
run_cmocka token
rm -f /usr/lib/udev/rules.d/70-cardring.rules
udevadm control --reload
[ -n "$ran" ] || udevadm control --exit
check "the module unloads" unload_module
