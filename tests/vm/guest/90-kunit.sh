# SPDX-License-Identifier: BSD-2-Clause
# The kernel's own unit tests, in the debug kernel: they run when the module that holds them loads.
# Built into cardring.ko (IS_ENABLED(CONFIG_KUNIT)) or beside it as cardring_kunit.ko.
#
# The last script: UML's KASAN keeps the red zones of a module that is gone, and takes whatever is put
# there next, another module's file for one, to be out of bounds.
. tests/vm/guest.lib.sh
only uml
kunit_ko=${CARDRING_KO%/*}/cardring_kunit.ko
if [ -e "$kunit_ko" ]; then
	load_module && load_kunit "$kunit_ko"
	rmmod cardring_kunit
elif grep -q kunit_ "$CARDRING_KO"; then
	load_kunit "$CARDRING_KO"
else
	skip kunit "the module holds no KUnit tests"
	load_module
fi
check "the module unloads" unload_module
