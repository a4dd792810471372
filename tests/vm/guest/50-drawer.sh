# SPDX-License-Identifier: BSD-2-Clause
# Every real reader of tests/data/readers.tsv, by each backend: card `an` in each slot (tests/vm/drawer.c). The report
# is left in build/vm/out/RIG, a line an interface.
. tests/vm/guest.lib.sh
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
load_module

for backend in kernel; do
	if ! build/tests/vm/drawer $backend tests/data/readers.tsv "${CARDRING_OUT:-/run}/drawer-$backend.tsv" >/run/drawer 2>&1 &&
		! grep -q '^not ok ' /run/drawer; then
		not_ok "drawer, $backend" "it did not come to its end"
	fi
	cat /run/drawer
done
check "no reader is left behind" wait_for 10 sh -c '! ls /dev/cardring[0-9]*'
