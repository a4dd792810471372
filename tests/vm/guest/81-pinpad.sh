# SPDX-License-Identifier: BSD-2-Clause
# PINs by the reader's keypad for PC/SC programs (PC/SC part 10): through our IFD handler over the module, and through
# libccid without it, the same answers.
. tests/vm/guest.lib.sh
cardring=build/cardring
ask=build/tests/vm/pinpad_pcsc
if [ ! -x $ask ] || ! command -v pcscd >/dev/null; then
	skip "PINs over PC/SC" "pcscd or its library is not there"
	exit 0
fi
drivers=$(pkg-config --variable=usbdropdir libpcsclite)
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
unload_module

# pcscd hears of readers from udev; the virtual one is none that libccid's list or ours has.
pgrep -x systemd-udevd >/dev/null || /lib/systemd/systemd-udevd --daemon
udevadm trigger --subsystem-match=usb --action=add
udevadm settle
add() { echo "/<key>$1</{n;s|\$|<string>$2</string>|}"; }
list() { sed -e "$(add ifdVendorID 0x1209)" -e "$(add ifdProductID 0xC1D0)" -e "$(add ifdFriendlyName 'cardring Virtual Reader')" "$1"; }
bundle=$drivers/ifd-cardring.bundle/Contents
mkdir -p "$bundle/Linux"
cp build/ifd/libifdcardring.so "$bundle/Linux/"
list build/ifd/Info.plist >"$bundle/Info.plist"
list /etc/libccid_Info.plist >/run/pin.plist
mount --bind /run/pin.plist /etc/libccid_Info.plist
mkdir -p /run/no-readers
[ ! -d /etc/reader.conf.d ] || mount --bind /run/no-readers /etc/reader.conf.d

mkfifo /run/pcsc.keys
line() { (echo "$1" >&6) 2>/dev/null; }
has_card() { $ask Virtual features; }

template="00200081 08 FFFFFFFFFFFFFFFF"
change="00240081 10 FFFFFFFFFFFFFFFF FFFFFFFFFFFFFFFF"
hex() { echo "$*" | tr -d ' '; }
# tell KEYS OPERATION STRUCTURE
tell() {
	[ "$1" = - ] || line "keys $1"
	echo "$1: $(timeout 60 $ask Virtual "$2" "$(hex "$3")")"
}
verify="0A 0A 82 08 00 0804 02 01 0904 00 000000 0D000000 $template"
modify="0A 0A 82 08 00 00 08 0804 03 02 03 0904 00 01 02 000000 15000000 $change"
scenario() {
	tell 1234E verify "$verify"
	tell 9999E verify "$verify"
	tell 12C verify "$verify"
	tell 12E verify "$verify"
	tell - verify "02 02 82 08 00 0804 02 01 0904 00 000000 0D000000 $template"
	tell 1234E55555E55555E modify "$modify"
	tell 55555E66666E66667E modify "$modify"
	tell 55555E66666EC modify "$modify"
	tell 55555E verify "$verify"
	tell 1111E verify "$verify"
	tell 1111E verify "$verify"
	tell 1111E verify "$verify"
	tell 55555E verify "$verify"
	# format 2 of ISO 9564-1; no block, the digits alone
	tell 1234E verify "0A 0A 89 47 04 0804 02 01 0904 00 000000 0D000000 00200083 08 2FFFFFFFFFFFFFFF"
	tell 123456E verify "0A 0A 82 00 00 0804 02 01 0904 00 000000 04000000 00200082"
}

under() { # HANDLER LEVEL
	if [ "$1" = ours ]; then load_module; else unload_module; fi
	LIBCCID_ifdLogLevel=0x0007 pcscd --foreground --debug --apdu >/run/pcscd.log 2>&1 &
	pcscd=$!
	wait_for 10 test -S /run/pcscd/pcscd.comm
	$cardring sim serve echo --usbip --pinpad --level $2 </run/pcsc.keys >/run/serve.log 2>&1 &
	server=$!
	exec 6>/run/pcsc.keys
	if wait_for 20 has_card; then
		$ask Virtual features >"/run/features.$1"
		scenario >"/run/pins.$1"
	else
		echo none >"/run/pins.$1"
		tail -n 20 /run/pcscd.log | sed 's/^/# /'
	fi
	exec 6>&-
	kill $server
	wait $server
	kill $pcscd
	wait $pcscd
	if [ "$1" = ours ]; then
		check "$2: pcscd's log has no digit of a PIN" sh -c '
			! grep -q "31 32 33 34\|35 35 35 35\|01 02 03 04\|24 12 34" /run/pcscd.log'
	fi
}

for level in extended tpdu "tpdu --protocol 1"; do
	under ours "$level"
	under libccid "$level"
	check "$level: our handler has the features of PINs" grep -q '06 07 0A 12' /run/features.ours
	check "$level: and the same properties of PINs" sh -c '
		[ "$(grep "^pin properties" /run/features.ours)" = "$(grep "^pin properties" /run/features.libccid)" ]' ||
		grep -h "^pin" /run/features.* | sed 's/^/# /'
	check "$level: a PIN is right, wrong, and blocked in the end" sh -c '
		sed -n "1p;2p;12p;13p" /run/pins.ours | sed "s/.*: //" | tr "\n" " " | grep -qx "9000 63C2 63C0 6983 "' ||
		sed 's/^/# /' /run/pins.ours
	check "$level: time out, cancel, mismatch and length have their words" sh -c '
		sed -n "3p;4p;5p;7p;8p" /run/pins.ours | sed "s/.*: //" | tr "\n" " " | grep -qx "6401 6403 6400 6402 6401 "' ||
		sed 's/^/# /' /run/pins.ours
	check "$level: libccid's answers are the same" cmp /run/pins.ours /run/pins.libccid ||
		diff /run/pins.ours /run/pins.libccid | sed 's/^/# /'
done
umount /etc/libccid_Info.plist
[ ! -d /etc/reader.conf.d ] || umount /etc/reader.conf.d
unload_module
