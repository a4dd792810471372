# SPDX-License-Identifier: BSD-2-Clause
# What goes over the bus, as usbmon sees it and tshark's dissector of CCID reads it, a judge that nobody here wrote. Over
# the module and over libusb, at each exchange level: no message is malformed or unexplained, each answer is that of
# its command (tests/vm/usbmon.awk), and the messages that reach a card are, to the byte, those that the standards want.
# Where the reader is told to answer wrongly, that shows.
. tests/vm/guest.lib.sh
only qemu
cardring=build/cardring
for tool in tshark dumpcap; do
	command -v $tool >/dev/null || { skip "the traffic in tshark" "$tool is not installed"; exit 0; }
done
modprobe vhci_hcd
modprobe usbmon
# (Unplugged by 00-rig.sh, unless this script runs alone.)
no_reader || { tests/vm/vmctl unplug-reader && wait_for 10 no_reader; }

# Data out of the card; data both ways; and 600 bytes both ways.
hex() { printf "%0$(($1 * 2))d" 0 | sed 's/0/5/g'; }
long=00880000000258$(hex 600)0258
short() { printf '00B0000010\n00880000040102030404\n'; }
long() { short; echo "$long"; }
# name|how the reader is served|what is sent
levels() {
	cat <<-'END'
	T=0|--level tpdu|short
	T=1|--level tpdu --protocol 1|short
	short APDU|--level short|short
	extended APDU|--level extended|long
	chained messages|--level extended --max-message 271|long
	END
}
# What reaches the card then: message type, wLevelParameter, payload.
meant() {
	echo "62 - "
	case $1 in
	T=0)	# CCID 1.1, 6.1.7: the parameters; ISO/IEC 7816-3, 12.2: the answer of a case 4 is fetched
		echo "61 - 1100000a00"
		printf '6f 0 %s\n' 00b0000010 008800000401020304 00c0000004 ;;
	T=1)	# 7816-3, 9: PPS for T=1 at F 512, D 16; 11: S(IFS request), I(0,0), I(1,0)
		echo "6f 0 ff11957b"
		echo "61 - 9510004500fe00"
		printf '6f 0 %s\n' 00c101fe3e 00000500b0000010a5 00400a00880000040102030404c6 ;;
	"short APDU")
		printf '6f 0 %s\n' 00b0000010 00880000040102030404 ;;
	"extended APDU")
		printf '6f 0 %s\n' 00b0000010 00880000040102030404 "$long" ;;
	"chained messages")	# 6.1.4: begins, goes on, ends; then the rest of the answer is asked for, twice
		printf '6f 0 %s\n' 00b0000010 00880000040102030404
		printf '6f 1 %s\n6f 3 %s\n6f 2 %s\n' $(echo "$long" | fold -w 522)
		printf '6f 16 \n6f 16 \n' ;;
	esac
}

serve() {
	$cardring sim serve echo --usbip "$@" </run/usbmon.faults >/run/serve.log 2>&1 &
	server=$!
	exec 6>/run/usbmon.faults
	wait_for 20 has_reader
}
stop() {
	exec 6>&-
	kill $server
	wait $server
	wait_for 10 no_reader
}

# Of the whole bus, from before a reader is plugged in: by its descriptors tshark knows what it is. All in one, as tshark
# takes its time to begin; the readers are told apart by the order in which they come.
mkfifo /run/usbmon.faults
dumpcap -q -i usbmon0 -w /run/usbmon.pcapng >/run/dumpcap.log 2>&1 &
dumpcap=$!
wait_for 30 grep -q File: /run/dumpcap.log
for backend in kernel usb; do
	case $backend in kernel) load_module ;; *) unload_module ;; esac
	while IFS='|' read -r level options commands; do
		serve $options
		[ $backend = usb ] || wait_for 10 has_node
		$commands | $cardring apdu --backend $backend --wait 10 >/run/said 2>&1
		check "$backend, $level: the card answered" [ "$(grep -c ' 9000 ' /run/said)" = "$($commands | wc -l)" ] ||
			sed 's/^/# /' /run/said
		stop
	done <<-END
	$(levels)
	END
done
for fault in "truncate bytes=9" "type value=0x99" "wrongseq" "length delta=3"; do
	serve --level extended
	echo "$fault" >&6
	short | timeout 60 $cardring apdu --backend usb --wait 10 >/run/said 2>&1
	stop
done
sleep 1
kill -INT $dumpcap
wait $dumpcap

tshark -n -r /run/usbmon.pcapng -Y 'usb.transfer_type == 3 || usbccid' -T fields -E occurrence=f \
	-e usb.bus_id -e usb.device_address -e usb.urb_type -e usb.transfer_type -e usb.endpoint_address.direction \
	-e usb.urb_status -e usb.data_len -e usbccid.bMessageType -e usbccid.dwLength -e usbccid.bSlot -e usbccid.bSeq \
	-e usbccid.bStatus -e usbccid.wLevelParameter -e usbccid.bChainParameter -e data.data -e _ws.malformed \
	-e _ws.col.Info >/run/usbmon.fields 2>/run/tshark.err
awk -f tests/vm/usbmon.awk -v sent=/run/usbmon.sent /run/usbmon.fields >/run/usbmon.wrong
echo "# $(wc -l </run/usbmon.fields) transfers"

device=0
for backend in kernel usb; do
	while IFS='|' read -r level options commands; do
		device=$((device + 1))
		check "$backend, $level: tshark finds nothing malformed or unexplained" \
			sh -c "! grep '^$device[ .]' /run/usbmon.wrong"
		meant "$level" >/run/meant
		check "$backend, $level: each message is as the standards have it" diff /run/meant /run/usbmon.sent.$device
	done <<-END
	$(levels)
	END
done
# What is wrong would have shown: the same judge, a reader that answers wrongly.
while read -r what; do
	device=$((device + 1))
	check "of a reader that errs it shows: $what" grep "^$device frame [0-9]*: $what" /run/usbmon.wrong ||
		grep "^$device " /run/usbmon.wrong | sed 's/^/# /'
done <<-END
	malformed
	type 99
	bSeq [0-9]* answers
	dwLength 21 in 28 bytes
END
check "nothing else was seen" sh -c "! cut -d' ' -f1 /run/usbmon.wrong | grep -qx '$((device + 1))\|0' &&
	[ ! -e /run/usbmon.sent.$((device + 1)) ]"
