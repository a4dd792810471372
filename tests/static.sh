#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Static checks of the kernel's side: checkpatch --strict, kernel-doc, and a build with W=1 and
# sparse (C=2) for each installed kernel that has headers. Nothing at all may be said.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
failed=0
mkdir -p build
result() {
	if [ "$2" = 0 ]; then
		echo "ok static: $1"
	else
		echo "not ok static: $1"
		failed=1
	fi
}

shopt -s nullglob
files=(kernel/*.[ch] kernel/kunit/*.[ch])
[ ${#files[@]} != 0 ] || { echo "not ok static: kernel/ is empty"; exit 1; }
files+=(include/uapi/*.h tests/bench/kmod/*.[ch])

uml=$(tests/vm/uml-build) || { echo "not ok static: checkpatch is not here"; exit 1; }
for f in "${files[@]}"; do
	# TRACE_EVENT() is laid out as in every kernel's trace header, which checkpatch takes for
	# calls; compat.h is the one place that may ask which kernel this is, for the module.
	case $f in
	kernel/trace.h) ignore=--ignore=CAMELCASE,OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT ;;
	kernel/compat.h | tests/bench/kmod/*.c) ignore=--ignore=CAMELCASE,LINUX_VERSION_CODE,CONSTANT_COMPARISON ;;
	*) ignore= ;;
	esac
	perl "$uml/scripts/checkpatch.pl" --strict --no-tree --no-summary --terse --show-types --ignore=CAMELCASE $ignore -f "$f"
done >build/checkpatch.log 2>&1
grep -v '^$' build/checkpatch.log | head -n 60
! grep -q . build/checkpatch.log
result "checkpatch --strict is silent over ${#files[@]} files" $?

perl "$uml/scripts/kernel-doc" -none "${files[@]}" >build/kernel-doc.log 2>&1
head -n 60 build/kernel-doc.log
! grep -q . build/kernel-doc.log
result "kernel-doc finds every documented member and parameter" $?

# The debug kernel is the one that has the KUnit tests built.
for kdir in /lib/modules/*/build "$uml"; do
	[ -e "$kdir/Makefile" ] || continue
	rel=${kdir%/build} rel=${rel##*/} arch=
	[ "$kdir" != "$uml" ] || arch=KARCH=um
	rm -rf build/static
	make --no-print-directory -j "$(nproc)" module B=build/static KDIR="$kdir" $arch KFLAGS="W=1 C=2" >build/static.log 2>&1
	rc=$?
	# The debug kernel's folder has no Module.symvers; symbols that are none show when it loads.
	grep -nE 'warning:|error:|WARNING|ERROR|Error ' build/static.log |
		grep -vE 'WARNING: (Module\.symvers is missing|modpost: (".*undefined!|suppressed ))' >build/static.said
	head -n 60 build/static.said
	[ $rc = 0 ] && ! grep -q . build/static.said
	result "W=1 and sparse are silent for $rel" $?
done
rm -rf build/static
exit $failed
