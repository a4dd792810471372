# SPDX-License-Identifier: BSD-2-Clause
# A part of the conformity test of inspection systems (tests/conformity) through the module: of each unit some cases.
. tests/vm/guest.lib.sh
suite=build/conformity/conformity
cases="ISO7816_A ISO7816_B ISO7816_C ISO7816_D_0 ISO7816_E_0 ISO7816_F_0 ISO7816_G_0 LDS_A_0 LDS_B_0 LDS_D_0 LDS_H_0 LDS_J"

if [ ! -x $suite ]; then
	not_ok conformity "$suite was not built: make conformity"
	exit
fi
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
load_module
timeout 900 $suite --usb -d /run/conformity $cases >/run/conformity.out 2>&1
rc=$?
sed -n -E 's/^(ok|not ok) ([A-Z])/\1 conformity: \2/p' /run/conformity.out
check "the suite ends as it should" [ $rc = 0 ]
check "of at least 30 cases" sh -c '[ $(grep -cE "^(ok|not ok|deviates) [A-Z]" /run/conformity.out) -ge 30 ]'
check "the module unloads" unload_module
