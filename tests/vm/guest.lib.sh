# SPDX-License-Identifier: BSD-2-Clause
# For tests/vm/guest/*.sh, which source it and are run by tests/vm/guest-all. Every result is one line,
# "ok NAME" or "not ok NAME: WHY"; "skip NAME: WHY" counts as neither. POSIX sh.
#
#   ok NAME            not_ok NAME WHY            skip NAME WHY
#   check NAME COMMAND...       ok if the command succeeds; else its output, as comments
#   run_cmocka PROGRAM [ARG...] one line for each test of build/tests/vm/PROGRAM
#   run_backend NAME PROGRAM    the same tests over a backend of the library: "ok NAME:PROGRAM.TEST"
#                               ("n/a", as a comment, where tests/vm/conform.tsv has it)
#   conform_table               behaviour by backend, of all that have run in this boot, as comments
#   load_module / unload_module cardring.ko for this kernel ($CARDRING_KO)
#   install_module              cardring.ko where modprobe and udev find it
#   uninstall_module            that, and what a script put to udev's rules, out of the way of those behind it
#   load_kunit FILE.ko          loads it, and gives one line for each KUnit test that ran
#   wait_for SECONDS COMMAND... until the command succeeds
#   only qemu|uml               ends the script in the other rig; tests/vm/main knows that it has no result there
#   verify ARG...               cardring verify: its exit code in $rc, milliseconds in $took, what it said in /run/said
#   expect NAME EXIT TEXT       of the last verify: its exit code, and the text (any case) is in what it said
#   secret NAME                 the options that open this sample card
#   scan_sees_card              pcsc_scan, a PC/SC program, sees a card within five seconds
#   has_node                    is there a /dev/cardringN?
#   has_reader / no_reader      a CCID interface is on the bus, or none
#   start_reader ARG...         "cardring sim serve $sample --usbip ARG..." until stop_reader; sample: an
#   line TEXT                   a line for it: a fault, an event, keys
#
# QEMU's own reader is unplugged when the scripts begin (00-rig.sh), so that /dev/cardringN is what
# the script made: tests/vm/vmctl plug-reader and unplug-reader bring it and take it away.

ok() { echo "ok $*"; }
not_ok() { _n=$1; shift; echo "not ok $_n: $*"; }
skip() { _n=$1; shift; echo "skip $_n: $*"; }
only() { [ "$CARDRING_RIG" = "$1" ] || { echo "# only $1"; exit 0; }; }

check() {
	_n=$1
	shift
	if "$@" >/run/check.out 2>&1; then
		ok "$_n"
	else
		not_ok "$_n" "exit $? of: $*"
		tail -n 20 /run/check.out | sed 's/^/# /'
		return 1
	fi
}

wait_for() {
	_end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$_end" ] || return 1
		sleep 0.1
	done
}

secret() {
	_can=$(sed -n 's/^can = //p' "build/sim/cards/$1/profile")
	if [ -n "$_can" ]; then
		echo "--can $_can"
	else
		echo "--mrz $(sed -n 's/^mrz = //p' "build/sim/cards/$1/profile")"
	fi
}
verify() {
	_begin=$(date +%s%N)
	timeout 60 build/cardring verify --trust build/sim/trust "$@" >/run/said 2>/run/said.err
	rc=$?
	took=$((($(date +%s%N) - _begin) / 1000000))
}
expect() {
	if [ "$rc" != "$2" ]; then
		not_ok "$1" "exit $rc, expected $2: $(head -c 300 /run/said /run/said.err)"
	elif ! grep -qi -- "$3" /run/said /run/said.err; then
		not_ok "$1" "not said: $3: $(head -c 300 /run/said /run/said.err)"
	else
		ok "$1"
	fi
}
scan_sees_card() {
	pcsc_scan -n >/run/scan 2>&1 &
	_scan=$!
	wait_for 5 grep -q "Card inserted" /run/scan
	_rc=$?
	kill $_scan
	wait $_scan
	return $_rc
}
has_node() { ls /dev/cardring[0-9]* >/dev/null 2>&1; }
has_reader() { grep -qx 0b /sys/bus/usb/devices/*/bInterfaceClass 2>/dev/null; }
no_reader() { ! has_reader; }
sample=an
start_reader() {
	[ -p /run/lines ] || mkfifo /run/lines
	build/cardring sim serve $sample --usbip "$@" </run/lines >/run/serve.log 2>&1 &
	server=$!
	exec 6>/run/lines
	wait_for 20 has_reader
}
stop_reader() {
	exec 6>&-
	kill $server 2>/dev/null
	wait $server
	wait_for 10 no_reader
}
# (In a subshell: behind "unplug" the server may be gone, and writing to it would end the script.)
line() { (echo "$1" >&6) 2>/dev/null; }

run_cmocka() {
	_p=$1
	shift
	cmocka kernel "$_p" "$_p" "$@"
}
run_backend() {
	cmocka "$1" "$1:$2" "$2" --backend "$1"
}
# Under BACKEND, named NAME: PROGRAM ARG...
cmocka() {
	_b=$1 _name=$2 _p=$3
	shift 3
	if [ ! -x "build/tests/vm/$_p" ]; then
		not_ok "$_name" "build/tests/vm/$_p was not built"
		return 1
	fi
	CMOCKA_MESSAGE_OUTPUT=TAP timeout "${CMOCKA_TIMEOUT:-120}" "build/tests/vm/$_p" "$@" >/run/cmocka.out 2>&1
	sh tests/tap.sh "$_name" $? </run/cmocka.out >/run/cmocka.tap
	_rc=$?
	# what is not in the nature of the backend is left out by the table, which says why
	awk -F '\t' -v b="$_b" '
	NR == FNR { if (!/^#/ && ("," $2 ",") ~ ("," b ",")) why[$1] = $3; next }
	/^skip / { test = $2; sub(/^[a-z]*:/, "", test); sub(/:$/, "", test) }
	/^skip / && (test in why) { print "# n/a " b ":" test ": " why[test]; next }
	{ print }' FS='\t' tests/vm/conform.tsv FS=' ' /run/cmocka.tap >/run/cmocka.lines
	cat /run/cmocka.lines
	sed -n "s/^\(# n\/a\|ok\|not ok\|skip\) \($_b:\)\{0,1\}\($_p\.[a-z0-9_]*\).*/\3 $_b \1/p" /run/cmocka.lines |
		tr -s ' ' >>/run/conform
	return $_rc
}
conform_table() {
	awk '
	{ what = $3 == "ok" ? "yes" : $3 == "#" ? "n/a" : $3 == "skip" ? "-" : "NO" }
	{ r[$1, $2] = r[$1, $2] == "NO" ? "NO" : what }
	$2 != "kernel" && $1 !~ /^pcsc\./ && !seen[$1]++ { name[++n] = $1 }
	END {
		split("kernel usb pcsc sim", b)
		printf "# %-66s %-7s %-7s %-7s %s\n", "behaviour", b[1], b[2], b[3], b[4]
		for (i = 1; i <= n; i++) {
			line = sprintf("# %-66s", name[i])
			for (k = 1; k <= 4; k++) {
				what = r[name[i], b[k]]
				line = line sprintf(" %-7s", what == "" ? "not run" : what)
			}
			sub(/ +$/, "", line)
			print line
		}
	}' /run/conform
}

load_module() {
	[ ! -d /sys/module/cardring ] || return 0
	insmod "$CARDRING_KO" "$@"
}
# In a tree with nothing but what it needs: emulated, depmod takes a minute for Debian's thousands. (Whatever else the
# script needs is loaded before.)
install_module() {
	_modules=/lib/modules/$(uname -r)
	_few=/run/few$_modules
	rm -rf "$_few"
	install -D -m 644 "$CARDRING_KO" "$_few/updates/cardring.ko"
	for _m in usb-common usbcore; do
		_file=$(modinfo -n $_m)
		[ ! -f "$_file" ] || cp "$_file" "$_few/"
	done
	cp "$_modules"/modules.builtin* "$_modules/modules.order" "$_few/"
	depmod -b /run/few "$(uname -r)"
	mount --bind "$_few" "$_modules"
}
# (udevd has the small tree's index open until it is told.)
uninstall_module() {
	umount -l "/lib/modules/$(uname -r)"
	rm -f /usr/lib/udev/rules.d/70-cardring.rules /usr/lib/modprobe.d/cardring.conf
	udevadm control --reload
}
unload_module() {
	[ -d /sys/module/cardring ] || return 0
	rmmod cardring
}

# KUnit's results stand in the kernel's log as KTAP; the suite's own lines are not indented.
load_kunit() {
	_from=$(dmesg | wc -l)
	if ! insmod "$1"; then
		not_ok "kunit ${1##*/}" "cannot be loaded"
		return 1
	fi
	kunit_results "$_from"
}
kunit_results() {
	dmesg | tail -n +$(($1 + 1)) | sed 's/^\[[^]]*\] \{0,1\}//' | awk '
	/^ +# Subtest: / { suite = $3; next }
	/^ +(not )?ok [0-9]+ / && suite != "" {
		bad = $1 == "not"
		name = $0; sub(/^ +(not )?ok [0-9]+ (- )?/, "", name)
		if (name ~ /# SKIP/) { n++; print "skip kunit " suite "." name; next }
		# A parameterized test has its own lines one step further in; they belong to it.
		if ($0 ~ /^        /) { if (bad) why = why " [" name "]"; next }
		n++
		if (bad) print "not ok kunit " suite "." name ": " (why == "" ? "see the kernel log" : why)
		else print "ok kunit " suite "." name
		why = ""
	}
	/^ +# Totals: pass:/ { split($3, a, ":"); pass += a[2] }
	END { if (!n) print "not ok kunit: no result in the kernel log" }'
}
