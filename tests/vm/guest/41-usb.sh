# SPDX-License-Identifier: BSD-2-Clause
# Its second half, and the table. The module's column is what the scripts 20- to 27- found, if they ran in this boot.
. tests/vm/guest.lib.sh
modprobe -q vhci_hcd
unload_module
for p in card claim gone badinput; do
	run_backend usb $p
done
conform_table
