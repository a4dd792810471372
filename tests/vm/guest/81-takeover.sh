# SPDX-License-Identifier: BSD-2-Clause
# Readers between pcscd and a module that is installed: what driver unload does stays done, and no signal, no pcscd that
# hangs and no handler that is missing costs PC/SC programs their reader. (80-pcscd.sh has the way itself.)
. tests/vm/guest.lib.sh
. tests/vm/pcscd.lib.sh
only qemu
modprobe -a vhci_hcd usbmon
tests/vm/vmctl unplug-reader
unload_module
install_module
install -D -m 644 udev/70-cardring.rules /usr/lib/udev/rules.d/70-cardring.rules
rm -f /etc/modprobe.d/pcscd-only.conf
begin_pcscd
add_handler
udevadm control --reload

pcsc_has_it() { opensc-tool -l 2>&1 | grep -q "Virtual Reader"; }
by_libccid() { readlink /sys/bus/usb/devices/*:1.0/driver | grep -q '/usbfs$'; }
not_loaded() { udevadm settle; [ ! -d /sys/module/cardring ]; }
said() { grep -q -e "$1" /run/said; }
# driver ARG..., which ends by itself: its exit code in $rc
driver() {
	timeout 60 $cardring driver "$@" >/run/said 2>&1
	rc=$?
}

start_pcscd
start_reader
udevadm settle
check "a reader that is plugged in brings the module" wait_for 20 has_node
check "and PC/SC has it" wait_for 20 pcsc_has_it

# The file that pcscd has closed is nobody's, and keeps the module for as long as its card takes to be powered off.
line "delay 0 on=poweroff ms=2000"
check "driver unload unloads it, when the card is off" $cardring driver unload
line clear
check "and it is not loaded again" not_loaded
check "libccid has the reader" wait_for 20 by_libccid
check "and PC/SC programs" wait_for 20 pcsc_has_it
driver load /dev/null
check "a module that is none is refused" [ $rc = 1 ]
check "and no other is loaded for it" not_loaded
check "PC/SC keeps the reader" wait_for 20 pcsc_has_it

kill -STOP $pcscd
driver load
check "a pcscd that hangs: driver load ends, and refuses" [ $rc = 1 ]
check "it says how to stop it" said "systemctl stop pcscd"
check "or to go on" said "--force"
check "and nothing is loaded" not_loaded
kill -CONT $pcscd
check "which is no harm to PC/SC" wait_for 20 pcsc_has_it

# pcscd does not let go for as long as it is stopped: the signal comes while the command waits for it.
for signal in INT TERM; do
	kill -STOP $pcscd
	timeout -s $signal 2 $cardring driver load --force >/run/said 2>&1
	check "SIG$signal in the middle of it was sent" [ $? = 124 ]
	kill -CONT $pcscd
	udevadm settle
	sleep 2
	check "and PC/SC has its reader after SIG$signal" wait_for 20 pcsc_has_it
done
driver unload

mv "$drivers/ifd-cardring.bundle" /run/
driver load
check "without the handler driver load refuses" [ $rc = 1 ]
check "and says what is missing" said libpcsclite-dev
check "nothing is loaded" not_loaded
check "PC/SC has its reader" wait_for 20 pcsc_has_it
check "list does not say that PC/SC programs go on" sh -c "$cardring list --backend usb >/run/said 2>&1
	grep -q 'pcscd (process' /run/said && ! grep -q 'driver load' /run/said"
check "doctor warns of it" sh -c "$cardring doctor --json |
	jq -e 'any(.checks[]; .name == \"pcscd\" and .result == \"warn\" and (.remedy | contains(\"libpcsclite-dev\")))'"
check "by force the module has the reader all the same" sh -c "$cardring driver load --force --json |
	jq -e '.driver.taken_over == 1'"
driver unload
check "and libccid again" wait_for 20 by_libccid
mv /run/ifd-cardring.bundle "$drivers/"

stop_reader
stop_pcscd
end_pcscd
unload_module
uninstall_module
