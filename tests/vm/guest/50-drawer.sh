# SPDX-License-Identifier: BSD-2-Clause
# The real readers of tests/data/readers.tsv, by each backend: card `an` in each slot (tests/vm/drawer.c). All of them
# in uml-plain, a minute each; of those that look alike to a driver the first alone where the kernel watches itself. The
# report is left in build/vm/out/RIG, a line an interface. Under emulation it would take too long.
. tests/vm/guest.lib.sh
only uml

case $(uname -r) in *-plain) which= ;; *) which=--kinds ;; esac
for backend in kernel usb; do
	case $backend in kernel) load_module ;; *) unload_module ;; esac
	if ! build/tests/vm/drawer $backend tests/data/readers.tsv "${CARDRING_OUT:-/run}/drawer-$backend.tsv" $which >/run/drawer 2>&1 &&
		! grep -q '^not ok ' /run/drawer; then
		not_ok "drawer, $backend" "it did not come to its end"
	fi
	cat /run/drawer
	check "drawer, $backend: no reader is left behind" wait_for 10 sh -c '! grep -lx 0b /sys/bus/usb/devices/*/bInterfaceClass'
done
