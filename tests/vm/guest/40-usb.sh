# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite over libusb, with the module away: what a ring promises it promises on every backend.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
unload_module
for p in ring copy fault; do
	run_backend usb $p
done
