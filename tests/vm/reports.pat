WARNING: 
\bBUG[: ]
\bOops\b
KASAN
UBSAN:
ODEBUG:
kmemleak: .* new suspected memory leaks
unreferenced object 0x
general protection fault
unable to handle
Kernel panic
Kernel mode fault
Kernel mode signal
Segfault with no mm
stack-protector
possible circular locking
possible recursive locking
possible irq lock inversion
inconsistent lock state
irq lock inversion
lock held when returning
held lock freed
bad unlock balance
bad contention detected
suspicious RCU
Invalid wait context
trying to register non-static key
MAX_LOCKDEP
BUG: sleeping function
scheduling while atomic
blocked for more than
soft lockup
hard LOCKUP
detected (expedited )?stall
list_(add|del) corruption
refcount_t:
cannot create duplicate filename
nobody cared
\*\*\* DEADLOCK \*\*\*
transfer buffer (is on stack|not dma capable)
bogus (urb xfer|flags)
cardring-rig: lockdep is off
