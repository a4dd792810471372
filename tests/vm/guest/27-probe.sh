# SPDX-License-Identifier: BSD-2-Clause
# Which readers are taken, and what is told of them; readers and cards that say what cannot be.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka probe
run_cmocka badinput
check "the module unloads" unload_module
