# SPDX-License-Identifier: BSD-2-Clause
# Readers that misbehave: deadlines, aborts, malformed answers, halts, resets.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka fault
check "the module unloads" unload_module
