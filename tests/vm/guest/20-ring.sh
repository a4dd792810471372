# SPDX-License-Identifier: BSD-2-Clause
# The rings: chains, completions, backpressure.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka ring
check "the module unloads" unload_module
