# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite over libusb, with the module away: what a ring promises it promises on every backend. The
# module's column of the table is what the scripts before this one found.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
unload_module
for p in ring copy fault card claim gone; do
	run_backend usb $p
done
conform_table
