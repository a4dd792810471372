# SPDX-License-Identifier: BSD-2-Clause
# Allocations that fail.
. tests/vm/guest.lib.sh
only uml
modprobe -q vhci_hcd
load_module
run_cmocka alloc
check "the module unloads" unload_module
