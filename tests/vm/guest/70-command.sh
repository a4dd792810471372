# SPDX-License-Identifier: BSD-2-Clause
# The command over the module when things go wrong: the module absent, a slot that another holds, a
# wrong CAN, the card or the reader gone in the middle. And what a verification costs in system calls.
. tests/vm/guest.lib.sh
cardring=build/cardring
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
unload_module

start_reader --level extended
verify --backend kernel --can 123456
expect "without the module verify names the remedy" 3 "driver load\|modprobe"
check "and so does list" sh -c "$cardring list --backend kernel 2>&1 | grep -q 'driver load\|modprobe'"
check "driver load loads it" $cardring driver load "$CARDRING_KO"
check "driver status says so" sh -c "$cardring driver status | grep -qi loaded"
wait_for 10 has_node
check "list shows the reader" sh -c "$cardring list --json | jq -e '.readers | length == 1 and .[0].backend == \"kernel\"'"

verify --can 123456
expect "a genuine card" 0 genuine

# stat: of a file of its looks, one a line.
counted() { jq -es "$1" /run/stat; }
$cardring stat --json >/run/stat
check "stat, where no terminal is, is one look: one object" counted '
	length == 1 and (.[0].readers | length) == 1 and .[0].seconds == null'
check "with every counter of the reader, and its card" counted '.[0].readers[0] |
	.path == "'"$(ls /dev/cardring[0-9]*)"'" and .slots == [{slot: 0, state: "present"}] and .per_second == null and
	([.commands, .bytes_sent, .bytes_received, .bytes_copied, .zero_copy, .timeouts, .errors, .resets, .strays] |
		all(type == "number"))'
check "they are those of sysfs" counted '.[0].readers[0] | .commands == '"$(cat /sys/class/cardring/cardring0/commands)"' and
	.bytes_received == '"$(cat /sys/class/cardring/cardring0/bytes_rx)"
$cardring stat --json --interval 1 >/run/stat &
stat=$!
wait_for 10 counted 'length >= 1'
verify --can 123456
check "a verification is counted while stat looks on" wait_for 10 counted '
	.[-1].readers[0].commands - .[0].readers[0].commands >= 100 and
	.[-1].readers[0].bytes_received - .[0].readers[0].bytes_received > 20000'
check "and how much it was a second" counted 'any(.[]; .readers[0].per_second.commands > 0 and .seconds > 0)'
kill -INT $stat
wait $stat
rc=$?
check "and how long host and card took" counted '.[-1].readers[0].times | .turnaround_us.p50 > 0 and
	.turnaround_us.p99 >= .turnaround_us.p50 and .answer_us.p50 > 0 and .answer_us.p99 >= .answer_us.p50'
check "of late, too" counted 'any(.[]; .readers[0].recent_times.answer_us.p50 > 0)'
check "Ctrl-C is its normal end" [ $rc = 0 ]
check "--count ends it" sh -c "timeout 20 $cardring stat --count 2 >/run/stat"
check "its table: names, counters, and from the second look on rates" sh -c "
	[ \$(grep -c '^cardring0 ' /run/stat) = 2 ] && [ \$(grep -c 'commands .* strays' /run/stat) = 2 ] &&
	[ \$(grep -c '^/s ' /run/stat) = 1 ]"

verify --can 999999
expect "a wrong CAN" 5 CAN
check "is tried once" sh -c "$cardring verify --can 999999 --json | jq -e '.access.tries == 1 or .error.tries == 1'"
verify --can 123456
expect "and the right one is taken after it" 0 genuine

# Slow enough that there is a middle.
line "latency value=100000"
$cardring verify --can 123456 >/dev/null 2>&1 &
holder=$!
sleep 0.7
verify --can 123456
expect "a slot that another holds" 1 "$holder\|cardring"
kill -9 $holder
wait $holder 2>/dev/null
line "latency value=0"
verify --can 123456
expect "is free when its holder is killed" 0 genuine

gone() { # NAME FAULT
	start=$(date +%s%N)
	line "latency value=100000"
	$cardring verify --can 123456 --trust build/sim/trust >/run/said 2>/run/said.err &
	pid=$!
	sleep 0.7
	t0=$(date +%s%N)
	line "$2"
	wait $pid
	rc=$?
	took=$((($(date +%s%N) - t0) / 1000000))
	expect "$1: exit 4 and a sentence" 4 .
	if [ "$took" -le 1000 ]; then ok "$1: within 1 s"; else not_ok "$1: within 1 s" "$took ms"; fi
	# whoever served an unplugged reader has left
	[ "$2" = unplug ] || line "latency value=0"
}
gone "the card is taken away in the middle" remove
verify --can 123456
expect "no card" 4 .
line insert
verify --can 123456 --wait 5
expect "the card put back is verified" 0 genuine
gone "the reader is unplugged in the middle" unplug
exec 6>&-
wait $server
wait_for 10 sh -c '! ls /dev/cardring[0-9]*'
verify --can 123456
expect "no reader" 3 .

start_reader --level extended
wait_for 10 has_node
verify --can 123456
expect "the module is as new after it" 0 genuine
check "driver unload refuses while a reader is open" sh -c "
	exec 5<>$(ls /dev/cardring[0-9]*)
	! $cardring driver unload"
# The hot path: what one verification asks of the kernel.
if command -v strace >/dev/null; then
	strace -f -o /run/strace $cardring verify --can 123456 --trust build/sim/trust --json >/run/said 2>&1
	commands=$(jq .exchange.commands /run/said)
	from=$(grep -n 'openat.*"/dev/cardring' /run/strace | tail -n 1 | cut -d: -f1)
	calls=$(tail -n +"$from" /run/strace | grep -c '(')
	ioctls=$(tail -n +"$from" /run/strace | grep -c 'ioctl(')
	echo "# figures: $commands APDUs; from the reader's opening on $ioctls ioctls, $calls system calls in all"
	check "there are ioctls, and fewer than APDUs" [ "$ioctls" -gt 0 -a "$ioctls" -lt "$commands" ]
else
	skip "there are ioctls, and fewer than APDUs" "no strace here"
fi
$cardring stat --json --interval 1 >/run/stat &
stat=$!
wait_for 10 counted '(.[0].readers | length) == 1'
stop_reader
check "a reader that goes while stat looks on disappears" wait_for 10 counted '(.[-1].readers | length) == 0'
kill -TERM $stat
wait $stat
rc=$?
check "which ends well" [ $rc = 0 ]
start_reader --level extended --timing 106
wait_for 10 has_node
verify --can 123456
expect "a contactless card is verified" 0 genuine
# 24,400 bytes of 9 bits at 106 kbit/s are 2 s, and more than a fifth of that is around them.
if [ "$took" -ge 2500 ]; then ok "and is no faster than the air"; else not_ok "and is no faster than the air" "$took ms"; fi
stop_reader
$cardring sim serve echo --usbip --level short </dev/null >/run/serve.log 2>&1 &
server=$!
wait_for 10 has_node
check "apdu: what no reader and no card takes says what they do take" sh -c "
	{ printf '00880000000100'; yes 55 | head -n 256 | tr -d '\n'; echo; } | $cardring apdu --json >/run/said
	jq -e '.error.code == \"too-long\" and .limits.command_data == 255 and .limits.response_data == 256 and
		.limits.command_by == \"exchange level\" and (.error.message | test(\"255.*256\"))' /run/said"
check "and the next command is answered" sh -c "$cardring apdu 00B0000010 | grep -q ' 9000 '"
kill $server
wait $server
wait_for 10 sh -c '! ls /dev/cardring[0-9]*'
check "driver unload unloads it" $cardring driver unload
check "and it is gone" [ ! -d /sys/module/cardring ]

# The file of a program that was killed is nobody's, and keeps the module until its card is powered off.
insmod "$CARDRING_KO"
start_reader --level extended
wait_for 10 has_node
line "latency value=100000"
line "delay 0 on=poweroff ms=2000"
$cardring verify --can 123456 >/dev/null 2>&1 &
holder=$!
sleep 0.7
kill -9 $holder
check "driver unload waits for a card to be off" $cardring driver unload
check "and for no more" [ ! -d /sys/module/cardring ]
wait $holder 2>/dev/null
stop_reader
