# SPDX-License-Identifier: BSD-2-Clause
# Which readers are taken, and what is told of them.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka probe
check "the module unloads" unload_module
