# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite over PC/SC, the virtual reader being driven by libccid under pcscd, and over the simulator's
# reader in process; what is pcscd's alone; and the table of all backends that ran in this boot.
. tests/vm/guest.lib.sh
. tests/vm/pcscd.lib.sh
command -v pcscd >/dev/null || { skip "PC/SC" "pcscd is not installed"; exit 0; }
modprobe -q vhci_hcd
unload_module
begin_pcscd
start_pcscd
for p in ring copy fault card claim gone pcsc; do
	run_backend pcsc $p
done
stop_pcscd
end_pcscd
for p in ring copy fault card claim gone; do
	run_backend sim $p
done
conform_table
