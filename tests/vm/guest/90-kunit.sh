# SPDX-License-Identifier: BSD-2-Clause
# The kernel's own unit tests, in the debug kernel: they run when the module that holds them loads,
# cardring_kunit.ko beside cardring.ko.
#
# The last script: UML's KASAN keeps the red zones of a module that is gone, and takes whatever is put
# there next, another module's file for one, to be out of bounds.
. tests/vm/guest.lib.sh
only uml
if check "the module loads" load_module; then
	load_kunit "${CARDRING_KO%/*}/cardring_kunit.ko" && rmmod cardring_kunit
fi
check "the module unloads" unload_module
