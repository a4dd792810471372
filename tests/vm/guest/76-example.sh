# SPDX-License-Identifier: BSD-2-Clause
# The example that integrators begin with: it drives every reader there is, through cards and readers that come and go.
. tests/vm/guest.lib.sh
cardring=build/cardring
[ "$CARDRING_RIG" = uml ] || modprobe vhci_hcd
load_module

mkfifo /run/readers
nodes() { [ "$(ls /dev/cardring[0-9]* 2>/dev/null | wc -l)" = "$1" ]; }
said() { [ "$(grep -c "$2" /run/example)" -ge "$1" ]; }

$cardring sim serve an --usbip --readers 2 --slots 2 --busy-slots 2 </run/readers >/run/serve.log 2>&1 &
server=$!
exec 6>/run/readers
wait_for 20 nodes 2
build/examples/many-readers >/run/example 2>&1 &
example=$!
# 8 bytes of EF.CardAccess (a SET: 31) and 9000, once for each of the four cards
check "every slot's card answers" wait_for 20 said 4 'the card answered 31\( [0-9A-F][0-9A-F]\)\{7\} 90 00$'
for r in 0 1; do
	before=$(cat /sys/class/cardring/cardring$r/commands)
	check "reader $r goes on answering" wait_for 10 sh -c "[ \$(cat /sys/class/cardring/cardring$r/commands) -gt $((before + 100)) ]"
done
echo remove >&6
check "a card that is taken away is told" wait_for 10 said 1 'card out after [0-9]* batches$'
echo insert >&6
check "and answers again when it is back" wait_for 20 said 5 'the card answered 31'
build/examples/many-readers >/run/second 2>&1
rc=$?
check "a second one finds every slot held" sh -c "[ $rc = 1 ] && [ \$(grep -c 'Another program' /run/second) = 4 ]"
exec 6>&-
kill $server 2>/dev/null
wait $server
wait $example
rc=$?
check "it ends well with the last reader" sh -c "[ $rc = 0 ] && [ \$(grep -c 'gone after' /run/example) = 4 ]"
check "and holds nothing" unload_module
[ "$rc" = 0 ] || sed 's/^/# /' /run/example
