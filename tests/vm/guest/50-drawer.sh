# SPDX-License-Identifier: BSD-2-Clause
# The real readers of tests/data/readers.tsv, by each backend: card `an` in each slot (tests/vm/drawer.c). All of them
# in uml-plain. Where the kernel watches itself: of those that look alike to a driver the first alone, over libusb still
# fewer.
# The report is left in build/vm/out/RIG, a line an interface. Under emulation it would take too long.
# Seconds that it may take: 1000
. tests/vm/guest.lib.sh
only uml

for backend in kernel usb; do
	case $backend in
	kernel) load_module; which=--kinds ;;
	*) unload_module; which=--few ;;
	esac
	case $(uname -r) in *-plain) which= ;; esac
	if ! LIBUSB_DEBUG=1 build/tests/vm/drawer $backend tests/data/readers.tsv "${CARDRING_OUT:-/run}/drawer-$backend.tsv" $which >/run/drawer 2>&1 &&
		! grep -q '^not ok ' /run/drawer; then
		not_ok "drawer, $backend" "it did not come to its end"
	fi
	cat /run/drawer
	# A device that the bus lost on the way says why there.
	! grep -q '^not ok ' /run/drawer || dmesg | grep -E 'usb [0-9]|vhci' | tail -n 100 | sed 's/^/# /'
	check "drawer, $backend: no reader is left behind" wait_for 10 sh -c '! grep -lx 0b /sys/bus/usb/devices/*/bInterfaceClass'
done
