# SPDX-License-Identifier: BSD-2-Clause
# Judges what tshark read out of a usbmon capture (tests/vm/guest/62-usbmon.sh): lines of the fields named below, tabs
# between. Prints a line for each thing that is wrong, "DEVICE WHAT", devices counted as they appear; and to SENT.DEVICE
# the commands to it that reach a card: type, wLevelParameter, payload.
#
#   awk -f usbmon.awk -v sent=FILE
BEGIN {
	FS = "\t"
	n = split("bus dev urb transfer in status len type length slot seq bstatus level chain data bad info", name, " ")
	# CCID 1.1, table 6.1-1: what answers what
	split("61:82 62:80 63:81 65:81 6c:82 6d:82 6e:81 6f:80 72:81", pair, " ")
	for (i in pair) {
		split(pair[i], p, ":")
		answers[p[1]] = p[2]
	}
}
function wrong(what) { print device " frame " NR ": " what }
{
	for (i = 1; i <= n; i++)
		f[name[i]] = $i
	address = f["bus"] "." f["dev"]
	if (!(address in device_of))
		device_of[address] = ++devices
	device = device_of[address]
	if (f["bad"] != "")
		wrong("malformed: " f["info"])
	if (f["len"] == 0)
		next
	type = substr(f["type"], 3)
	if (type == "") {
		wrong("data that are no message of CCID's")
		next
	}
	if (type == "50") {	# 6.3.1: the state of the slots changed
		if (f["in"] != 1 || f["len"] != 2)
			wrong("a notification that is none")
		next
	}
	if (f["length"] + 10 != f["len"])
		wrong("dwLength " f["length"] " in " f["len"] " bytes")
	slot = device "." f["slot"]
	if (f["in"] != 1) {
		if (!(type in answers))
			wrong("type " type " to the reader")
		if (slot in waits)
			wrong("slot " f["slot"] ": a command before the answer to the last")
		# the first of whoever has opened the reader is a look at its slots, with a number of its own
		if (type != "65" && slot in last && f["seq"] != (last[slot] + 1) % 256)
			wrong("bSeq " f["seq"] " behind " last[slot])
		if (f["slot"] != 0)
			wrong("slot " f["slot"])
		last[slot] = f["seq"]
		waits[slot] = type
		if (type == "6f")
			print type, f["level"] == "" ? "?" : hex(f["level"]), f["data"] >(sent "." device)
		else if (type == "61" || type == "62")
			print type, "-", f["data"] >(sent "." device)
		next
	}
	if (!(slot in waits) || answers[waits[slot]] != type)
		wrong("type " type " answers " (slot in waits ? waits[slot] : "nothing") " in slot " f["slot"])
	else if (f["seq"] != last[slot])
		wrong("bSeq " f["seq"] " answers " last[slot])
	if (int(f["bstatus"] / 64) == 1)
		wrong("the reader says that it failed")
	if (int(f["bstatus"] / 64) != 2)	# 2: more time
		delete waits[slot]
}
function hex(s,    i, v) {
	v = 0
	for (i = 3; i <= length(s); i++)
		v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
	return v
}
END {
	for (slot in waits)
		print slot " no answer to " waits[slot]
	if (!NR)
		print "0 nothing was seen"
}
