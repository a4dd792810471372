# SPDX-License-Identifier: BSD-2-Clause
# A part of the conformity test of inspection systems (tests/conformity) through the module: of most units some cases.
# Seconds that it may take: 600
. tests/vm/guest.lib.sh
suite=build/conformity/conformity
cases="ISO7816_A ISO7816_B ISO7816_C_01 ISO7816_C_04 ISO7816_C_05 ISO7816_D_03 ISO7816_E_05 ISO7816_E_14 ISO7816_E_17
	ISO7816_F_01 ISO7816_F_08 ISO7816_G_01 LDS_A_01 LDS_B_01 LDS_B_13 LDS_C_17 LDS_D_01 LDS_D_04 LDS_H_01 LDS_H_37 LDS_J_01
	LDS_K_02"

if [ ! -x $suite ]; then
	not_ok conformity "$suite was not built: make conformity"
	exit
fi
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
load_module
timeout 570 $suite --usb -d /run/conformity $cases >/run/conformity.out 2>&1
rc=$?
sed -n -E 's/^(ok|not ok) ([A-Z])/\1 conformity: \2/p' /run/conformity.out
check "the suite ends as it should" [ $rc = 0 ]
check "of at least 30 cases" sh -c '[ $(grep -cE "^(ok|not ok|deviates) [A-Z]" /run/conformity.out) -ge 30 ]'
check "the module unloads" unload_module
