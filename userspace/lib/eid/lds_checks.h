/* SPDX-License-Identifier: BSD-2-Clause */
/* The mandatory files, and whether they are well formed: TR-03135-1 (5.0.1), 5.8.4. No I/O. */
#ifndef CR_EID_LDS_CHECKS_H
#define CR_EID_LDS_CHECKS_H

#include <cardring/eid.h>

/*
 * Records, from insp->files, CR_CHECK_FILE_*, CR_CHECK_COM_* (but EF.COM against EF.SOD), CR_CHECK_MRZ_FIRST to
 * _LAST and CR_CHECK_DG2_*. What was not to be read is not missing. 0; CR_E_NOMEM.
 */
int cr_lds_check_files(struct cr_inspection *insp);

#endif
