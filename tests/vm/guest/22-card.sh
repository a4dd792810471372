# SPDX-License-Identifier: BSD-2-Clause
# Cards that come and go.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka card
check "the module unloads" unload_module
