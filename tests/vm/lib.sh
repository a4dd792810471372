# SPDX-License-Identifier: BSD-2-Clause
# What the host-side scripts of the rigs share. Sourced by bash; $root is the project.

# Releases that can be booted here: a kernel in /boot with its modules. $1: a prefix ("6.12"); newest last.
vm_kernels() {
	local k
	for k in /lib/modules/"${1:-}"*; do
		k=${k##*/}
		if [ -r "/boot/vmlinuz-$k" ] && [ -e "/lib/modules/$k/modules.dep" ]; then
			echo "$k"
		fi
	done | sort -V
}

# The kernel that a name means: a release, how one begins (the newest plain one), or "rt" (the newest real-time one).
vm_kernel() {
	if [ "$1" = rt ]; then
		vm_kernels | grep -e '-rt-' | tail -n1
	elif vm_kernels "$1" | grep -qxF -e "$1"; then
		echo "$1"
	else
		vm_kernels "$1" | grep -v -e '-rt-' -e '-cloud-' | tail -n1
	fi
}

# The kernel a rig boots when none is named: the newest plain 6.1, else the newest of all.
vm_default_kernel() {
	local k
	k=$(vm_kernel 6.1.)
	[ -n "$k" ] || k=$(vm_kernels | tail -n1)
	echo "$k"
}

# Prints what in a kernel log ($1) is a report of a mistake, from the line on at which the run
# began; fails if there is none. UML's kernel talks about itself before that line.
vm_reports() {
	sed -n '/cardring-rig: start/,$p' "$1" | tr -d '\r' |
		grep -nE -f "$root/tests/vm/reports.pat" >/dev/null || return 1
	sed -n '/cardring-rig: start/,$p' "$1" | tr -d '\r' |
		grep -m 4 -E -B 2 -A 45 -f "$root/tests/vm/reports.pat" | head -n 120
}
