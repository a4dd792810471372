# SPDX-License-Identifier: BSD-2-Clause
# The rings: chains, completions, backpressure; and who moves the bytes, where the host controller takes a message in
# parts and where it does not.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka ring
run_cmocka copy
unload_module
load_module gather=0
run_cmocka copy
check "the module unloads" unload_module
