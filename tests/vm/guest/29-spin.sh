# SPDX-License-Identifier: BSD-2-Clause
# The library's wait on the module's rings: looking before sleeping.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka spin
check "the module unloads" unload_module
