#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Installs the Debian packages that a part of the project needs and this system lacks.
#
#   tests/deps.sh GROUP...      build: the library and the command; demo: also a kernel to boot;
#                               check: also everything that the tests use; fuzz: what the fuzzers are built with;
#                               bench: the plain kernel, and what the module is measured beside; kernels: the others
#                               that the tests boot, but not on a machine that would then boot them itself
#
# DEPS=skip installs nothing: it names what is missing, and fails if anything is.
set -u
build="gcc make pkg-config libssl-dev libudev-dev libusb-1.0-0-dev libp11-kit-dev libjansson-dev libkmod-dev libjpeg-dev libopenjp2-7-dev libpng-dev libpcsclite-dev gettext"
demo="qemu-system-x86 busybox-static cpio kmod xz-utils linux-image-amd64 linux-headers-amd64"
check="libcmocka-dev libeac-dev softhsm2 jq libxml2-utils man-db linux-source-6.1 flex bison bc libelf-dev sparse perl strace udev pcscd libccid opensc pcsc-tools vsmartcard-vpcd tshark"
kernels="linux-image-6.12-amd64 linux-headers-6.12-amd64 linux-image-rt-amd64 linux-headers-rt-amd64"
bench="jq linux-source-6.1 flex bison bc libelf-dev perl strace gnuplot-nox pcscd libccid"
fuzz="clang-14 libclang-rt-14-dev"

# A machine that boots a kernel of /boot would boot the newest next time. Others (a container, a test machine) do not care.
own=
[ ! -e "/boot/vmlinuz-$(uname -r)" ] || own=1

want=
for group in "$@"; do
	case $group in
	build) want+=" $build" ;;
	demo) want+=" $build $demo" ;;
	check) want+=" $build $demo $check" ;;
	bench) want+=" $build $demo $bench" ;;
	fuzz) want+=" $build $fuzz" ;;
	kernels)
		if [ -n "$own" ]; then
			echo "deps: this machine boots from /boot: the tests' other kernels are left out ($kernels)" >&2
		else
			want+=" $kernels"
		fi
		;;
	*) echo "usage: tests/deps.sh build|demo|check|bench|fuzz|kernels..." >&2; exit 2 ;;
	esac
done
[ -n "$want" ] || { echo "usage: tests/deps.sh build|demo|check|bench|fuzz|kernels..." >&2; exit 2; }
if ! command -v dpkg-query >/dev/null; then
	echo "deps: not a Debian system; needed, by Debian's names:$want" >&2
	[ "${DEPS:-}" = skip ] && exit 1
	exit 0
fi

# A kernel that boots in the rig and for which a module can be built: both packages being
# installed is not enough, as one may have been installed a release before the other.
have_kernel() {
	local k
	for k in /lib/modules/*; do
		[ -e "$k/modules.dep" ] && [ -e "$k/build/Makefile" ] && [ -r "/boot/vmlinuz-${k##*/}" ] && return 0
	done
	return 1
}

missing() {
	# Virtual packages (libjpeg-dev, pkg-config) count where something installed provides them.
	dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
		awk -v want="$want" '
		$1 == "installed" { for (i = 2; i <= NF; i++) { sub(/,$/, "", $i); have[$i] = 1 } }
		END { n = split(want, w, " "); for (i = 1; i <= n; i++) if (!have[w[i]] && !seen[w[i]]++) print w[i] }'
	case " $want " in
	*" linux-image-amd64 "*) have_kernel || printf '%s\n' linux-image-amd64 linux-headers-amd64 ;;
	esac
}

list=$(missing | sort -u | tr '\n' ' ')
list=${list% }
[ -n "$list" ] || exit 0
if [ "${DEPS:-}" = skip ]; then
	echo "missing packages: $list" >&2
	exit 1
fi

echo "installing: $list" >&2
sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || { echo "deps: neither root nor sudo; missing packages: $list" >&2; exit 1; }
	sudo=sudo
fi
# What does not boot them needs no initramfs of them, each of which takes a minute to make.
initrd=
[ -n "$own" ] || initrd=INITRD=No
apt() { $sudo env DEBIAN_FRONTEND=noninteractive $initrd apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt update && apt install --no-install-recommends $list; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	# A boot loader's hook may fail where there is no boot loader; what counts is what is there.
	list=$(missing | sort -u | tr '\n' ' ')
	if [ -n "$list" ]; then
		echo "deps: could not install: $list" >&2
		exit 1
	fi
fi
