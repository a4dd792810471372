# SPDX-License-Identifier: BSD-2-Clause
# Programs that mean harm or make mistakes.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka hostile
check "the module unloads" unload_module
