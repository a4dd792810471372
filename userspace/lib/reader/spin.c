// SPDX-License-Identifier: BSD-2-Clause
/* The rule by which waits spin before they sleep: spin.h. */
#include "reader/spin.h"

static int64_t attempt_ns(const struct cr_spin_policy *p)
{
	return (int64_t)p->max_ns + CR_SPIN_ENTER_NS;
}

void cr_spin_init(struct cr_spin_policy *p, uint64_t max_ns)
{
	*p = (struct cr_spin_policy){ .max_ns = max_ns, .beyond = true };
	p->account_ns = CR_SPIN_BURST * attempt_ns(p);
}

uint64_t cr_spin_budget(const struct cr_spin_policy *p)
{
	return p->beyond || p->skip || p->account_ns < attempt_ns(p) ? 0 : p->max_ns;
}

static void waited(struct cr_spin_policy *p, uint64_t ns)
{
	int64_t most = CR_SPIN_BURST * attempt_ns(p);
	uint64_t earned = ns / CR_SPIN_SHARE;

	/* it may be overdrawn, but never above the most, so that the difference is not negative */
	p->account_ns = earned < (uint64_t)(most - p->account_ns) ? p->account_ns + (int64_t)earned : most;
	p->beyond = ns > CR_SPIN_REACH * p->max_ns;
}

void cr_spin_slept(struct cr_spin_policy *p, uint64_t waited_ns)
{
	waited(p, waited_ns);
	if (p->skip && !p->beyond)
		p->skip--;
}

void cr_spin_hit(struct cr_spin_policy *p, uint64_t spun_ns)
{
	waited(p, spun_ns);
	p->backoff = 0;
}

void cr_spin_missed(struct cr_spin_policy *p, uint64_t spun_ns, uint64_t waited_ns)
{
	/* paid first: what this wait brings in must not lift the account's bound for it */
	p->account_ns -= (int64_t)spun_ns + CR_SPIN_ENTER_NS;
	waited(p, waited_ns);
	p->backoff = p->backoff ? 2 * p->backoff : 1;
	if (p->backoff > CR_SPIN_SKIP_MAX)
		p->backoff = CR_SPIN_SKIP_MAX;
	p->skip = p->backoff;
}
