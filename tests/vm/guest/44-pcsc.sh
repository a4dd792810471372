# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite over PC/SC, the virtual reader being driven by libccid under pcscd, and over the simulator's
# reader in process; what is pcscd's alone; and the table of all backends. The module's column is what the scripts 20- to 25- found,
# libusb's what 40- and 41- did, if they ran in this boot.
. tests/vm/guest.lib.sh
. tests/vm/pcscd.lib.sh
modprobe -q vhci_hcd
unload_module
if command -v pcscd >/dev/null; then
	begin_pcscd
	start_pcscd
	for p in ring copy fault card claim gone pcsc; do
		run_backend pcsc $p
	done
	stop_pcscd
	end_pcscd
else
	skip "PC/SC" "pcscd is not installed"
fi
for p in ring copy fault card claim gone; do
	run_backend sim $p
done
conform_table
