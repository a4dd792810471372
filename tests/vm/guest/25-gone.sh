# SPDX-License-Identifier: BSD-2-Clause
# Readers that go away.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka gone
check "the module unloads" unload_module
