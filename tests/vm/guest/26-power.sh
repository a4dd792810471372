# SPDX-License-Identifier: BSD-2-Clause
# Resets, sleep and waking.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka power
check "the module unloads" unload_module
