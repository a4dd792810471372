#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The command on the host, over the virtual card in process: what it says, in which language, how it exits,
# and that it leaks nothing. Prints "ok cli: NAME" and "not ok cli: NAME: WHY".
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
cardring=$root/build/cardring
w=$(mktemp -d "${TMPDIR:-/tmp}/cardring-cli.XXXXXX") || exit 1
trap 'rm -rf "$w"' EXIT
failed=0
unset LC_ALL LC_MESSAGES LANGUAGE CARDRING_SIM_DIR CARDRING_BACKEND
export LANG=C

ok() { echo "ok cli: $1"; }
not_ok() { echo "not ok cli: $1: $2"; failed=1; }
# run ARG...: $rc; $w/out and $w/err
run() { timeout 60 "$cardring" "$@" >"$w/out" 2>"$w/err" </dev/null; rc=$?; }
# exits NAME CODE ARG...
exits() {
	local name=$1 code=$2
	shift 2
	run "$@"
	if [ $rc = "$code" ]; then ok "$name"; else not_ok "$name" "exit $rc, expected $code: $(head -c 200 "$w/err")"; fi
}
# check NAME COMMAND...
check() {
	local name=$1
	shift
	if "$@" >"$w/check" 2>&1; then ok "$name"; else not_ok "$name" "$(head -c 200 "$w/check")"; fi
}
said() { grep -qiF -- "$1" "$w/out" "$w/err" || { head -c 200 "$w/err"; return 1; }; }
is() { [ "$(jq -r "$1" "$w/out")" = "$2" ] || { jq -c "$1" "$w/out"; return 1; }; }
not() { ! "$@"; }
one_object() { jq -se 'length == 1 and (.[0] | type) == "object"' "$w/out"; }
secret() {
	local can
	can=$(sed -n 's/^can = //p' "build/sim/cards/$1/profile")
	if [ -n "$can" ]; then echo "--can $can"; else echo "--mrz $(sed -n 's/^mrz = //p' "build/sim/cards/$1/profile")"; fi
}

# ---- every sample card, at every exchange level that the reader can have

while read -r name verdict code; do
	for level in extended short tpdu "tpdu&protocol=1"; do
		run verify --reader "sim:$name?level=$level" $(secret "$name") --json
		got=$(jq -r .verdict "$w/out" 2>&1)
		if [ "$got" = "$verdict" ] && [ $rc = "$code" ]; then
			ok "card $name, $level: $verdict"
		else
			not_ok "card $name, $level: $verdict" "$got, exit $rc"
		fi
	done
	one_object >/dev/null || not_ok "card $name: one JSON object" "$(head -c 200 "$w/out")"
	run verify --reader "sim:$name" $(secret "$name")
	[ $rc = "$code" ] && said "$verdict" || not_ok "card $name: the sheet says $verdict" "exit $rc"
done < <(grep -v '^#' tests/data/samples.tsv)

# ---- the object

run verify --reader sim:an --can 123456 --json
check "verify --json has every key of the manual" jq -e '
	has("verdict") and has("reasons") and (.reasons | type) == "array" and
	(.access | has("protocol") and has("mapping") and has("cipher") and has("password")) and
	(.passive_authentication | has("status") and has("issuer") and has("signer")) and
	.passive_authentication.data_groups["1"] == "match" and
	.passive_authentication.data_groups["13"] == "match" and
	.chip_authentication.status == "successful" and
	(.holder | has("id_number") and has("full_name") and has("date_of_birth") and has("sex") and
		has("nationality") and has("ethnic_group") and has("religion") and has("place_of_origin") and
		has("place_of_residence") and has("personal_identification") and has("father_name") and
		has("mother_name") and has("spouse_name") and has("former_id_number")) and
	(.document | has("type") and has("issuing_state") and has("number") and has("date_of_issue") and
		has("date_of_expiry")) and
	.reader.backend == "sim" and .exchange.commands > 0 and .exchange.bytes_sent > 0 and
	.exchange.bytes_received > 20000 and (.exchange | has("ms"))' "$w/out"
check "the holder is the one on the card" jq -e '.holder.id_number == "001090123456" and
	.holder.full_name == "Nguyễn Văn An" and .holder.date_of_birth == "1990-05-17" and
	(.holder.place_of_residence | length) > 100' "$w/out"
run verify --reader sim:bac $(secret bac) --json
check "what a passport lacks is null" jq -e '.holder.ethnic_group == null and .holder.father_name == null and
	.access.protocol == "BAC" and .access.mapping == null and .document.date_of_issue == null' "$w/out"
run verify --reader sim:old --can 007654 --json
check "a card without chip authentication: genuine, and the reason what that means" \
	is '.reasons[0].code + .chip_authentication.status' 'copy-not-excludednot supported'
run read --reader sim:an --can 123456 --json
check "read reads and judges nothing" jq -e '.holder.id_number == "001090123456" and (has("verdict") | not)' "$w/out"
mkdir "$w/empty"
exits "trust in nobody: unproven" 10 verify --reader sim:an --can 123456 --json --trust "$w/empty"
check "and the reason is named" is '.reasons[0].code' issuer-unknown

# ---- secrets

exits "the simulator as the backend: its first card" 5 verify --backend sim --json
check "which is taken without a name" is '.reader.backend' sim
CARDRING_BACKEND=sim run list --json
check "a backend named by the environment" is '[.readers[].backend] | unique | .[]' sim
exits "a backend that is none" 1 list --backend smoke
check "is named" said smoke
CARDRING_BACKEND=smoke run list
check "in the environment too" said smoke
exits "a reader's path goes before the backend" 0 verify --backend kernel --reader sim:an --can 123456 --trust build/sim/trust
exits "a wrong CAN" 5 verify --reader sim:an --can 999999 --json
check "is tried once, and the object says so" jq -e '.error.exit == 5 and .error.code == "access-refused" and
	.access.tries == 1' "$w/out"
exits "no secret at all" 5 verify --reader sim:an --json
mrz=$(sed -n 's/^mrz = //p' build/sim/cards/an/profile)
exits "the MRZ opens it too" 0 verify --reader sim:an --mrz "$mrz"
exits "the identity number does" 0 verify --reader sim:an --id-number 001090123456
exits "a PIN opens a card that has one" 0 verify --reader sim:cam --pin 141421 --json
check "and PACE alone proves the chip" jq -e '.access.password == "PIN" and .access.mapping == "CAM"' "$w/out"
exits "with its CAN beside it too" 0 verify --reader sim:cam --pin 141421 --can 271828
exits "a wrong PIN" 5 verify --reader sim:cam --pin 141422 --json
check "is told as one" jq -e '.error.code == "access-refused" and (.error.message | startswith("The PIN is wrong."))' "$w/out"
exits "a PIN for a card that has none" 1 verify --reader sim:an --pin 141421
check "a PIN from standard input" sh -c "echo 141421 | $cardring verify --reader sim:cam --pin -"
eac="verify --reader sim:eac --can $(sed -n 's/^can = //p' build/sim/cards/eac/profile) --json"
exits "fingerprints stay locked" 0 $eac
check "without a terminal's certificates" jq -e '.passive_authentication.data_groups["3"] == "locked" and
	.access.terminal == null' "$w/out"
exits "a terminal of the state's is let in" 0 $eac \
	--terminal build/sim/terminal/certificates.cvcert --terminal-key build/sim/terminal/key.pem
check "and reads fingerprints" jq -e '.passive_authentication.data_groups["3"] == "match" and
	.access.terminal == "TA v1 ECDSA SHA-256" and .access.terminal_refused == null' "$w/out"
check "a CAN from standard input" sh -c "echo 123456 | $cardring verify --reader sim:an --can -"
check "an MRZ of three lines from standard input" sh -c \
	"echo '$mrz' | fold -w 30 | $cardring verify --reader sim:an --mrz -"
exits "document number, birth and expiry" 0 verify --reader sim:bac --doc U7654321A --dob 1974-08-12 \
	--exp "$(sed -n 's/^mrz = .\{65\}\(.\{6\}\).*/\1/p' build/sim/cards/bac/profile)"
check "the three lines of a zone are typed at a terminal" sh -c \
	"{ echo '$mrz' | fold -w 30; sleep 1; } | script -qec '$cardring verify --reader sim:an --lang en' '$w/typed' >/dev/null && grep -qai genuine '$w/typed'"
check "a CAN is" sh -c \
	"{ echo 123456; sleep 1; } | script -qec '$cardring verify --reader sim:an --lang en' '$w/typed' >/dev/null && grep -qai genuine '$w/typed'"
bad=${mrz:0:36}0${mrz:37}
[ "$bad" != "$mrz" ] || bad=${mrz:0:36}1${mrz:37}
exits "an MRZ with a wrong check digit" 1 verify --reader sim:an --mrz "$bad" --json --trace
check "names the field" said "date of birth"
check "and nothing was sent" not grep -q '^>' "$w/err"
exits "a CAN of five digits" 1 verify --reader sim:an --can 12345
exits "two secrets at once" 1 verify --reader sim:an --can 123456 --mrz "$mrz"
exits "a part of three" 1 verify --reader sim:bac --doc U7654321A
check "a secret is not repeated in an error" sh -c "! $cardring verify --can=12345678 2>&1 | grep 12345678"
# The second --can waits for standard input; the first was taken, and is not to be seen any more.
mkfifo "$w/fifo"
"$cardring" verify --reader sim:an --can 654321 --can - <"$w/fifo" >"$w/out" 2>&1 &
pid=$!
exec 5>"$w/fifo"
for _ in $(seq 100); do grep -qa 'verify.*xxxxxx' <(tr '\0' ' ' <"/proc/$pid/cmdline") && break; sleep 0.02; done
check "a secret is overwritten in the list of processes" grep -qa 'xxxxxx' "/proc/$pid/cmdline"
check "and not to be seen there" not grep -qa 654321 "/proc/$pid/cmdline"
echo 123456 >&5
exec 5>&-
wait $pid
rc=$?
check "of two values the later counts" [ $rc = 0 ]

# ---- files

exits "without --out" 0 verify --reader sim:an --can 123456
check "nothing is written" sh -c "[ -z \"\$(cd '$w/empty' && $cardring verify --reader sim:an --can 123456 >/dev/null; ls -A '$w/empty')\" ]"
exits "with --out" 0 verify --reader sim:an --can 123456 --out "$w/card"
check "the portrait is a JPEG" sh -c "head -c 3 '$w/card/portrait.jpg' | od -An -tx1 | grep -q 'ff d8 ff'"
check "the data groups are those of the card" cmp "$w/card/DG13.bin" build/sim/cards/an/EF_010D.bin
check "for the owner alone" sh -c "[ \"\$(stat -c %a '$w/card' '$w'/card/* | sort -u | tr '\n' ' ')\" = '600 700 ' ]"
check "and what was written is told" said portrait.jpg
touch "$w/card/mine"
exits "another card into the same folder" 0 read --reader sim:bac $(secret bac) --out "$w/card"
check "leaves nothing of the first, and what is not ours alone" sh -c \
	"[ ! -e '$w/card/DG13.bin' ] && [ -e '$w/card/mine' ] && [ -e '$w/card/DG1.bin' ]"
exits "a folder that cannot be" 1 verify --reader sim:an --can 123456 --out /dev/null/x --json
exits "a folder that is a file" 1 verify --reader sim:an --can 123456 --out "$w/card/mine"
check "is said so" said 'Not a directory'
# No room for DG2: in a file system of 16 KiB, in a mount namespace of its own.
if unshare -m true 2>/dev/null; then
	mkdir "$w/full"
	check "a full disk keeps no part of a card" unshare -m sh -c "
		mount -t tmpfs -o size=16k tmpfs '$w/full' &&
		{ $cardring verify --reader sim:an --can 123456 --out '$w/full/card'; [ \$? = 1 ]; } && [ ! -e '$w/full/card' ]"
fi
exits "a refused card" 5 verify --reader sim:an --can 999999 --out "$w/refused"
check "leaves no folder" [ ! -e "$w/refused" ]

# ---- languages

exits "--lang vi, without the locale" 0 verify --reader sim:an --can 123456 --lang vi
check "labels are Vietnamese" said 'Nơi thường trú'
# column of the value in characters, as a terminal counts them: the same in each row of the sheet
check "aligned by width, not bytes" awk -v RS='\n' '
	{ line = $0; gsub(/[\200-\277]/, "", line) }
	/Họ và tên|Nơi thường trú|Có giá trị đến/ { match(line, /  +[^ ]/); at[RSTART + RLENGTH] = 1; match(line, /[^ ]   *[^ ]/)
		c = RSTART + RLENGTH; if (col && c != col) bad = 1; col = c; n++ }
	END { exit bad || n != 3 }' "$w/out"
LANG=vi_VN.UTF-8 run verify --reader sim:an --can 999999
check "by the environment, without the locale" said 'CAN không phải của thẻ này'
LANG=vi_VN.UTF-8 run verify --reader sim:an --can 999999 --lang en
check "--lang en overrides it" said 'The CAN is not that of this card'
LANG=C.UTF-8 LANGUAGE=vi run verify --reader sim:an --can 999999
check "LANGUAGE counts" said 'CAN không phải của thẻ này'
run verify --reader sim:an --can 123456 --lang vi --json
check "codes and keys are the same in each" is .verdict genuine
exits "an unknown language" 1 list --lang tlh

# ---- mistakes; each is told as one object with --json

objects=0
while IFS='|' read -r code name args; do
	exits "$name" "$code" $args
	run $args --json
	if [ $rc != "$code" ] || ! one_object >/dev/null || ! jq -e ".error.exit == $code and
			(.error.code | length) > 0 and (.error.message | length) > 0" "$w/out" >/dev/null; then
		not_ok "$name, as an object" "exit $rc: $(head -c 200 "$w/out")"
	fi
	objects=$((objects + 1))
done <<'END'
1|an unknown command|vrify
1|a PIN of letters|verify --reader sim:cam --pin 14142x
1|a PIN of four digits|verify --reader sim:cam --pin 1414
1|a PUK that is too short|verify --reader sim:cam --puk 141421
1|a CAN beside the PIN that is none|verify --reader sim:cam --pin 141421 --can 27182
1|a PIN and an MRZ|verify --reader sim:cam --pin 141421 --mrz x
1|a terminal without a key|verify --reader sim:eac --can 123456 --terminal build/sim/terminal/certificates.cvcert
1|a terminal's certificates that are not there|verify --reader sim:eac --can 123456 --terminal /nonexistent --terminal-key build/sim/terminal/key.pem
1|a terminal's certificates that are none|verify --reader sim:eac --can 123456 --terminal /etc/passwd --terminal-key build/sim/terminal/key.pem
1|a terminal's key that is none|verify --reader sim:eac --can 123456 --terminal build/sim/terminal/certificates.cvcert --terminal-key /etc/passwd
1|an unknown option|verify --cann 123456
1|an option of another command|list --can 123456
1|an option without its value|verify --can
1|a value for none|verify --trace=1
1|a number that is none|verify --can 123456 --wait soon
1|an argument where none is|verify please
3|an unknown sample|verify --reader sim:nobody --can 123456
3|a sample that climbs out|verify --reader sim:.. --can 123456
3|an unknown reader|verify --reader no-such-reader --can 123456
3|a reader number that is none|verify --reader 4711 --can 123456
3|a reader's path that is none|verify --reader /dev/cardring4711 --can 123456
1|a trust folder that is none|verify --reader sim:an --can 123456 --trust /nonexistent
1|APDU: not hexadecimal|apdu --reader sim:an 00A4040G
1|APDU: half a byte|apdu --reader sim:an 00A40
1|APDU: too short|apdu --reader sim:an 00A4
1|APDU: lengths that lie|apdu --reader sim:an 00A4040C07A000
1|stat: an argument|stat now
1|stat: an interval of nothing|stat --interval 0
1|stat: a count that is none|stat --count some
1|stat: no readers are named|stat --reader 0
1|driver: nothing to do|driver
1|driver: not a module|driver load /dev/null
1|driver: no such file|driver load /nonexistent.ko
1|sim: an unknown action|sim lists
1|sim: a card to nowhere|sim serve an
1|sim: no such card|sim serve nobody --vscard /nonexistent
1|sim: a level that is none|sim serve an --usbip --level 9
1|sim: a bit rate that is none|sim serve an --usbip --timing 425
1|sim: a bit rate that is no number|sim serve an --usbip --timing 424k
1|sim: a bit rate of QEMU's reader|sim serve an --vscard /nonexistent --timing 424
1|sim: a bit rate of a card with contacts|sim serve an --usbip --timing 424 --level tpdu
1|sim: a reader of no table|sim serve an --usbip --as /nonexistent:SCR331
1|sim: a table that is none|sim serve an --usbip --as tests/data/samples.tsv:SCR331
1|sim: a reader that the table has not|sim serve an --usbip --as tests/data/readers.tsv:nobody
1|sim: a reader without a name|sim serve an --usbip --as tests/data/readers.tsv
1|sim: a reader at another level than its own|sim serve an --usbip --as tests/data/readers.tsv:SCR331 --level tpdu
1|sim: a protocol that is none|sim serve an --usbip --level tpdu --protocol 2
1|sim: a protocol where there is none|sim serve an --usbip --level short --protocol 1
1|help on nothing|help verfy
1|help on two|help verify read
1|a sample's level that is none|verify --reader sim:an?level=9 --can 123456
1|a sample's protocol that is none|verify --reader sim:an?level=tpdu&protocol=2 --can 123456
1|a sample's protocol where there is none|verify --reader sim:an?level=short&protocol=1 --can 123456
3|a path that is no reader's|verify --reader /dev/tty --can 123456
END
check "and every one of them was" [ $objects -gt 20 ]
run verify --cann 123456
check "the nearest option is named" said 'did you mean --can'
run vrify
check "the nearest command is named" said 'did you mean "verify"'
run verify --reader $'sim:\e[31mred' --can 123456
check "what is not printable does not reach the terminal" not grep -q $'\e' "$w/err"
if [ ! -d /sys/module/cardring ]; then
	exits "list without the module" 3 list --json
	check "says what to do" said 'driver load'
	exits "stat without the module" 3 stat --json
	check "is one object too" jq -e '.error.code == "no-reader" or .error.code == "no-driver"' "$w/out"
	exits "stat without the module, told to look on" 3 stat --interval 1 --count 3
	check "says it too" said 'driver load'
	exits "verify without the module" 3 verify --can 123456
	check "says it too" said 'driver load'
	exits "driver status without it" 3 driver status --json
fi

# ---- help, APDUs, samples

exits "cardring alone" 0
check "lists the commands" said monitor
for c in verify read list monitor stat apdu driver sim help; do
	exits "help $c" 0 help $c
	check "has examples" said "cardring $c"
	cp "$w/out" "$w/help"
	exits "$c --help" 0 $c --help
	check "says the same" cmp "$w/out" "$w/help"
done
exits "--version" 0 --version
for c in "" "help verify" "verify --help" --version; do
	exits "$c --json" 0 ${c:-help} --json
	check "is one object" one_object
done
exits "apdu" 0 apdu --reader sim:an 00A4040C07A0000002471001 "00:b0:9e 00 00" --json
check "its answers" is '[.responses[].status_word] | join(" ")' '9000 6982'
check "from standard input" sh -c "printf '# select\n\n00A4040C07A0000002471001\n' | $cardring apdu --reader sim:an | grep -q '^9000'"
check "a NUL ends no command" sh -c "! printf '00A4040C07A0000002471001\\000\\n' | $cardring apdu --reader sim:an"
check "nor does a line have no end" sh -c "! yes 00 | tr -d '\\n' | timeout 20 $cardring apdu --reader sim:an 2>'$w/err'"
check "which is said" grep -q 'longer than any APDU' "$w/err"
check "the longest APDU is none too long" sh -c "
	{ printf '00 D6 00 00 00 FF FF'; yes ' 00' | head -n 65535 | tr -d '\\n'; echo ' 00 00'; } |
	$cardring apdu --reader sim:an 2>&1 | grep -v 'longer than any' | grep -q ."
exits "--trace" 0 verify --reader sim:an --can 123456 --trace
check "shows headers and status words" grep -q '^> 00 22 C1 A4 (20) < 9000 (2)$' "$w/err"
check "and no content" not grep -qE '^>.*([0-9A-F]{2} ){5}' "$w/err"
exits "sim list" 0 sim list --json
check "tells what opens each" jq -e '.samples | length > 10 and all(.can != null or .mrz != null)' "$w/out"

# Of another user than root: whose processes those that are not dumpable belong to.
cp "$cardring" "$w/copy"
chmod 755 "$w"
as=
[ "$(id -u)" != 0 ] || as="setpriv --reuid 65534 --regid 65534 --clear-groups"
$as "$w/copy" monitor >/dev/null 2>&1 &
pid=$!
for _ in $(seq 500); do	# until it catches SIGINT: it, not the shell before it
	[ "$(cat /proc/$pid/comm)" = copy ] && grep -q 'SigCgt:.*[2367abef]$' "/proc/$pid/status" && break
	sleep 0.02
done
check "no core of it is left, and no process of its user looks into it" [ "$(stat -c %u /proc/$pid/environ)" = 0 ]
kill -INT $pid
wait $pid
rc=$?
check "monitor ends by Ctrl-C, and well" [ $rc = 0 ]

# A card served to a socket, by the signals that the rig uses.
"$cardring" sim serve an --vscard "$w/none.sock" >/dev/null 2>&1 &
pid=$!
sleep 0.3
kill -USR1 $pid && kill -USR2 $pid && kill -TERM $pid
wait $pid
rc=$?
check "sim serve ends by SIGTERM, not by SIGUSR1" [ $rc = 0 ]

"$cardring" apdu --reader sim:an --json <"$w/fifo" >"$w/out" 2>"$w/err" &
pid=$!
exec 5>"$w/fifo"
printf 00A4040C >&5	# half a line: not to be sent
sleep 0.3
kill -INT $pid
wait $pid
rc=$?
exec 5>&-
check "Ctrl-C ends with 130" [ $rc = 130 ]
check "and says so" is .error.code canceled
check "half a line was not sent" is '.responses | length' 0
"$cardring" help >/dev/full 2>"$w/err"
rc=$?
check "output that cannot be written is an error" [ $rc = 1 ]
"$cardring" verify --reader sim:an --can 123456 --json >/dev/full 2>"$w/err"
rc=$?
check "an object too" [ $rc = 1 ]
check "and that is what is said" sh -c "grep -q 'No space left' '$w/err' && [ \$(wc -l <'$w/err') = 1 ]"

# ---- texts, and leaks

userspace/cli/po/check || failed=1

if make -s B=build/asan CFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined" \
	LDFLAGS="-fsanitize=address,undefined" build/asan/cardring >"$w/asan" 2>&1; then
	export ASAN_OPTIONS=detect_leaks=1:exitcode=77 CARDRING_SIM_DIR=$root/build/sim
	cardring=$root/build/asan/cardring
	exits "no leak: verify --json --out" 0 verify --reader sim:an --can 123456 --json --out "$w/card"
	exits "no leak: verify" 0 verify --reader "sim:an?level=tpdu" --can 123456 --lang en --trace
	exits "no leak: BAC" 0 verify --reader sim:bac --mrz "$(sed -n 's/^mrz = //p' build/sim/cards/bac/profile)"
	exits "no leak: a forged card" 12 verify --reader sim:badsod --can 123456 --json
	exits "no leak: a damaged card" 10 verify --reader sim:lying --can 123456
	exits "no leak: a wrong CAN" 5 verify --reader sim:an --can 999999 --json
	exits "no leak: APDUs" 0 apdu --reader sim:an 00A4040C07A0000002471001 --json
	exits "no leak: a mistake" 1 verify --reader sim:an --can 123456 --wait soon --json
	[ -d /sys/module/cardring ] || exits "no leak: no reader" 3 stat --json
	exits "no leak: sim list" 0 sim list --json
	exits "no leak: no module" 1 driver load /dev/null --json
else
	not_ok "a build with the address sanitizer" "$(tail -n 1 "$w/asan")"
fi
exit $failed
