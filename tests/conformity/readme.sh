#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Puts the suite's sums (conformity --table) into the README, or says whether they are there.
#
#   tests/conformity/readme.sh [--check] TABLE
set -u
check=
[ "$1" != --check ] || { check=1; shift; }
cd "$(dirname "$0")/../.." || exit 1
new=$(mktemp) || exit 1
trap 'rm -f "$new"' EXIT
awk -v table="$1" '
/^<!-- conformity -->$/ { print; while ((getline line < table) > 0) print line; skip = 1; next }
/^<!-- end -->$/ { skip = 0 }
!skip' README.md >"$new"
cmp -s "$new" README.md && exit 0
[ -z "$check" ] || exit 1
cat "$new" >README.md
