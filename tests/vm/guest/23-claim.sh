# SPDX-License-Identifier: BSD-2-Clause
# Claims, and what becomes of them.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka claim
check "the module unloads" unload_module
