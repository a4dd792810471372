# SPDX-License-Identifier: BSD-2-Clause
# Cards that come and go, and PINs typed on the keypad.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka card
run_cmocka pin
check "the module unloads" unload_module
