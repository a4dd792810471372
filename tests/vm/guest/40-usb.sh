# SPDX-License-Identifier: BSD-2-Clause
# Seconds that it may take: 600
# With the module away: the virtual reader as usbfs finds it, which all else here stands on; and the conformance suite
# over libusb: what a ring promises it promises on every backend.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
unload_module
CMOCKA_TIMEOUT=240 run_cmocka vreader_usb	# a hundred readers: 15 s where the host has nothing else to do
for p in ring copy fault; do
	run_backend usb $p
done
