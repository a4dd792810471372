# SPDX-License-Identifier: BSD-2-Clause
# The same commands to the same virtual card by libccid, under pcscd, and by the module: the same answers. What T=0, T=1
# and PPS are, two sides that were written apart agree on, and the virtual card is not made for ours alone.
. tests/vm/guest.lib.sh
cardring=build/cardring
for tool in pcscd opensc-tool; do
	command -v $tool >/dev/null || { skip "libccid as a peer" "$tool is not installed"; exit 0; }
done
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd

# The virtual reader is none that libccid knows: a list that has it, for this boot alone.
sed -e '/<key>ifdVendorID<\/key>/,/<array>/s/<array>/&<string>0x1209<\/string>/' \
    -e '/<key>ifdProductID<\/key>/,/<array>/s/<array>/&<string>0xC1D0<\/string>/' \
    -e '/<key>ifdFriendlyName<\/key>/,/<array>/s/<array>/&<string>cardring Virtual Reader<\/string>/' \
    /etc/libccid_Info.plist >/run/Info.plist
mount --bind /run/Info.plist /etc/libccid_Info.plist
# and no readers but that one
mkdir -p /run/no-readers
[ ! -d /etc/reader.conf.d ] || mount --bind /run/no-readers /etc/reader.conf.d

# Of the built-in test card: reads and echoes around the sizes of a block, and what it refuses.
hex() { printf "%0$(($1 * 2))d" 0 | sed 's/0/A/g'; }
{
	for n in 01 1E 1F 20 3E FC FD FE FF 00; do echo "00B00100$n"; done
	for n in 1 25 26 27 28 200 249 250 255; do printf '00880000%02X%s%02X\n' $n "$(hex $n)" $n; done
	printf '00D60000FF%s\n' "$(hex 255)"
	printf '00A40000\n00FC6A82\n00FF0000\n00B0800010\n00B07FF820\n'
} >/run/apdus

by_libccid() {
	unload_module
	mkdir -p /run/pcscd
	LIBCCID_ifdLogLevel=0x000F pcscd --foreground --debug >/run/pcscd.log 2>&1 &
	_pcscd=$!
	wait_for 15 sh -c 'opensc-tool -r 0 -a | grep -qi "^3b"'
	set --
	while read -r a; do set -- "$@" -s "$a"; done </run/apdus
	opensc-tool -r 0 "$@" >/run/libccid.out 2>/run/libccid.err
	kill $_pcscd
	wait $_pcscd
	# "Received (SW1=0x90, SW2=0x00)[:]" and lines of bytes, behind which the same in letters
	awk '/^Received/ { if (n++) print data sw; sw = substr($0, index($0, "SW1=0x") + 6, 2) substr($0, index($0, "SW2=0x") + 6, 2); data = "" ; next }
	     /^Sending/ { next }
	     n && match($0, /^([0-9A-Fa-f][0-9A-Fa-f] )+/) { line = substr($0, 1, RLENGTH < 48 ? RLENGTH : 48); gsub(/ /, "", line); data = data line }
	     END { if (n) print data sw }' /run/libccid.out | tr a-f A-F >/run/libccid.txt
}

by_module() {
	load_module
	wait_for 10 sh -c 'ls /dev/cardring[0-9]*'
	$cardring apdu --json </run/apdus >/run/module.out 2>/run/module.err
	jq -r '.responses[] | .data + .status_word' /run/module.out >/run/module.txt
}

for protocol in 0 1; do
	$cardring sim serve echo --usbip --level tpdu --protocol $protocol </dev/null >/run/serve.log 2>&1 &
	served=$!
	wait_for 10 grep -q 'USB device' /run/serve.log
	by_libccid
	by_module
	kill $served
	wait $served
	wait_for 10 sh -c '! ls /dev/cardring[0-9]*'
	check "T=$protocol: libccid answered every command" [ "$(wc -l </run/libccid.txt)" = "$(wc -l </run/apdus)" ] ||
		{ head -c 500 /run/libccid.err; grep -v PM_ /run/pcscd.log | head -c 9000; } | sed 's/^/# /'
	check "T=$protocol: the module's answers are libccid's" cmp /run/libccid.txt /run/module.txt ||
		diff /run/libccid.txt /run/module.txt | cut -c 1-120 | head -4 | sed 's/^/# /'
done
umount /etc/libccid_Info.plist
[ ! -d /etc/reader.conf.d ] || umount /etc/reader.conf.d
