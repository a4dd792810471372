#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What `make install` puts where: a program built against it by pkg-config alone, the command with its
# samples and translation, the manual, the module for each kernel. Prints "ok install: NAME" and
# "not ok install: NAME: WHY".
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
unset MAKEFLAGS MAKELEVEL MFLAGS	# as a user calls it, also from within make check
w=$(mktemp -d "${TMPDIR:-/tmp}/cardring-install.XXXXXX") || exit 1
trap 'rm -rf "$w"' EXIT
failed=0
check() {
	local name=$1
	shift
	if "$@" >"$w/check" 2>&1; then
		echo "ok install: $name"
	else
		echo "not ok install: $name: $(tail -n 3 "$w/check" | tr '\n' ' ')"
		failed=1
	fi
}
dest=$w/root prefix=/opt/cardring
at=$dest$prefix

# ---- make itself

check "plain make builds all there is" sh -c "make && [ -e build/libcardring.so ] &&
	[ -e build/locale/vi/LC_MESSAGES/cardring.mo ] && [ -e build/sim/.made ]"
check "for every kernel with headers" sh -c '
	for k in /lib/modules/[6-9].*/build/Makefile; do
		k=${k%/build/Makefile}
		[ -e "build/module/${k##*/}/cardring.ko" ] || { echo "${k##*/}"; exit 1; }
	done'
check "a second make has nothing to do" sh -c 'make >"$1/again" && [ ! -s "$1/again" ] || { cat "$1/again"; exit 1; }' - "$w"

# ---- what is installed; the build folder is put back to the usual prefix behind it

check "make install, into a folder of its own" make install DESTDIR="$dest" PREFIX=$prefix
check "and once more over it" make install DESTDIR="$dest" PREFIX=$prefix
check "the prefix is compiled in" grep -qa "$prefix/share/cardring" "$at/bin/cardring"
make -s userspace samples >/dev/null
for k in build/module/*/cardring.ko; do
	k=${k%/cardring.ko}
	k=${k##*/}
	case $k in *-um | '*') continue ;; esac
	check "the module for $k" cmp "build/module/$k/cardring.ko" "$dest/lib/modules/$k/updates/cardring.ko"
done
for f in usr/lib/udev/rules.d/70-cardring.rules usr/lib/modprobe.d/cardring.conf usr/lib/modules-load.d/cardring.conf; do
	check "$f" [ -s "$dest/$f" ]
done
ids=$(sed -n 's/^CARDRING_READER(0x\(....\), 0x\(....\)).*/\1 \2/p' include/uapi/cardring_unusual.h)
check "udev's rules name the readers of the vendor's class" sh -c '
	[ "$1" = "$(sed -n "s/^ATTR{idVendor}==\"\(....\)\", ATTR{idProduct}==\"\([0-9a-f|]*\)\".*/\1 \2/p" udev/70-cardring.rules |
		while read -r v ps; do for p in $(echo "$ps" | tr "|" " "); do echo "$v $p"; done; done)" ]' - "$ids"
check "the file for pcscd alone, which is not in effect" [ -s "$at/share/doc/cardring/pcscd-only.conf" ]
bundle=$dest$(pkg-config --variable=usbdropdir libpcsclite)/ifd-cardring.bundle/Contents
check "pcscd's handler" sh -c "nm -D --defined-only '$bundle/Linux/libifdcardring.so' | grep -q ' T IFDHTransmitToICC'"
check "which gives nothing else" sh -c "! nm -D --defined-only '$bundle/Linux/libifdcardring.so' | grep -v IFDH"
check "and the readers it may be asked for" [ "$(grep -c '<string>0x08E6' "$bundle/Info.plist")" -gt 10 ]
mv "$at" "$w/moved"	# nothing of the tree, or of where it was put first, is needed
at=$w/moved
cmd() { (cd / && env -i PATH=/usr/bin:/bin LANG=C "$@"); }
check "the command knows its samples" sh -c "cd / && env -i '$at/bin/cardring' sim list | grep -q '^an '"
check "and verifies one" cmd "$at/bin/cardring" verify --reader sim:an --can 123456
check "and speaks Vietnamese" sh -c "cd / && env -i '$at/bin/cardring' --lang vi help | grep -q 'thẻ'"
if command -v man >/dev/null; then
	check "the manual renders without a warning" sh -c \
		"LC_ALL=C.UTF-8 man --warnings -l '$at/share/man/man1/cardring.1' 2>&1 >/dev/null | grep . && exit 1; true"
else
	echo "skip install: the manual renders without a warning: no man here"
fi
check "every file is readable by all" sh -c "find '$at' ! -perm -o=r ! -type l | grep . && exit 1; true"

# ---- what is built for the tests alone

mkdir -p "$w/b/module/6.0-um"
: >"$w/b/module/6.0-um/cardring.ko"
check "UML's module is none to install: the others are built first" sh -c '
	make -n install B="$1/b" DESTDIR="$1/none" KDIRS="$1/nowhere" 2>&1 | grep -q "k in $1/nowhere"' - "$w"

# ---- the library

check "the library gives what its headers declare, and no more" sh -c "
	nm -D --defined-only '$at/lib/libcardring.so' | awk '\$2 != \"A\" { sub(/@.*/, \"\", \$3); print \$3 }' | sort >'$w/given'
	cat '$at'/include/cardring/*.h | cc -E -P -xc -I'$at/include' - | tr -s ' \n\t' ' ' | tr ';{}' '\n' |
		sed -nE 's/^[^(=]*[ *](cr_[a-z0-9_]+) ?\(.*/\1/p; s/^ ?extern [^(]*[ *](cr_[a-z0-9_]+) ?\$/\1/p' | sort -u >'$w/declared'
	grep -qx cr_inspect '$w/declared' && diff '$w/given' '$w/declared'"
cat >"$w/use.c" <<'END'
#include <stdio.h>
#include <cardring/card.h>
#include <cardring/eid.h>
#include <cardring/trust.h>
#include <cardring/error.h>
#include <cardring/reader.h>
#include <cardring/ring.h>

int main(void)
{
	struct cr_reader_info *list;
	struct cr_secret secret;
	const char *why;
	cr_trust_t *trust;
	int n = cr_reader_list(&list);

	if (n < 0 || cr_trust_new(&trust) || cr_secret_from_can(&secret, "123456", &why))
		return 1;
	cr_trust_free(trust);
	printf("%d readers, %s\n", n, cr_strerror(CR_E_NO_READER));
	return 0;
}
END
pc() { PKG_CONFIG_PATH=$at/lib/pkgconfig pkg-config --define-prefix "$@" libcardring; }
check "pkg-config knows it" pc --exists
check "a program builds against it" cc -Wall -Wextra -Werror -o "$w/use" "$w/use.c" $(pc --cflags --libs)
check "and runs" env LD_LIBRARY_PATH="$at/lib" "$w/use"
check "against the static one too" cc -o "$w/use.static" "$w/use.c" $(pc --cflags) "$at/lib/libcardring.a" \
	$(pkg-config --libs libcrypto libudev libusb-1.0 p11-kit-1)
for f in "$at"/share/doc/cardring/examples/*.c; do
	name=$(basename "$f" .c)
	check "the example $name builds as it says" sh -c "cd '$w' &&
		cc -std=gnu11 -Wall -Wextra -Werror '$f' $(pc --cflags --libs) -o '$name'"
done
check "many-readers, without one, says so" sh -c "
	LD_LIBRARY_PATH='$at/lib' '$w/many-readers' 2>&1 | grep -q 'No card reader'"
check "each header stands alone" sh -c "
	for h in '$at'/include/cardring/*.h; do
		echo \"#include <cardring/\${h##*/}>\" | cc -Wall -Wextra -Werror -fsyntax-only -I'$at/include' -xc - || exit 1
	done"

exit $failed
