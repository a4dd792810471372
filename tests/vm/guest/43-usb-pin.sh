# SPDX-License-Identifier: BSD-2-Clause
# PINs by the reader's keypad over libusb: what a ring promises, and the command.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
unload_module
run_backend usb pin
backend=usb
. tests/vm/pin.lib.sh
