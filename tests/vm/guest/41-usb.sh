# SPDX-License-Identifier: BSD-2-Clause
# Its second half.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
unload_module
for p in card claim gone badinput; do
	run_backend usb $p
done
