# SPDX-License-Identifier: BSD-2-Clause
# Which readers are left to others: security tokens, and what sysfs unbinds.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
load_module
run_cmocka token
check "the module unloads" unload_module
