#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Distils the descriptor dumps of real readers (one text file each, as the CCID project's "parse" prints them) into
# tests/data/readers.tsv. What is taken is what each reader says of itself, numbers and strings; no text of theirs.
#
#   tests/data/readers.sh DIR >tests/data/readers.tsv
set -eu
LC_ALL=C
export LC_ALL
[ $# = 1 ] && [ -d "$1" ] || { echo "usage: tests/data/readers.sh DIR" >&2; exit 2; }
cd "$1"
exec awk '
function die(why) { print "readers.sh: " FILENAME ": " why >"/dev/stderr"; failed = 1; exit 1 }

function text(k) { return k in f && f[k] != "" ? f[k] : "-" }
function hex(s,    i, v) {
	v = 0
	for (i = 3; i <= length(s); i++)
		v = v * 16 + index("0123456789ABCDEF", substr(s, i, 1)) - 1
	return v
}
function bcd(s,    a) { split(s, a, "."); return sprintf("0x%02d%02d", a[1], a[2]) }

# A list as it stands in the table: itself if it is short, else where it stands in the head.
function list(l) {
	if (length(l) < 40)
		return l == "" ? "-" : l
	if (!(l in lists)) {
		lists[l] = ++nlists
		listed[nlists] = l
	}
	return "@" lists[l]
}
function length_of(l,    a) { return l == "" ? 0 : split(l, a, ",") }

# What a host that trusts the standard would trip over.
function oddities(level,    o, busy, slots, ends, message) {
	ends = f["bNumEndpoints"]
	busy = f["bMaxCCIDBusySlots"]
	slots = hex(f["bMaxSlotIndex"]) + 1
	message = f["dwMaxCCIDMessageLength"]
	if (f["bInterfaceClass"] != "0x0B")
		o = o " class"
	if (f["bInterfaceSubClass"] != 0)
		o = o " subclass"
	if (f["bInterfaceProtocol"] != 0)	# ICCD: 1 is version A, 2 version B
		o = o " iccd"
	if (f["bDescriptorType"] != "0x21")
		o = o " descriptor-type"
	if (ends < 2)
		o = o " no-bulk"
	else if (ends == 2)
		o = o " no-interrupt"
	if (f["bcdCCID"] !~ /^1\.[01]/)
		o = o " bcd-ccid"
	if (hex(f["bVoltageSupport"]) == 0)
		o = o " no-voltage"
	if (!(f["dwProtocols"] ~ /^0x0000000[123]$/))
		o = o " protocols"
	if (busy == 0)
		o = o " busy-0"
	else if (busy > slots)
		o = o " busy-above-slots"
	if (message < (level == "tpdu" ? 270 : 271))	# header, and the longest short command
		o = o " message-short"
	else if (message > 65554)
		o = o " message-long"
	if (f["dwMaxIFSD"] < 1 || f["dwMaxIFSD"] > 254)
		o = o " ifsd"
	if (clocks != "" && f["bNumClockSupported"] > 0 && length_of(clocks) != f["bNumClockSupported"])
		o = o " clocks-count"
	if (rates != "" && f["bNumDataRatesSupported"] > 0 && length_of(rates) != f["bNumDataRatesSupported"])
		o = o " rates-count"
	return o == "" ? "-" : substr(o, 2)
}

# The end of an interface.
function flush(    i, id, level, features) {
	if (!open)
		return
	for (i = 1; i <= wanted; i++)
		if (!(want[i] in f))
			die("no " want[i])
	# Another device, or a second interface of that number: plugged in beside the first when it was dumped.
	id = f["idVendor"] f["idProduct"]
	if (!devices || id != device || f["bInterfaceNumber"] in seen) {
		split("", seen)
		devices++
	}
	device = id
	seen[f["bInterfaceNumber"]] = 1
	features = hex(f["dwFeatures"])
	level = int(features / 65536) % 8
	level = level == 0 ? "character" : level == 1 ? "tpdu" : level == 2 ? "short" : level == 4 ? "extended" : "?"
	row[++rows] = stem (devices > 1 ? "~" devices : "") "\t" f["bInterfaceNumber"] "\t" f["idVendor"] \
		"\t" f["idProduct"] "\t" bcd(f["bcdDevice"]) "\t" text("iManufacturer") "\t" text("iProduct") \
		"\t" text("iInterface") "\t" f["bInterfaceClass"] "\t" f["bInterfaceSubClass"] \
		"\t" f["bInterfaceProtocol"] "\t" f["bNumEndpoints"] "\t" f["bDescriptorType"] "\t" bcd(f["bcdCCID"]) \
		"\t" f["bMaxSlotIndex"] "\t" f["bVoltageSupport"] "\t" f["dwProtocols"] "\t" f["dwDefaultClock"] \
		"\t" f["dwMaximumClock"] "\t" f["bNumClockSupported"] "\t" list(clocks) "\t" f["dwDataRate"] \
		"\t" f["dwMaxDataRate"] "\t" f["bNumDataRatesSupported"] "\t" list(rates) "\t" f["dwMaxIFSD"] \
		"\t" f["dwSynchProtocols"] "\t" f["dwMechanical"] "\t" f["dwFeatures"] "\t" f["dwMaxCCIDMessageLength"] \
		"\t" f["bClassGetResponse"] "\t" f["bClassEnvelope"] "\t" f["wLcdLayout"] "\t" f["bPINSupport"] \
		"\t" f["bMaxCCIDBusySlots"] "\t" level "\t" oddities(level)
	split("", f)
	clocks = rates = ""
	open = 0
}

BEGIN {
	wanted = split("idVendor idProduct bcdDevice bInterfaceNumber bInterfaceClass bInterfaceSubClass " \
		"bInterfaceProtocol bNumEndpoints bDescriptorType bcdCCID bMaxSlotIndex bVoltageSupport dwProtocols " \
		"dwDefaultClock dwMaximumClock bNumClockSupported dwDataRate dwMaxDataRate bNumDataRatesSupported " \
		"dwMaxIFSD dwSynchProtocols dwMechanical dwFeatures dwMaxCCIDMessageLength bClassGetResponse " \
		"bClassEnvelope wLcdLayout bPINSupport bMaxCCIDBusySlots", want, " ")
}
FNR == 1 {
	flush()
	stem = FILENAME
	gsub(/^\.\/|\.txt$/, "", stem)
	if (stem ~ /[[:space:]:]/)
		die("its name cannot be one in the table")
	devices = 0
}
{ sub(/\r$/, "") }
/^ *idVendor:/ { flush(); open = 1; class_descriptor = 0 }
/CCID Class Descriptor/ { class_descriptor = 1 }
/^ *Support [0-9]+ kHz/ { clocks = clocks (clocks == "" ? "" : ",") $2; next }
/^ *Support [0-9]+ bps/ { rates = rates (rates == "" ? "" : ",") $2; next }
match($0, /^ *[a-zA-Z]+: ?/) {
	key = substr($0, 1, RLENGTH)
	gsub(/[ :]/, "", key)
	if (key == "bDescriptorType" && !class_descriptor)
		next
	if (key ~ /^i(Manufacturer|Product|Interface)$/) {
		value = substr($0, RLENGTH + 1)
		gsub(/[^ -~]/, "?", value)
		if (key == "iInterface" && value == "0")	# the index: it has no string
			value = ""
	} else if (key ~ /Clock$/) {
		value = sprintf("%d", $2 * 1000 + 0.5)		# MHz, as it was kHz in the descriptor
	} else if (key == "dwProtocols") {
		value = $2 substr($3, 3)
	} else {
		value = $2
	}
	f[key] = value
}
END {
	if (failed)
		exit 1
	flush()
	if (failed)
		exit 1
	print "# What real readers say of themselves: a line for each CCID interface, made by tests/data/readers.sh."
	print "# Facts from the descriptor dumps that the CCID project collects (https://ccid.apdu.fr, readers/*.txt)."
	print "#"
	print "# name             of the dump; lines of one name are one device (~2: the same dump shows another device)"
	print "# clock, rate      kHz, bit/s; clocks, rates: what GET_CLOCK_FREQUENCIES and GET_DATA_RATES returned, -: they"
	print "#                  failed, @N: a list that stands here in the head"
	print "# oddities         by rules that readers.sh has"
	print "# A dump tells neither the speed of the bus nor the size of packets, nor what else the device is."
	print "#"
	for (i = 1; i <= nlists; i++)
		print "@" i "\t" listed[i]
	print "#name\tinterface\tvendor\tproduct\tbcdDevice\tiManufacturer\tiProduct\tiInterface\tclass\tsubclass\tprotocol" \
		"\tendpoints\tbDescriptorType\tbcdCCID\tbMaxSlotIndex\tbVoltageSupport\tdwProtocols\tdwDefaultClock" \
		"\tdwMaximumClock\tbNumClockSupported\tclocks\tdwDataRate\tdwMaxDataRate\tbNumDataRatesSupported\trates" \
		"\tdwMaxIFSD\tdwSynchProtocols\tdwMechanical\tdwFeatures\tdwMaxCCIDMessageLength\tbClassGetResponse" \
		"\tbClassEnvelope\twLcdLayout\tbPINSupport\tbMaxCCIDBusySlots\tlevel\toddities"
	for (i = 1; i <= rows; i++)
		print row[i]
}' ./*.txt
