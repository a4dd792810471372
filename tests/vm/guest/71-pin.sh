# SPDX-License-Identifier: BSD-2-Clause
# PINs by the reader's keypad over the module: the command. (What a ring promises: 22-card.sh.)
. tests/vm/guest.lib.sh
backend=kernel
. tests/vm/pin.lib.sh
