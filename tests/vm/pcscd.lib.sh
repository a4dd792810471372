# SPDX-License-Identifier: BSD-2-Clause
# For guest scripts that run pcscd; sourced behind guest.lib.sh. POSIX sh.
#
#   begin_pcscd        once a script: udevd runs (pcscd hears of readers from it), and libccid knows the virtual reader
#   add_handler        our IFD handler is pcscd's too, and asked first
#   no_vpcd / vpcd     pcscd has no readers but USB's (the beginning) / vsmartcard-vpcd's too
#   start_pcscd / stop_pcscd
#   answers OPTION...  the card takes a command ("cardring apdu")
cardring=build/cardring
drivers=$(pkg-config --variable=usbdropdir libpcsclite)

virtual_reader() { # FILE: to its lists of idVendor, idProduct and names
	sed -e '/<key>ifdVendorID<\/key>/,/<array>/s/<array>/&<string>0x1209<\/string>/' \
	    -e '/<key>ifdProductID<\/key>/,/<array>/s/<array>/&<string>0xC1D0<\/string>/' \
	    -e '/<key>ifdFriendlyName<\/key>/,/<array>/s/<array>/&<string>cardring Virtual Reader<\/string>/' "$1"
}
begin_pcscd() {
	virtual_reader /etc/libccid_Info.plist >/run/Info.plist
	mount --bind /run/Info.plist /etc/libccid_Info.plist
	mkdir -p /run/no-readers
	no_vpcd
	if ! pgrep -x systemd-udevd >/dev/null; then
		/lib/systemd/systemd-udevd --daemon
		udevadm trigger --subsystem-match=usb --action=add
		udevadm settle
	fi
}
end_pcscd() {
	umount /etc/libccid_Info.plist
	vpcd
}
no_vpcd() { [ ! -d /etc/reader.conf.d ] || mount --bind /run/no-readers /etc/reader.conf.d; }
vpcd() { [ ! -d /etc/reader.conf.d ] || umount /etc/reader.conf.d 2>/dev/null || :; }
add_handler() {
	mkdir -p "$drivers/ifd-cardring.bundle/Contents/Linux"
	cp build/ifd/libifdcardring.so "$drivers/ifd-cardring.bundle/Contents/Linux/"
	virtual_reader build/ifd/Info.plist >"$drivers/ifd-cardring.bundle/Contents/Info.plist"
}

start_pcscd() {
	mkdir -p /run/pcscd
	pcscd --foreground --debug >>/run/pcscd.log 2>&1 &
	pcscd=$!
	wait_for 20 test -S /run/pcscd/pcscd.comm
}
stop_pcscd() {
	kill $pcscd
	wait $pcscd
}

# Of the list: a jq filter on its readers.
lists() { $cardring list --json 2>/dev/null | jq -e ".readers | $1" >/dev/null; }
lists_by() { $cardring list --backend "$1" --json 2>/dev/null | jq -e ".readers | $2" >/dev/null; }
select=00A4040C07A0000002471001
answers() { [ "$($cardring apdu "$@" --json $select 2>/dev/null | jq -r '.responses[0].status_word')" = 9000 ]; }
