# SPDX-License-Identifier: BSD-2-Clause
# Every sample card through the module: in qemu in the reader that QEMU brings (T=0, TPDU level), in
# both rigs in the virtual reader at each APDU level. Verdict and exit code as tests/data/samples.tsv.
. tests/vm/guest.lib.sh
cardring=build/cardring
load_module
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd

# judge NAME-OF-TEST SAMPLE VERDICT EXIT: what verify says of the card in the only reader
judge() {
	$cardring verify $(secret "$2") --trust build/sim/trust --json --wait 10 >/run/verify.json 2>/run/verify.err
	_rc=$?
	_verdict=$(jq -r '.verdict // .error.code' /run/verify.json 2>&1)
	_backend=$(jq -r '.reader.backend' /run/verify.json 2>&1)
	if [ "$_rc" = "$4" ] && [ "$_verdict" = "$3" ] && [ "$_backend" = kernel ]; then
		ok "$1"
	else
		not_ok "$1" "$_verdict by $_backend, exit $_rc; expected $3, exit $4"
		head -c 2000 /run/verify.err /run/verify.json | sed 's/^/# /'
	fi
}

samples() { grep -v '^#' tests/data/samples.tsv; }

if [ "$CARDRING_RIG" = qemu ] && check "QEMU's reader is plugged in" tests/vm/vmctl plug-reader; then
	wait_for 10 sh -c 'ls /dev/cardring[0-9]*' || not_ok "QEMU's reader" "no node"
	while read -r name verdict exit; do
		tests/vm/vmctl card "$name"
		judge "QEMU's reader, card $name: $verdict" "$name" "$verdict" "$exit"
	done <<-END
	$(samples)
	END
	# The holder as a clerk reads it, by the module alone.
	tests/vm/vmctl card an
	$cardring verify --can 123456 --trust build/sim/trust --wait 10 --lang vi --out /run/an >/run/an.txt 2>&1
	check "the holder is told in Vietnamese" grep -q '001090123456' /run/an.txt
	check "the portrait is left as a JPEG" sh -c 'head -c 3 /run/an/portrait.jpg | od -An -tx1 | grep -q "ff d8 ff"'
	tests/vm/vmctl unplug-reader
	wait_for 10 sh -c '! ls /dev/cardring[0-9]*'
fi

# in_reader LEVEL-AND-OPTIONS SAMPLE VERDICT EXIT
in_reader() {
	$cardring sim serve "$2" --usbip --level $1 </dev/null >/run/serve.log 2>&1 &
	if wait_for 10 sh -c 'ls /dev/cardring[0-9]*'; then
		judge "virtual reader, $1, card $2: $3" "$2" "$3" "$4"
	else
		not_ok "virtual reader, $1, card $2" "no node: $(cat /run/serve.log)"
	fi
	kill $!
	wait $!
	wait_for 10 sh -c '! ls /dev/cardring[0-9]*'
}

n=0
while read -r name verdict exit; do
	n=$((n + 1))
	case $((n % 4)) in
	0) level=tpdu ;;
	1) level=extended ;;
	2) level=short ;;
	3) level="tpdu --protocol 1" ;;
	esac
	in_reader "$level" "$name" "$verdict" "$exit"
done <<END
$(samples)
END
# Card an at every level, whatever the list is.
for level in extended short tpdu "tpdu --protocol 1" "extended --max-message 300"; do
	in_reader "$level" an genuine 0
done
