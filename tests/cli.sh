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
	.exchange.bytes_received > 20000 and (.exchange | has("ms")) and
	.limits.extended and .limits.response_data == 65536 and .limits.response_by == "standard" and
	.limits.command_data == 65535 and .limits.command_by == "standard" and .limits.command_chaining' "$w/out"
check "the holder is the one on the card" jq -e '.holder.id_number == "001090123456" and
	.holder.full_name == "Nguyễn Văn An" and .holder.date_of_birth == "1990-05-17" and
	(.holder.place_of_residence | length) > 100' "$w/out"
run verify --reader sim:bac $(secret bac) --json
check "what a passport lacks is null" jq -e '.holder.ethnic_group == null and .holder.father_name == null and
	.access.protocol == "BAC" and .access.mapping == null and .document.date_of_issue == null' "$w/out"
check "and one that takes short APDUs says so" is '.limits | "\(.command_data) \(.response_data) \(.command_by) \(.extended)"' \
	'255 256 card false'
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
exits "doctor takes no argument" 1 doctor now
exits "force is a word for load and unload" 1 list --force
run doctor --json
check "doctor: one object, each check with its result, and what is wrong with a remedy" jq -e '(.checks | length) > 6 and
	all(.checks[]; (.result | test("^(ok|warn|bad)$")) and (.text | length) > 0 and (.result == "ok" or .remedy != null))' "$w/out"
check "its exit status says whether a card could be read" [ "$(jq .readable "$w/out")" = "$([ $rc = 0 ] && echo true || echo false)" ]
CARDRING_BACKEND=sim run doctor --json
check "a card of the simulator could" [ "$rc $(jq .readable "$w/out")" = "0 true" ]
check "and doctor says that others are not looked for" is '.checks[] | select(.name == "environment").result' warn
CARDRING_BACKEND=smoke run doctor --json
check "by a backend that is none, no card could" [ "$rc $(jq .readable "$w/out")" = "3 false" ]
check "which doctor calls bad" is '.checks[] | select(.name == "environment").result' bad
check "doctor speaks Vietnamese" sh -c "$cardring doctor --lang vi | grep -q 'mô-đun'"
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
while read -r name secret exit prompt shown; do
	check "--$name - at a terminal asks for it${shown:+, unseen}" sh -c "{ sleep 1; echo $secret; sleep 1; } |
		script -qec '$cardring read --reader sim:cam --need 1 --$name - --lang en; echo exit \$?' /dev/null >'$w/typed'
		grep -qaE '^$prompt' '$w/typed' && grep -qa 'exit $exit' '$w/typed' && [ \$(grep -ca '$secret' '$w/typed') = ${shown:-1} ]"
done <<'END'
can 271828 0 CAN.*:
id-number 001090271828 0 .*12.*:
pin 141421 0 PIN.*: 0
puk 1732050807 0 PUK.*: 0
END
check "--mrz - does" sh -c "{ sleep 1; sed -n 's/^mrz = //p' build/sim/cards/cam/profile; sleep 1; } |
	script -qec '$cardring verify --reader sim:cam --mrz - --lang en' /dev/null >'$w/typed' && grep -qa '^MRZ.*:' '$w/typed'"
for sign in '\003' '\034'; do	# Ctrl-C, Ctrl-\
	check "$sign at a PIN leaves the terminal as it was" sh -c "{ sleep 1; printf '$sign'; sleep 1; } |
		script -qec \"trap : INT QUIT; $cardring verify --reader sim:cam --pin -; stty -a\" /dev/null >'$w/typed'; grep -qa ' echo ' '$w/typed'"
done
eac="verify --reader sim:eac --can $(sed -n 's/^can = //p' build/sim/cards/eac/profile) --json"
exits "fingerprints stay locked" 0 $eac
check "without a terminal's certificates" jq -e '.passive_authentication.data_groups["3"] == "locked" and
	.access.terminal == null' "$w/out"
exits "a terminal of the state's is let in" 0 $eac \
	--terminal build/sim/terminal/certificates.cvcert --terminal-key build/sim/terminal/key.pem
check "and reads fingerprints" jq -e '.passive_authentication.data_groups["3"] == "match" and
	.access.terminal == "TA v1 ECDSA SHA-256" and .access.terminal_refused == null and
	(.contents.DG3 | length > 0)' "$w/out"
exits "what it opened is written" 0 $eac --out "$w/fingers" \
	--terminal build/sim/terminal/certificates.cvcert --terminal-key build/sim/terminal/key.pem
exits "and verified later" 0 verify --from "$w/fingers" --trust build/sim/trust --json
check "fingerprints and all" jq -e '.passive_authentication.data_groups["3"] == "match" and
	.access.terminal == "TA v1 ECDSA SHA-256"' "$w/out"
head -c "$(($(od -An -tu1 -j3 -N1 build/sim/terminal/certificates.cvcert) + 4))" build/sim/terminal/certificates.cvcert > "$w/dv.cvcert"
tail -c "+$(($(stat -c %s "$w/dv.cvcert") + 1))" build/sim/terminal/certificates.cvcert > "$w/alone.cvcert"
exits "a terminal without its document verifier's certificate" 10 $eac --out "$w/not-let-in" \
	--terminal "$w/alone.cvcert" --terminal-key build/sim/terminal/key.pem
check "is why the document is unproven" jq -e '.reasons[0].code == "terminal-authentication-failed" and
	.passive_authentication.data_groups["3"] == "locked"' "$w/out"
exits "and stays so" 10 verify --from "$w/not-let-in" --trust build/sim/trust --json
check "for the same reason" jq -e '.reasons[0].code == "terminal-authentication-failed"' "$w/out"
exits "a terminal of another state's" 0 $eac \
	--terminal build/sim/terminal-cfg/certificates.cvcert --terminal-key build/sim/terminal-cfg/key.pem
check "finds fingerprints locked" jq -e '.passive_authentication.data_groups["3"] == "locked" and
	(.checks[] | select(.name == "terminal-authentication").result) == "undetermined"' "$w/out"
exits "a terminal is let in by version 2" 0 verify --json --reader sim:eac2 --can 314159 \
	--terminal build/sim/terminal/certificates.cvcert --terminal-key build/sim/terminal/key.pem
check "and the chip proved by version 2 with it" jq -e '.passive_authentication.data_groups["3"] == "match" and
	.access.terminal == "TA v2 ECDSA SHA-256" and .chip_authentication.protocol == "CA v2 ECDH AES-128"' "$w/out"
if softhsm=$(ls /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so 2>/dev/null | head -n 1); [ -n "$softhsm" ]; then
	mkdir "$w/tokens"
	echo "directories.tokendir = $w/tokens" >"$w/softhsm.conf"
	export SOFTHSM2_CONF="$w/softhsm.conf"
	softhsm2-util --init-token --free --label border --so-pin 0000 --pin 4711 >/dev/null
	softhsm2-util --import build/sim/terminal/key.pem --token border --label is --id 01 --pin 4711 >/dev/null
	echo 4711 >"$w/pin"
	echo 1147 >"$w/wrong"
	key="pkcs11:token=border;object=is?module-path=$softhsm"
	with="--terminal build/sim/terminal/certificates.cvcert --terminal-key"
	exits "a terminal's key in a PKCS#11 token" 0 $eac $with "$key&pin-source=file:$w/pin"
	check "opens fingerprints" jq -e '.passive_authentication.data_groups["3"] == "match"' "$w/out"
	exits "a token's wrong PIN" 1 $eac $with "$key&pin-source=$w/wrong"
	check "is told as one" jq -e '.error.message == "The token'"'"'s PIN is wrong, or there was none."' "$w/out"
	exits "a token's PIN that nobody can be asked for" 1 $eac $with "$key"
	check "is told as one" jq -e '.error.code == "access-refused"' "$w/out"
	check "a token's PIN, typed unseen" sh -c "(sleep 2; echo 4711) | script -qec \"$cardring $eac $with '$key'\" /dev/null \
		| tee '$w/out' | grep -q '\"3\": \"match\"' && ! grep -q 4711 '$w/out'"
	exits "a token's PIN in the URI" 1 $eac $with "$key&pin-value=4711"
	check "is not taken from there" jq -e '.error.message | test("pin-source")' "$w/out"
	exits "a token that is not there" 1 $eac $with "${key/border/harbour}&pin-source=$w/pin"
	exits "a key that is not in it" 1 $eac $with "${key/=is/=os}&pin-source=$w/pin"
	check "is told as one" jq -e '.error.message | test("p11tool")' "$w/out"
	exits "a PIN's file that is not there" 1 $eac $with "$key&pin-source=/nonexistent"
	check "is told as one" jq -e '.error.message | test("pin-source")' "$w/out"
	unset SOFTHSM2_CONF
fi
exits "a PKCS#11 module that is not there" 1 $eac --terminal build/sim/terminal/certificates.cvcert \
	--terminal-key "pkcs11:token=border;object=is?module-path=/nonexistent.so"
check "is told as one" jq -e '.error.message | test("p11-kit list-modules")' "$w/out"
# What the chip's proof stands on is written and judged anew: by whom the trust store of then has, as it lies there then.
exits "what PACE proved the chip by is written" 0 verify --reader sim:cam --can 271828 --out "$w/mapped"
exits "and verified later" 0 verify --from "$w/mapped" --trust build/sim/trust
cp "$w/mapped/EF.CardSecurity.bin" "$w/security"
printf '\003' | dd of="$w/mapped/EF.CardSecurity.bin" bs=1 conv=notrunc status=none \
	seek=$(grep -obUaP '\x02\x01\x02\x02\x01' "$w/security" | head -n 1 | awk -F: '{ print $1 + 2 }')
exits "changed since, it accuses" 13 verify --from "$w/mapped" --trust build/sim/trust --json
check "by its signature" jq -e '.checks[] | select(.name == "chip-authentication") |
	.detail == "EF.CardSecurity: the signature does not verify"' "$w/out"
run verify --from "$w/mapped" --trust build/sim/trust --lang vi
check "and is Vietnamese to the end" said 'EF.CardSecurity: chữ ký không'
mkdir "$w/stranger"
cp build/sim/trust/VNM-1.cer "$w/stranger"
exits "what version 2 proved is written" 10 verify --reader sim:eac2 --can 314159 --out "$w/second" --trust "$w/stranger" --json \
	--terminal build/sim/terminal/certificates.cvcert --terminal-key build/sim/terminal/key.pem
check "and not believed of a stranger" jq -e '.chip_authentication.status == "undetermined"' "$w/out"
exits "until its issuer is known" 0 verify --from "$w/second" --trust build/sim/trust --json
check "which is then all that was missing" jq -e '.chip_authentication.status == "successful"' "$w/out"
cp "$w/mapped/EF.CardSecurity.bin" "$w/second/EF.CardSecurity.bin"
exits "another's is not the chip's" 13 verify --from "$w/second" --trust build/sim/trust
rm "$w/second/EF.CardSecurity.bin"
exits "without it there is nothing to judge" 1 verify --from "$w/second" --trust build/sim/trust
exits "a terminal, and --need without fingerprints" 0 $eac --need identity \
	--terminal build/sim/terminal/certificates.cvcert --terminal-key build/sim/terminal/key.pem
check "is not shown to the chip" jq -e '.passive_authentication.data_groups["3"] == "not asked for" and
	.access.terminal == null and .access.terminal_refused == null' "$w/out"
exits "a default configuration of the conformity test, and its terminal" 0 verify --reader sim:cfg-eac-pace $(secret cfg-eac-pace) --json \
	--terminal build/sim/terminal-cfg/certificates.cvcert --terminal-key build/sim/terminal-cfg/key.pem
check "reads fingerprints and irises" jq -e '.access.protocol == "PACE" and .chip_authentication.status == "successful" and
	.passive_authentication.data_groups["3"] == "match" and .passive_authentication.data_groups["4"] == "match"' "$w/out"
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
exits "a card with more pictures" 0 read --reader sim:full $(secret full) --out "$w/card"
check "has them beside the portrait, and the groups whole" sh -c \
	"cd '$w/card' && [ -s DG5-1-image.jpg ] && [ -s DG7-1-image.jpg ] && [ -s portrait.jp2 ] && [ ! -e portrait.jpg ] &&
	 cmp DG16.bin '$root/build/sim/cards/full/EF_0110.bin'"
touch "$w/card/mine" "$w/card/DG5-1-image.txt" "$w/card/mine.part-a1B2c3" "$w/card/DG2.bin.part-a1-2c3"
touch "$w/card/DG2.bin.part-a1B2c3" "$w/card/DG5-1-image.jpg.part-Zz9aA0" "$w/card/inspection.json.part-000000" "$w/card/portrait.jpg.part-abcdef" "$w/card/DG2.bin.backup"
exits "another card into the same folder" 0 read --reader sim:bac $(secret bac) --out "$w/card"
check "leaves nothing of the first, and what is not ours alone" sh -c \
	"[ ! -e '$w/card/DG13.bin' ] && [ ! -e '$w/card/DG5-1-image.jpg' ] && [ -e '$w/card/DG5-1-image.txt' ] && [ -e '$w/card/mine' ] && [ -e '$w/card/DG1.bin' ]"
check "nor what was half written when it was killed" sh -c "cd '$w/card' && ! ls DG2.bin.part-a1B2c3 *-Zz9aA0 *-000000 *-abcdef 2>/dev/null"
check "and that alone" sh -c "cd '$w/card' && ls mine.part-a1B2c3 DG2.bin.backup DG2.bin.part-a1-2c3"
exits "a folder that cannot be" 1 verify --reader sim:an --can 123456 --out /dev/null/x --json
exits "a folder that is a file" 1 verify --reader sim:an --can 123456 --out "$w/card/mine"
check "is said so" said 'Not a directory'
# No room for DG2: in a file system of 16 KiB, in a mount namespace of its own.
if unshare -m true 2>/dev/null; then
	mkdir "$w/full"
	check "a full disk keeps no part of a card" unshare -m sh -c "
		mount -t tmpfs -o size=16k tmpfs '$w/full' &&
		{ $cardring verify --reader sim:an --can 123456 --out '$w/full/card'; [ \$? = 1 ]; } && [ ! -e '$w/full/card' ]"
	# What is found out too late, when the card was read: the verdict is not lost with it.
	for what in "--log $w/full/x.xml" "--portrait $w/full/x.png" "--out $w/full/card"; do
		check "nor has ${what%% *} room: the verdict is told" unshare -m sh -c "
			mount -t tmpfs -o size=4k tmpfs '$w/full' && head -c 4096 /dev/zero >'$w/full/none' &&
			{ $cardring verify --reader sim:forged --can 123456 $what --json >'$w/out' 2>'$w/err'; [ \$? = 1 ]; } &&
			jq -e '.verdict == \"forged\" and .error.code == \"io\" and .error.exit == 1' '$w/out' &&
			{ $cardring verify --reader sim:forged --can 123456 $what --lang en >'$w/out' 2>'$w/err'; [ \$? = 1 ]; } &&
			grep -qi forged '$w/out' && grep -q 'No space left' '$w/err' && [ \"\$(ls '$w/full')\" = none ]"
	done
	check "a refused card stays one where its log has no room" unshare -m sh -c "
		mount -t tmpfs -o size=4k tmpfs '$w/full' && head -c 4096 /dev/zero >'$w/full/none' &&
		{ $cardring verify --reader sim:an --can 999999 --log '$w/full/x.xml' --json >'$w/out' 2>'$w/err'; [ \$? = 5 ]; } &&
		jq -e '.error.code == \"access-refused\"' '$w/out' && grep -q 'No space left' '$w/err'"
fi
exits "a refused card" 5 verify --reader sim:an --can 999999 --out "$w/refused"
check "leaves no folder" [ ! -e "$w/refused" ]

# ---- the checks, as the guideline has them

run verify --reader sim:cccd --can 123456 --json
check "the checks are one tree, each result after what it is a part of" jq -e '
	(.checks | map(.name)) as $names | ($names | length) == ($names | unique | length) and
	([.checks[] | select(.part_of) | .part_of] - $names == []) and
	all(.checks | to_entries[]; .value.part_of as $top | $top == null or ($names | index($top)) < .key)' "$w/out"
check "with the overall result" jq -e '.checks[0] | .name == "document" and .guideline == "Checks" and .clause == "5.5" and
	.result == "successful" and .part_of == null' "$w/out"
check "and the names that scripts know" jq -e '["access", "card-access-authentic", "read", "pa.sod", "pa.signature", "pa.chain",
	"pa.validity", "pa.revocation", "pa.signing-time", "pa.document-type", "pa.digest", "pa.hashes", "pa.com-sod", "mrz",
	"chip-authentication", "document-validity"] - [.checks[].name] == []' "$w/out"
run verify --reader sim:forged --can 123456 --json
check "one that fails fails the document" jq -e '[.checks[] | select(.result == "failed") | .guideline] ==
	["Checks", "ElectronicChecks", "IntegrityCheck", "DataGroupsIntegrityCheck"]' "$w/out"
# names, the guideline's names and clauses: of the table in the library, and of that in the manual (without the indentation)
sed -n '/^static const struct node nodes/,/^};/p' userspace/lib/eid/checks.c | tr -d '\n\t' | grep -o '{ *"[^}]*}' |
	grep -v 'NULL, NULL, CR_CHECK_COUNT\|"5.8.11"\|"card-security' | sed 's/NULL/"-"/g; s/^{ *"\([^"]*\)", "\([^"]*\)", "\([^"]*\)".*/\1 \2 \3/' >"$w/library"
sed -n '/^name.guideline.clause$/,/^\.TE/p' userspace/cli/cardring.1 | sed '1d; $d; s/^\(\\ \)*//; s/\t/ /g; s/\\-/-/g' >"$w/manual"
check "the manual has them all" bash -c "[ \$(wc -l <'$w/library') -gt 70 ] && cmp '$w/library' '$w/manual'"

zone=IDVNM0901234562001090123456'<<<'9005178M3503074VNM'<<<<<<<<<<<'9NGUYEN'<<'VAN'<'AN'<<<<<<<<<<<<<<<<'
exits "a printed zone that is the chip's" 0 verify --reader sim:an --mrz "$zone" --json
check "is checked" is '.checks[] | select(.name == "printed-zone").result' successful
exits "one with another name" 10 verify --reader sim:an --mrz "${zone/VAN<AN</VAN<BA<}" --json
check "is not" is '.reasons[0].code' printed-zone-differs

exits "the advanced procedure" 0 verify --reader sim:an --can 123456 --trace --json
check "is named" is .procedure advanced
# DG14, MSE:SET AT of chip authentication, EF.SOD, the data (by short identifiers)
check "and proves the chip before EF.SOD is read" bash -c "sed -n 's/^> 0C \(B0 8E\|22 41\|B0 9D\|B0 82\).*/\1/p' '$w/err' | uniq |
	tr '\n' ' ' | grep -q '^B0 8E 22 41 B0 9D B0 82'"
exits "the standard one, of a chip with a key for it" 10 verify --reader sim:an --can 123456 --procedure standard --trace --json
check "is named" is .procedure standard
check "and does not use it" not grep -q '^> 0C 22 41' "$w/err"
check "but says so" is '.reasons[0].code' chip-unproven
exits "and with another proof" 0 verify --reader sim:cccd --can 123456 --procedure standard --json
check "takes that" is .chip_authentication.protocol "AA ECDSA"
exits "another procedure" 1 verify --reader sim:an --can 123456 --procedure quick --json
check "is none" is .error.code usage

# ---- the guideline's log

valid() { xmllint --noout --schema tests/data/log/ct.xsd "$1" || return 1; }
while read -r name verdict code; do
	exits "card $name, logged: $verdict" "$code" verify --reader "sim:$name" $(secret "$name") --log "$w/$name.xml" --json
	check "validly" valid "$w/$name.xml"
	check "with the verdict" [ "$(xmllint --xpath 'string(//*[local-name()="Verdict"])' "$w/$name.xml")" = "$verdict" ]
	check "and the same overall result" [ "$(xmllint --xpath 'string(//*[local-name()="DocumentCheck"]/*[local-name()="Checks"]/*[1])' "$w/$name.xml")" = \
		"$(jq -r '.checks[0].result' "$w/out")" ]
done < <(grep -v '^#' tests/data/samples.tsv)
check "for its owner alone" [ "$(stat -c %a "$w/an.xml")" = 600 ]
check "with nothing about the holder" not grep -qiE 'nguy|001090123456|090123456|1990|9005178|2035-03|350307' "$w/an.xml"
cp "$w/an.xml" "$w/an.before"
exits "a log that is there" 1 verify --reader sim:an --can 123456 --log "$w/an.xml" --json
check "is not written over" is .error.code exists
check "and stays as it is" cmp "$w/an.xml" "$w/an.before"
check "with nothing beside it" bash -c "[ \"\$(ls '$w' | grep -c '^an\.xml')\" = 1 ]"
for where in /nonexistent/x.xml /dev/null/x.xml; do
	exits "a log at $where, where none can be" 1 verify --reader sim:forged --can 123456 --log $where --trace --json
	check "is said" is .error.code io
	check "before anything is sent" not grep -q '^>' "$w/err"
done
exits "a refused card is logged" 5 verify --reader sim:an --can 999999 --log "$w/refused.xml" --json
check "validly" valid "$w/refused.xml"
check "as failed" [ "$(xmllint --xpath 'string(//*[local-name()="PaceCheck"]/*[1])' "$w/refused.xml")" = failed ]
check "without what was tried" not grep -q 999999 "$w/refused.xml"
exits "read has no log" 1 read --reader sim:an --can 123456 --log "$w/read.xml"

# ---- later, without the card

none=$w/nobody
mkdir "$none"
while read -r name verdict code; do
	for how in read verify; do
		run $how --reader "sim:$name" $(secret "$name") --out "$w/later-$name" --json
		exits "card $name, from what $how --out wrote: $verdict" "$code" verify --from "$w/later-$name" --trust build/sim/trust --json
		check "the same" is .verdict "$verdict"
	done
	cp "$w/out" "$w/then"
	run verify --reader "sim:$name" $(secret "$name") --trust build/sim/trust --json
	check "for the same reasons" bash -c "cmp <(jq -c '.reasons, .passive_authentication, .holder' '$w/out') <(jq -c '.reasons, .passive_authentication, .holder' '$w/then')"
	run verify --reader "sim:$name" $(secret "$name") --trust "$none" --json
	cp "$w/out" "$w/then"
	run verify --from "$w/later-$name" --trust "$none" --json
	check "and with another trust store as with the card" bash -c "cmp <(jq -c '.verdict, .reasons' '$w/out') <(jq -c '.verdict, .reasons' '$w/then')"
done < <(grep -v '^#' tests/data/samples.tsv)
later=$w/later-an
exits "from files, logged" 0 verify --from "$later" --trust build/sim/trust --log "$w/later.xml" --json
check "validly" valid "$w/later.xml"
check "by the procedure of then" is .procedure advanced
# as it was written before each protocol had its own check
cp -r "$later" "$w/old"
jq '.checks |= map(if .name == "access.pace" then .name = "access" elif .name == "chip-authentication.ca" then
	.name = "chip-authentication" else . end | select(.name | test("[.]") | not)) | del(.procedure)' "$later/inspection.json" >"$w/old/inspection.json"
exits "from files of before" 0 verify --from "$w/old" --trust build/sim/trust --json
check "with what they say of the chip" is .chip_authentication.status successful
exits "from files, as text" 0 verify --from "$later" --trust build/sim/trust --lang vi
check "with the holder" said 'Nguyễn Văn An'
check "no reader is named" not said 'Đầu đọc'
exits "a changed data group" 12 verify --from "$(cp -r "$later" "$w/changed" && printf x | dd of="$w/changed/DG13.bin" bs=1 seek=40 conv=notrunc status=none; echo "$w/changed")" --trust build/sim/trust --json
check "is forged" is '.reasons[0].code' dg-hash-mismatch
rm "$w/changed/DG13.bin"
exits "a missing one" 1 verify --from "$w/changed" --json
exits "a card of which a part was read" 0 read --reader sim:an --can 123456 --need identity --out "$w/later-part"
exits "verified later" 0 verify --from "$w/later-part" --trust build/sim/trust --json
check "what was not asked for is not missing" is '.passive_authentication.data_groups["2"]' 'not asked for'
jq '.checks = []' "$later/inspection.json" >"$w/changed/inspection.json"
cp "$later/DG13.bin" "$w/changed"
exits "a record that lacks the chip's proof" 10 verify --from "$w/changed" --trust build/sim/trust --json
check "proves no chip" jq -e '[.reasons[].code] | index("chip-unproven")' "$w/out"
# What a record leaves out or only says is not taken for proof (a file that it names has to be there).
for lack in 'del(.checks[] | select(.name == "read"))|read-incomplete' 'del(.files[] | select(.name == "DG13"))|read-incomplete' \
	'del(.files[] | select(.name == "DG14"))|chip-unproven' '.files |= map(if .name == "DG14" then .read = false else . end)|chip-unproven' \
	'.files |= map(if .name == "DG2" then .read = false | .status_word = 27010 else . end)|read-incomplete' \
	'.need = 2 | del(.files[] | select(.name == "DG14"))|chip-unproven'; do
	jq "${lack%|*}" "$later/inspection.json" >"$w/changed/inspection.json"
	exits "a record with ${lack%|*}" 10 verify --from "$w/changed" --trust build/sim/trust --json
	check "is ${lack##*|}" jq -e --arg c "${lack##*|}" '[.reasons[].code] | index($c)' "$w/out"
done
cp -r "$w/later-cam" "$w/changed-cam"
jq 'del(.files[] | select(.name == "DG14"))' "$w/later-cam/inspection.json" >"$w/changed-cam/inspection.json"
exits "a record of a mapping without DG14" 10 verify --from "$w/changed-cam" --trust build/sim/trust --json
check "proves no chip" jq -e '([.reasons[].code] | index("chip-unproven")) and .chip_authentication.status != "successful"' "$w/out"
for bad in 'del(.files)' '.files += .files' '.cardring = 2' '.files[0].name = 5' '.checks[0].result = "fine"' \
	'.chip_authentication.status = 1' '.checks = 5' '[]' 'null'; do
	jq "$bad" "$later/inspection.json" >"$w/changed/inspection.json"
	exits "a record with $bad" 1 verify --from "$w/changed" --json
	check "is refused" is .error.code malformed
done
jq '.checks += [{"name": "pa.signature", "result": "successful", "detail": ""}]' "$w/later-badsod/inspection.json" >"$w/r" && mv "$w/r" "$w/later-badsod/inspection.json"
exits "a record that says more than the chip could" 12 verify --from "$w/later-badsod" --trust build/sim/trust
head -c 100 "$later/inspection.json" >"$w/changed/inspection.json"
exits "half a record" 1 verify --from "$w/changed" --json

# ---- one file

shows() { # NAME FILE FILTER
	run show "$2" --json
	check "show: $1" jq -e "$3" "$w/out"
	run show "$2"
	[ $rc = 0 ] && said 'nothing of this was verified' || not_ok "show: $1, as text" "exit $rc"
}
shows "EF.COM" "$later/EF.COM.bin" '.type == "EF.COM" and (.data_groups | index(13)) and .lds_version == "0107"'
shows "EF.SOD" "$later/EF.SOD.bin" '.type == "EF.SOD" and (.security_object.hashes | has("1") and has("14")) and
	(.signers[0].serial == .certificates[0].serial) and .signers[0].signing_time != null and .certificates[0].state == "VN"'
check "the hashes are those of the files" [ "$(build/cardring show "$later/EF.SOD.bin" --json | jq -r '.security_object.hashes["13"]' | tr A-Z a-z)" = \
	"$(sha256sum "$later/DG13.bin" | cut -d ' ' -f 1)" ]
shows "DG1" "$later/DG1.bin" '.type == "DG1" and .issuing_state == "VNM" and (.mrz | length) > 80'
shows "DG2" "$later/DG2.bin" '.portrait.type == "image/jpeg"'
shows "DG13" "$later/DG13.bin" '.full_name == "Nguyễn Văn An"'
shows "DG14" "$later/DG14.bin" '[.security_infos[].name] | index("id-PK-ECDH")'
shows "EF.CardAccess" build/sim/cards/an/EF_011C.bin '.type == "EF.CardAccess" and
	.security_infos[0].name == "id-PACE-ECDH-GM-AES-CBC-CMAC-128"'
shows "a certificate" build/sim/trust/VNM-1.cer '.type == "certificate" and .self_signed and (.extensions | length) > 4'
shows "a revocation list" "$(grep -l . build/sim/trust/VNM-1.crl)" '.type == "revocation list" and .revoked >= 0'
shows "a master list" tests/data/fuzz/trust-master-list '.content_type == "2.23.136.1.1.2" and .master_list[0].state == "UT"'
run read --reader sim:full $(secret full) --need all --out "$w/all"
shows "what DG2 to DG4 have of each" "$w/all/DG3.bin" '.entries[1].position == "left index finger"'
shows "an eye" "$w/all/DG4.bin" '.entries[0].eye == "right eye"'
shows "a face" "$w/all/DG2.bin" '.entries[0].format == "ISO/IEC 39794-5" and .portrait.length > 1000'
shows "pictures" "$w/all/DG7.bin" '.entries[0].image.type == "image/jpeg"'
shows "DG11" "$w/all/DG11.bin" '.type == "DG11" and .other_names[1] == "ARKENSTONE LULU" and .full_name == "ÄRKENSTÖNE LUCÍA MARÍA"'
shows "DG12" "$w/all/DG12.bin" '.issuing_authority == "OFFICE OF SAMPLES VALE" and .date_of_issue == "2025-01-10"'
shows "persons to notify" "$w/all/DG16.bin" '.entries[1].name == "BRØNN MARY J" and (has("names_cut") | not)'
check "as text too" said 'BRØNN MARY J'
shows "EF.DIR" "$w/all/EF.DIR.bin" '.type == "EF.DIR" and .entries[0].application == "eMRTD" and (has("mrz") | not)'
shows "EF.ATR/INFO" "$w/all/EF.ATR_INFO.bin" '.type == "EF.ATR/INFO" and .max_response == 8194 and .capabilities == "9421C0"'
while read -r group bytes; do
	printf "$bytes" >"$w/cut"
	exits "show: a malformed $group" 1 show "$w/cut" --json
	check "is not shown as if it said nothing" is .error.code malformed
done <<'END'
DG1 \x61\x03\x5f\x1f\x00
DG2 \x75\x02\x05\x00
DG11 \x6b\x03\x5c\x05\x00
DG14 \x6e\x02\x30\x00
DG15 \x6f\x02\x30\x00
DG16 \x70\x03\xa1\x05\x00
EF.DIR \x61\x03\x4f\x01\xa0
EF.ATR/INFO \x43\x01\x80\x7f\x66\x01\x02
END
openssl x509 -in build/sim/trust/VNM-1.cer -inform DER -out "$w/vn.pem" 2>/dev/null || cp build/sim/trust/VNM-1.cer "$w/vn.pem"
shows "PEM" "$w/vn.pem" '.type == "certificate" and .state == "VN"'
for f in EF.COM EF.SOD DG1 DG2 DG13 DG14; do
	head -c -1 "$later/$f.bin" >"$w/cut"
	exits "$f cut short" 1 show "$w/cut" --json
done

# ---- the trust store

t=$w/store
exits "trust import of sample issuers" 0 trust import --trust "$t" build/sim/trust/*.cer --json
check "tells how many" jq -e '.certificates == '"$(ls build/sim/trust/*.cer | wc -l)"' and .known == 0 and (.skipped | length) == 0' "$w/out"
exits "the same again" 0 trust import --trust "$t" build/sim/trust/*.cer --json
check "is known" jq -e '.certificates == 0 and .known > 0' "$w/out"
exits "the revocation lists beside them" 0 trust import --trust "$t" build/sim/trust/*.crl --json
check "are by trusted keys" jq -e '.revocation_lists > 0 and (.skipped | length) == 0' "$w/out"
exits "verify takes the store" 0 verify --reader sim:an --can 123456 --trust "$t" --json
check "and its revocation lists" jq -e '.checks[] | select(.name == "pa.revocation").result == "successful"' "$w/out"
exits "trust list" 0 trust list --trust "$t" --json
check "is an array of certificates" jq -e 'type == "array" and length > 1 and all(has("state") and has("subject") and
	has("issuer") and has("serial") and has("not_before") and has("not_after") and has("key") and has("source") and
	has("self_signed") and (.fingerprint | length) == 64)' "$w/out"
vn=$(jq -r '[.[] | select(.state == "VN")][0].fingerprint' "$w/out")
exits "of a plain folder too" 0 trust list --trust build/sim/trust --json
jq -r '.[].fingerprint' "$w/out" | sort -u >"$w/plain"
check "the same certificates" bash -c "cmp '$w/plain' <('$cardring' trust list --trust '$t' --json | jq -r '.[].fingerprint' | sort)"
exits "trust list as text" 0 trust list --trust "$t"
check "is by state" said 'VN ('
exits "in Vietnamese" 0 trust list --trust "$t" --lang vi
check "says so" said 'tự ký'
exits "trust show by fingerprint" 0 trust show --trust "$t" "${vn:0:12}" --json
check "shows that one" is '.[].fingerprint' "$vn"
exits "trust show by state" 0 trust show --trust "$t" vn
check "shows its key" said 'EC '
exits "trust show of nobody" 1 trust show --trust "$t" XX --json
exits "trust check of a good store" 0 trust check --trust "$t" --json
check "finds nothing" jq -e '.problems == []' "$w/out"
cp build/sim/trust/*.cer "$t" 2>/dev/null
exits "files that nobody imported" 1 trust check --trust "$t" --json
check "are told" is '[.problems[].code] | unique | join(" ")' not-in-index
for f in build/sim/trust/*.cer; do rm -f "$t/${f##*/}"; done
f=$(ls "$t"/VN-*.cer | head -n 1)
cp "$f" "$w/kept"
printf x >>"$f"
exits "a damaged file" 1 trust check --trust "$t" --json
check "is told" is '.problems[0].code' damaged
rm "$f"
exits "a missing one" 1 trust check --trust "$t" --json
check "is told too" is '.problems[0].code' missing
cp "$w/kept" "$f"
exits "trust remove" 0 trust remove --trust "$t" "${vn:0:16}" --json
check "takes it out" [ "$(jq -r '.removed | length' "$w/out")" = 1 ]
exits "a list without its issuer" 1 trust check --trust "$t" --json
check "is told too" jq -e '[.problems[].code] | index("orphaned-list")' "$w/out"
exits "what is not there any more" 1 trust remove --trust "$t" "$vn" --json
cp -r "$t" "$w/broken"
printf 'more' >>"$w/broken/index.txt"
exits "a damaged index" 1 verify --reader sim:an --can 123456 --trust "$w/broken" --json
check "is named" is .error.code malformed
printf 'cardring-trust-store 99\n' >"$w/broken/index.txt"
exits "a store of a later version" 1 verify --reader sim:an --can 123456 --trust "$w/broken" --json
check "is named, not the card" jq -e '.error.code == "unsupported" and (.error.message | test("later cardring"))' "$w/out"
ln -sf index.txt "$w/broken/index.txt"
exits "an index that cannot be opened" 1 verify --reader sim:an --can 123456 --trust "$w/broken" --json
check "is not called damaged" jq -e '.error.code == "io" and (.error.message | test("symbolic links"))' "$w/out"
rm "$w/broken/index.txt"
cp "$t/index.txt" "$w/broken"
printf 'more' >>"$w/broken/index.txt"
exits "and check says where" 1 trust check --trust "$w/broken"
check "by its line" said 'at line'
where=$(grep -o 'at line [1-9][0-9]*' "$w/err")
exits "remove from it" 1 trust remove --trust "$w/broken" "${vn:0:16}"
check "says where, too" said "${where:-at line}:"
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$w/key.pem" 2>/dev/null
exits "a key is no certificate" 1 trust import --trust "$w/new" "$w/key.pem" --json
[ -s "$w/key.pem" ] && check "is said" said 'nothing was imported'
check "and no folder is made" [ ! -e "$w/new" ]

# Two authorities of one name and key identifier, and a link certificate by the one that is not in the store.
ca() { # NAME KEY SUBJECT CA-NAME EXTENSIONS: $w/NAME.cer
	[ -e "$w/$2.key" ] || openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$w/$2.key" 2>/dev/null
	printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n%b' "$5" >"$w/$1.ext"
	openssl req -new -key "$w/$2.key" -subj "$3" -out "$w/$1.csr" 2>/dev/null
	if [ "$1" = "$4" ]; then
		openssl x509 -req -in "$w/$1.csr" -signkey "$w/$2.key" -days 999 -extfile "$w/$1.ext" -out "$w/$1.cer" 2>/dev/null
	else
		openssl x509 -req -in "$w/$1.csr" -CA "$w/$4.cer" -CAkey "$w/$4.key" -CAcreateserial -days 999 \
			-extfile "$w/$1.ext" -out "$w/$1.cer" 2>/dev/null
	fi
}
id='subjectKeyIdentifier=00112233445566778899\n'
ca one one "/C=QX/O=T/CN=CSCA" one "$id"
ca two two "/C=QX/O=T/CN=CSCA" two "$id"
ca link three "/C=QX/O=T/CN=CSCA 2" two 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n'
exits "a link certificate of another key" 0 trust import --trust "$w/links" "$w/one.cer" "$w/link.cer"
exits "in the store" 1 trust check --trust "$w/links" --json
check "is broken" is '.problems[].code' broken-link
run trust list --trust "$w/links" --json
check "and no self-signed one" is '[.[].self_signed] | sort | map(tostring) | join(" ")' 'false true'
exits "and with its issuer" 0 trust import --trust "$w/links" "$w/two.cer"
exits "it is whole" 0 trust check --trust "$w/links" --json

# Defect lists (BSI TR-03129-2, 7) of the signer of the sample card "an", which nobody signed, or somebody.
dd if=build/sim/cards/an/EF_011D.bin bs=1 skip="$(openssl asn1parse -inform DER -in build/sim/cards/an/EF_011D.bin 2>/dev/null |
	sed -n '1s/.*hl=\([0-9]\).*/\1/p')" of="$w/an.cms" status=none
openssl pkcs7 -inform DER -in "$w/an.cms" -print_certs 2>/dev/null | openssl x509 -out "$w/an-ds.pem" 2>/dev/null
ds=$(openssl x509 -in "$w/an-ds.pem" -noout -ext subjectKeyIdentifier | sed -n '2s/[ :]//gp')
defects() { # FILE KEY-ID OID [PARAMETER]
	printf 'asn1=SEQUENCE:l\n[l]\nv=INTEGER:0\nh=OID:2.16.840.1.101.3.4.2.1\nd=SET:d\n[d]\ne=SEQUENCE:e\n[e]\n%s\n%s\n%s%s%s\n%s' \
		"i=IMPLICIT:0,FORMAT:HEX,OCTETSTRING:$2" 'k=SET:k' $'[k]\no=SEQUENCE:o\n[o]\n' \
		"t=OID:0.4.0.127.0.7.3.1.5.$3" '' "${4:+p=$4}" >"$w/dfl.conf"
	openssl asn1parse -genconf "$w/dfl.conf" -noout -out "$1" 2>/dev/null
}
sign() { # FROM TO NAME: by $w/NAME.cer
	openssl cms -sign -binary -nodetach -nosmimecap -keyid -econtent_type 0.4.0.127.0.7.3.1.5 -in "$1" -outform DER -out "$2" \
		-signer "$w/$3.cer" -inkey "$w/$3.key" 2>/dev/null
}
ca npkd npkd "/C=QX/O=T/CN=NPKD" npkd 'subjectKeyIdentifier=hash\n'
for name in dfl nobody; do
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$w/$name.key" 2>/dev/null
	printf 'keyUsage=digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n%s' \
		"$([ $name = nobody ] || echo extendedKeyUsage=0.4.0.127.0.7.3.11.2.1.2)" >"$w/$name.ext"
	openssl req -new -key "$w/$name.key" -subj "/C=QX/O=T/CN=$name" -out "$w/$name.csr" 2>/dev/null
	openssl x509 -req -in "$w/$name.csr" -CA "$w/npkd.cer" -CAkey "$w/npkd.key" -CAcreateserial -days 99 -extfile "$w/$name.ext" \
		-out "$w/$name.cer" 2>/dev/null
done
exits "the issuers of the sample cards" 0 trust import --trust "$w/dfls" build/sim/trust/*.cer build/sim/trust/*.crl
defects "$w/revoked.dfl" "$ds" 1.1 ENUMERATED:3
sign "$w/revoked.dfl" "$w/signed.dfl" dfl
sign "$w/revoked.dfl" "$w/by-nobody.dfl" nobody
exits "a defect list without a root" 1 trust import --trust "$w/dfls" "$w/signed.dfl"
check "needs one" said 'needs --root'
exits "a defect list of somebody else" 1 trust import --trust "$w/dfls" --root build/sim/trust/VNM-1.cer "$w/signed.dfl"
exits "a defect list of another signer" 1 trust import --trust "$w/dfls" --root "$w/npkd.cer" "$w/by-nobody.dfl"
check "is not his" said 'not for defect lists'
exits "and the card is genuine" 0 verify --reader sim:an --can 123456 --trust "$w/dfls" --json
check "as no list has it" is '.defects | length' 0
exits "a signed defect list" 0 trust import --trust "$w/dfls" --root "$w/npkd.cer" "$w/signed.dfl" --json
check "is new" is '[.defect_lists, .certificates, (.unsigned | length)] | map(tostring) | join(" ")' '1 0 0'
check "and the index says so" grep -q $'^QX-dfl-.*\.dfl\tdefects\t20' "$w/dfls/index.txt"
exits "and revokes the card's signer" 11 verify --reader sim:an --can 123456 --trust "$w/dfls" --json
check "by its word" is '[.verdict, .reasons[0].code, .defects[0].name, .defects[0].code, .defects[0].list.state] | map(tostring) | join(" ")' \
	'revoked signer-revoked id-CertRevoked 3 signed'
check "which a check has" is '.checks[] | select(.defect and .name == "pa.trusted") | .name + " " + .found + " " + .result' 'pa.trusted successful failed'
check "and a reason names its list" jq -e '.reasons[] | select(.code == "known-defect").detail | contains("CN=dfl")' "$w/out"
exits "as text" 11 verify --reader sim:an --can 123456 --trust "$w/dfls" --lang vi
check "in Vietnamese" said 'Một danh sách lỗi có nêu giấy tờ'
exits "and of what was written" 11 verify --from "$later" --trust "$w/dfls" --json
check "too" is '.defects[0].name' id-CertRevoked
exits "a card of another signer" 0 verify --reader sim:aa $(secret aa) --trust "$w/dfls" --json
check "is not in it" is '.defects | length' 0
exits "trust list with a defect list" 0 trust list --trust "$w/dfls" --json
check "has it" is '[.[] | select(.kind == "defects") | [.state, .signed, .signers, .defects, .subject]][0] | map(tostring) | join(" ")' \
	'QX true 1 1 CN=dfl,O=T,C=QX'
dfl=$(jq -r '.[] | select(.kind == "defects").fingerprint' "$w/out")
exits "as text" 0 trust list --trust "$w/dfls"
check "counts it" said '1 defect lists'
exits "trust show of it" 0 trust show --trust "$w/dfls" "${dfl:0:10}"
check "says who signed it" said 'CN=dfl,O=T,C=QX'
exits "trust check of it" 0 trust check --trust "$w/dfls" --json
check "has nothing against it" is '[.problems, .notes] | flatten | map(select(.code | startswith("list-"))) | length' 0
exits "show of a signed one" 0 show "$w/signed.dfl" --json
check "takes it apart" is '.defect_list[0].defects[0].name' id-CertRevoked
exits "the same list again" 0 trust import --trust "$w/dfls" --root "$w/npkd.cer" "$w/signed.dfl" --json
check "is known" is '[.defect_lists, .known] | map(tostring) | join(" ")' '0 1'
exits "trust remove of it" 0 trust remove --trust "$w/dfls" "${dfl:0:10}" --json
exits "and it counts no more" 0 verify --reader sim:an --can 123456 --trust "$w/dfls" --json
defects "$w/keys.dfl" "$ds" 1.3
exits "an unsigned defect list" 0 trust import --trust "$w/dfls" "$w/keys.dfl" --json
check "is told" is '.unsigned[0]' keys.dfl
exits "counts" 13 verify --reader sim:an --can 123456 --trust "$w/dfls" --json
check "and is unsigned" is '[.verdict, .defects[0].list.signer, .defects[0].list.state] | map(tostring) | join(" ")' 'cloned null unsigned'
exits "what is written under it" 13 verify --reader sim:an --can 123456 --trust "$w/dfls" --out "$w/under-dfl"
exits "is judged by the lists of later" 0 verify --from "$w/under-dfl" --trust build/sim/trust --json
exits "or of now" 13 verify --from "$w/under-dfl" --trust "$w/dfls" --json
exits "trust check of an unsigned one" 0 trust check --trust "$w/dfls" --json
check "notes it" jq -e '[.notes[].code] | index("list-unsigned")' "$w/out"
exits "show of an unsigned one" 0 show "$w/keys.dfl" --json
check "says so" is '[.type, .signed] | map(tostring) | join(" ")' 'defect list false'
defects "$w/other.dfl" 00112233 4.99
exits "a defect list that is damaged" 1 trust import --trust "$w/dfls" --root "$w/npkd.cer" \
	"$(head -c 300 "$w/signed.dfl" >"$w/cut.dfl"; echo "$w/cut.dfl")"
cp "$w/other.dfl" "$w/dfls/zz.dfl"
exits "a defect list that nobody imported" 1 trust check --trust "$w/dfls" --json
check "is told" is '.problems[0].code' not-in-index
rm "$w/dfls/zz.dfl"
mkdir "$w/plain-dfl"
cp build/sim/trust/*.cer "$w/revoked.dfl" "$w/plain-dfl"
exits "in a plain folder it counts for nothing" 0 verify --reader sim:an --can 123456 --trust "$w/plain-dfl" --json
check "and is told" said '1 files of'

# The world's issuers, as Germany lists them, against its root, which lie beside the tree where it is worked on.
from=${CARDRING_TRUST:-../shared/trust}
ml=$(ls "$from"/DE_ML_*.ml 2>/dev/null | head -n 1)
root_cer=$from/DE_ROOT_CA_CSCA07.cer
if [ -z "$ml" ] || [ ! -e "$root_cer" ]; then
	echo "skip cli: Germany's master list: neither it nor its root in $from"
else
	exits "Germany's master list" 0 trust import --trust "$w/world" --root "$root_cer" "$ml" --json
	check "588 certificates" is '"\(.certificates) \(.skipped | length)"' '588 0'
	run trust list --trust "$w/world" --json
	cp "$w/out" "$w/list.json"
	# what openssl finds in it: the content verified and cut into certificates, and the state of each
	openssl cms -verify -noverify -inform DER -in "$ml" -out "$w/content" 2>/dev/null
	set -- $(openssl asn1parse -inform DER -in "$w/content" | sed -n 's/^ *\([0-9]*\):d=2 *hl=4 l= *\([0-9]*\) cons: SEQUENCE.*/\1 \2/p')
	mkdir "$w/der"
	n=0
	while [ $# != 0 ]; do
		dd if="$w/content" of="$w/der/$n" iflag=skip_bytes,count_bytes skip="$1" count=$(($2 + 4)) status=none
		shift 2
		n=$((n + 1))
	done
	for f in "$w"/der/*; do
		openssl x509 -inform DER -in "$f" -noout -fingerprint -sha256 -subject -nameopt multiline |
			tr -d '\n' | sed 's/.*Fingerprint=\([0-9A-F:]*\).*countryName *= *\(..\).*/\1 \2/' | tr -d : | tr a-z A-Z
		echo
	done | sort >"$w/theirs"
	jq -r '.[] | "\(.fingerprint) \(.state)"' "$w/list.json" | tr a-z A-Z | sort >"$w/ours"
	check "each certificate and its state as openssl says" cmp "$w/ours" "$w/theirs"
	check "588 of them, of 112 states" [ "$(wc -l <"$w/theirs") $(cut -d ' ' -f 2 "$w/theirs" | sort -u | wc -l)" = "588 112" ]
	exits "the list again" 0 trust import --trust "$w/world" --root "$root_cer" "$ml" --json
	check "adds nothing" is '"\(.certificates) \(.known)"' '0 588'
	exits "trust check of it" 0 trust check --trust "$w/world" --json
	check "finds nothing broken" is '.problems | length' 0
	head -c 400000 "$ml" >"$w/cut.ml"
	{ head -c 500000 "$ml"; printf X; tail -c +500002 "$ml"; } >"$w/flipped.ml"
	{ head -c -1 "$ml"; printf '\0'; } >"$w/signature.ml"
	other=$(ls build/sim/trust/*.cer | head -n 1)
	while IFS='|' read -r name r file; do
		exits "$name" 1 trust import --trust "$w/none" --root "$r" "$file" --json
		check "is refused, and nothing imported" sh -c "[ ! -e '$w/none' ] && jq -e .error.message '$w/out'"
	done <<END
the list under another root|$other|$ml
the list cut short|$root_cer|$w/cut.ml
a byte of the list changed|$root_cer|$w/flipped.ml
a byte of its signature changed|$root_cer|$w/signature.ml
END
	exits "the list without a root" 1 trust import --trust "$w/none" "$ml" --json
	check "is refused too" [ ! -e "$w/none" ]
fi

# ---- what else the card says

run read --reader sim:full $(secret full) --json
check "each group of a card that has them all is in the object" jq -e '
	.contents.DG2.entries[0].format == "ISO/IEC 39794-5" and .contents.DG2.entries[0].width == 360 and
	.contents.DG3.entries[1].position == "left index finger" and .contents.DG4.entries[0].eye == "right eye" and
	.contents.DG5.entries[0].image.type == "image/jpeg" and .contents.DG7.entries[0].image.length > 1000 and
	.contents.DG11.other_names == ["LUKE LUCIA", "ARKENSTONE LULU"] and
	.contents.DG11.other_documents == ["A1234567", "B7654321"] and
	.contents.DG12.issuing_authority == "OFFICE OF SAMPLES VALE" and (.contents.DG14.protocols | length) == 4 and
	(.contents.DG15.key | startswith("EC")) and .contents.DG16.entries[1].name == "BRØNN MARY J" and
	.holder.full_name == "ÄRKENSTÖNE LUCÍA MARÍA" and .holder.date_of_birth == "1925-03-09" and
	([.files[].note] | unique) == [null]' "$w/out"
run read --reader sim:full $(secret full) --lang vi
check "and on the sheet, in Vietnamese" said 'ngón trỏ trái'
check "persons to notify too" said 'BRØNN MARY J'
run read --reader sim:td2 $(secret td2) --json
check "a name that was cut is said to be" jq -e '.holder.names_cut and .document.number == "X98765432101" and
	.holder.date_of_birth == "1961-07" and .holder.sex == "X"' "$w/out"
run verify --reader sim:badtlv $(secret badtlv) --json
check "a group that does not parse has a note" jq -e '
	[.files[] | select(.name == "DG13").note] == ["DG13 is malformed"]' "$w/out"
run verify --reader sim:eac $(secret eac) --json
check "locked fingerprints are locked, not an error" jq -e '.verdict == "genuine" and
	.passive_authentication.data_groups["3"] == "locked" and (.contents | has("DG3") | not)' "$w/out"

# ---- reading less

run verify --reader sim:an --can 123456 --need identity --json
check "--need identity leaves the portrait on the card" jq -e '.verdict == "genuine" and .portrait == null and
	.passive_authentication.data_groups["2"] == "not asked for" and .exchange.bytes_received < 10000 and
	([.checks[] | select(.name == "pa.hashes").detail] == ["not asked for: DG2"])' "$w/out"
run verify --reader sim:an --can 123456 --need 2 --json
check "a portrait alone is verified with DG1" jq -e '.verdict == "genuine" and .portrait.length > 1000 and
	.passive_authentication.data_groups["1"] == "match"' "$w/out"
run read --reader sim:an --can 123456 --need 13 --json
check "read takes what it is told" jq -e '[.files[].name] == ["EF.COM", "DG13"]' "$w/out"
run read --reader sim:full $(secret full) --need all --json
check "all is the card's own files, too" jq -e '.contents["EF.DIR"].entries[0].application == "eMRTD" and
	.contents["EF.ATR/INFO"].max_response == 8194' "$w/out"
for bad in everything 0 17 1,,2 1, -1 1x ""; do
	exits "--need '$bad'" 1 read --reader sim:an --can 123456 "--need=$bad"
done

# ---- the portrait

exits "--portrait" 0 verify --reader sim:full $(secret full) --portrait "$w/face.png" --json
check "writes a PNG" sh -c "head -c 8 '$w/face.png' | od -An -tx1 | grep -q '89 50 4e 47 0d 0a 1a 0a'"
check "for the owner alone" [ "$(stat -c %a "$w/face.png")" = 600 ]
check "and the object says so" jq -e --arg f "$w/face.png" '.portrait.png == $f and .portrait.error == null and
	.portrait.width == 360 and .portrait.height == 480' "$w/out"
exits "where it cannot be written" 1 read --reader sim:an --can 123456 --portrait /dev/null/x --json
for where in /nonexistent/x.png /dev/null/x.png; do
	exits "at $where" 1 verify --reader sim:forged --can 123456 --portrait $where --trace --json
	check "it is said before anything is sent" sh -c "jq -e '.error.code == \"io\"' '$w/out' && ! grep -q '^>' '$w/err'"
done
exits "into the folder that --out makes" 0 verify --reader sim:an --can 123456 --out "$w/with" --portrait "$w/with/face.png" --log "$w/with/log.xml"
check "is fine, for a log too" [ -s "$w/with/face.png" -a -s "$w/with/log.xml" ]
exits "where there is none" 0 read --reader sim:an --can 123456 --need identity --portrait "$w/none.png"
check "it is said" said 'no portrait among'
check "and nothing written" [ ! -e "$w/none.png" ]
exits "where there is none, over another's picture" 0 read --reader sim:an --can 123456 --need identity --portrait "$w/face.png" --json
check "leaves none of the other's" [ ! -e "$w/face.png" ]
check "and the object says why" jq -e '.portrait.png == null and (.portrait.error | length) > 0' "$w/out"
run read --reader sim:an --can 123456 --need identity --portrait "$w/face.png" --lang vi --json
check "in Vietnamese too" jq -e '.portrait.error | test("ảnh")' "$w/out"
mkdir "$w/pictures"
exits "over a folder" 1 read --reader sim:an --can 123456 --need identity --portrait "$w/pictures" --trace --json
check "it is said before anything is sent" sh -c "jq -e '.error.code == \"io\"' '$w/out' && ! grep -q '^>' '$w/err'"
exits "kitty's protocol" 0 read --reader sim:an --can 123456 --picture kitty --lang en
check "is on the terminal" grep -qa "$(printf '\033_Ga=T,f=100')" "$w/out"
exits "sixels" 0 read --reader sim:an --can 123456 --picture sixel
check "are on the terminal" grep -qa "$(printf '\033P0;1q')" "$w/out"
"$cardring" read --reader sim:an --can 123456 --picture sixel --lang en >/dev/full 2>"$w/err"
check "sixels that do not go out are told" grep -q 'could not be shown' "$w/err"
exits "--picture auto into a file" 0 read --reader sim:an --can 123456 --picture auto --lang en
check "shows none and says so" said 'shows no pictures'
check "and sends nothing to it" not grep -qa "$(printf '\033')" "$w/out"
exits "a way to show pictures that is none" 1 read --reader sim:an --can 123456 --picture ascii
exits "pictures between the lines of an object" 1 read --reader sim:an --can 123456 --picture kitty --json

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
1|an option of another command, before this one|--log /nonexistent/x.xml read --reader sim:an --can 123456
1|a secret before a command that takes none|--can 123456 list
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
1|show: nothing|show
1|show: two files|show README.md LICENSE
1|show: a file that is none|show /nonexistent
1|show: a file of something else|show README.md
1|show: an empty file|show /dev/null
1|from: a folder that is none|verify --from /nonexistent
1|from: a folder without a record|verify --from tests
1|from: a secret beside it|verify --from tests --can 123456
1|from: a reader beside it|verify --from tests --reader sim:an
1|from: a terminal beside it|verify --from tests --terminal build/sim/terminal/certificates.cvcert --terminal-key build/sim/terminal/key.pem
1|from: nothing is written|verify --from tests --out x
1|from: reading alone|read --from tests
1|trust: nothing to do|trust
1|trust: an unknown action|trust imprt --trust x
1|trust: no folder|trust list
1|trust: two folders|trust list --trust x --trust y
1|trust: a folder that is none|trust list --trust /nonexistent
1|trust: nothing to import|trust import --trust x
1|trust: a file that is none|trust import --trust x /nonexistent
1|trust: a file that is empty|trust import --trust x /dev/null
1|trust: a file of something else|trust import --trust x tests/cli.sh
1|trust: in a folder that is none|trust import --trust /nonexistent/x build/sim/trust/VNM-1.cer
1|trust: a root that is none|trust import --trust x --root tests/cli.sh tests/cli.sh
1|trust: a root for nothing|trust list --trust build/sim/trust --root build/sim/trust
1|trust: into a plain folder|trust import --trust build/sim/trust build/sim/trust/VNM-1.cer
1|trust: nothing to show|trust show --trust build/sim/trust
1|trust: nothing to remove|trust remove --trust build/sim/trust
1|trust: out of no store|trust remove --trust /nonexistent 12345678
1|trust: out of a plain folder|trust remove --trust build/sim/trust 12345678
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
1|sim: no such card for pcscd|sim serve nobody --vpcd 35963
1|sim: a port that is none|sim serve an --vpcd 0
1|sim: two readers for one card|sim serve an --vpcd 35963 --vscard /nonexistent
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
1|pin: nothing to do|pin
1|pin: what is none|pin verifi --ref 81
1|pin: which one|pin verify --reader sim:an
1|pin: a reference that is none|pin verify --reader sim:an --ref 8G
1|pin: a reference that cannot be|pin verify --reader sim:an --ref 61
1|pin: a reference too long|pin verify --reader sim:an --ref 0081
1|pin: an application too short|pin verify --reader sim:an --ref 81 --aid A0000002
1|pin: an application that is none|pin verify --reader sim:an --ref 81 --aid A00000024Z
1|pin: a format that is none|pin verify --reader sim:an --ref 81 --format utf8
1|pin: digits that are none|pin verify --reader sim:an --ref 81 --digits four
1|pin: no digits|pin verify --reader sim:an --ref 81 --digits 0-4
1|pin: fewer at most than at least|pin verify --reader sim:an --ref 81 --digits 8-4
1|pin: too many digits|pin verify --reader sim:an --ref 81 --digits 4-16
1|pin: digits and something behind|pin verify --reader sim:an --ref 81 --digits 4-8x
1|pin: more digits than the block has|pin verify --reader sim:an --ref 81 --digits 4-12
1|pin: a block too long|pin verify --reader sim:an --ref 81 --block 16
1|pin: a block where there is none|pin verify --reader sim:an --ref 81 --format plain --block 8
1|pin: padding that is no byte|pin verify --reader sim:an --ref 81 --pad F
1|pin: a time too long|pin verify --reader sim:an --ref 81 --timeout 256
1|pin: the new one alone, to verify|pin verify --reader sim:an --ref 81 --new-only
1|pin: two without an end|pin change --reader sim:an --ref 81 --format plain
1|pin: a reader without a keypad|pin verify --reader sim:an --ref 81
1|pin: typed in the wrong place|pin verify 83746925 --ref 81
1|sim: a keypad on another reader than it has|sim serve an --usbip --as tests/data/readers.tsv:SCR331 --pinpad
1|help on nothing|help verfy
1|help on two|help verify read
1|a sample's level that is none|verify --reader sim:an?level=9 --can 123456
1|a sample's protocol that is none|verify --reader sim:an?level=tpdu&protocol=2 --can 123456
1|a sample's protocol where there is none|verify --reader sim:an?level=short&protocol=1 --can 123456
3|a path that is no reader's|verify --reader /dev/tty --can 123456
END
check "and every one of them was" [ $objects -gt 20 ]
run --log "$w/x.xml" --can 123456 read --reader sim:an
check "an option before the command that does not take it is named" said '"cardring read" takes no option --log'
exits "and one that it takes is fine there" 0 --reader sim:an --can 123456 read
run verify --cann 123456
check "the nearest option is named" said 'did you mean --can'
run pin verify 83746925 --ref 81
check "a PIN typed here is not shown" not said 83746925
check "and where it is typed is said" said "keypad, never here"
run pin verify --reader sim:an --ref 81
check "no keypad is said" said "no keypad"
run pin change --reader sim:an --ref 81 --json
check "and has a code" is .error.code no-keypad
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
for c in verify read list monitor stat apdu pin driver doctor trust show sim help; do
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
check "and how long APDUs may be, by what the card says in its historical bytes" is '.limits |
	"\(.command_data) \(.response_data) \(.extended) \(.command_chaining)"' '65535 65536 true true'
check "from standard input" sh -c "printf '# select\n\n00A4040C07A0000002471001\n' | $cardring apdu --reader sim:an | grep -q '^9000'"
check "a NUL ends no command" sh -c "! printf '00A4040C07A0000002471001\\000\\n' | $cardring apdu --reader sim:an"
check "nor does a line have no end" sh -c "! yes 00 | tr -d '\\n' | timeout 20 $cardring apdu --reader sim:an 2>'$w/err'"
check "which is said" grep -q 'longer than any APDU' "$w/err"
for line in 00A4 00A4040G 'yes 00 | tr -d \\n | head -c 300000'; do
	case $line in yes*) how=$line ;; *) how="echo $line" ;; esac
	check "a line that is no command loses no answer: $how" sh -c "
		! { echo 00A4040C07A0000002471001; $how; } | $cardring apdu --reader sim:an --json >'$w/out'"
	check "of before it" is '.error.code + .responses[0].status_word + .reader.backend' invalid-apdu9000sim
done
check "the longest APDU is none too long" sh -c "
	{ printf '00 D6 00 00 00 FF FF'; yes ' 00' | head -n 65535 | tr -d '\\n'; echo ' 00 00'; } |
	$cardring apdu --reader sim:an 2>&1 | grep -v 'longer than any' | grep -q ."
exits "--trace" 0 verify --reader sim:an --can 123456 --trace
check "shows headers and status words" grep -q '^> 00 22 C1 A4 (20) < 9000 (2)$' "$w/err"
check "and no content" not grep -qE '^>.*([0-9A-F]{2} ){5}' "$w/err"
exits "sim list" 0 sim list --json
check "tells what opens each" jq -e '.samples | length > 10 and all(.can != null or .mrz != null)' "$w/out"
mkdir "$w/cards"
cp -r build/sim/cards/cccd "$w/cards/odd"
sed -i 's/^can = .*/can = 777777/; $a max_le = 200' "$w/cards/odd/profile"
exits "a card of one's own, from its folder" 0 verify --reader "sim:$w/cards/odd" --can 777777 --trust build/sim/trust
exits "has the password that its profile says" 5 verify --reader "sim:$w/cards/odd" --can 123456
echo "colour = red" >>"$w/cards/odd/profile"
exits "a profile's unknown key" 1 verify --reader "sim:$w/cards/odd" --can 777777
check "is told with its line" grep -q "odd/profile:$(wc -l <"$w/cards/odd/profile"): " "$w/err"
keys=$(sed -n 's/.*strcmp(key, "\([a-z_0-9]*\)").*/\1/p' userspace/sim/profile.c)
check "a profile has many keys" [ "$(echo "$keys" | wc -l)" -gt 15 ]
for key in $keys; do
	check "the manual has the profile's key $key" grep -q "^\.B[IR] \"$key = " userspace/cli/cardring.1
done

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
	for f in "$later"/*.bin build/sim/trust/VNM-1.* tests/data/fuzz/trust-master-list; do
		exits "no leak: show ${f##*/}" 0 show "$f"
	done
	for n in 1 2 5 9 30 77 200 350 800; do		# cut, with an outer length that fits
		for f in EF.SOD DG1 DG13 DG14; do
			size=$(stat -c %s "$later/$f.bin")
			[ $size -gt $((n + 300)) ] || continue
			{ head -c 1 "$later/$f.bin"; printf "\\x82\\x$(printf %02x $(((size - n - 4) / 256)))\\x$(printf %02x $(((size - n - 4) % 256)))"
				tail -c +5 "$later/$f.bin" | head -c $((size - n - 4)); } >"$w/cut"
			run show "$w/cut" --json
			[ $rc = 0 ] || [ $rc = 1 ] || not_ok "no leak: show $f without its last $n bytes" "exit $rc"
		done
	done
	exits "no leak: verify --from" 0 verify --from "$later" --trust "$root/build/sim/trust" --json
	exits "no leak: a damaged record" 1 verify --from "$w/changed"
	exits "no leak: trust import" 0 trust import --trust "$w/leak" "$root"/build/sim/trust/*
	exits "no leak: and again" 0 trust import --trust "$w/leak" "$root"/build/sim/trust/* --json
	exits "no leak: trust list" 0 trust list --trust "$w/leak" --json
	exits "no leak: trust show" 0 trust show --trust "$w/leak" VN
	exits "no leak: trust check" 0 trust check --trust "$w/leak" --json
	exits "no leak: verify with a store" 11 verify --reader sim:expired $(secret expired) --trust "$w/leak"
	exits "no leak: trust remove" 0 trust remove --trust "$w/leak" "$(ls "$w/leak" | grep VN- | head -n 1)"
	[ -z "$ml" ] || exits "no leak: a master list" 0 trust import --trust "$w/leak" --root "$root_cer" "$ml"
	exits "no leak: a file that is refused" 1 trust import --trust "$w/leak" "$cardring"
	exits "no leak: no module" 1 driver load /dev/null --json
else
	not_ok "a build with the address sanitizer" "$(tail -n 1 "$w/asan")"
fi
exit $failed
