/* SPDX-License-Identifier: BSD-2-Clause */
/* "cardring show": cmd_show.c finds out what a file is and prints it, show_pki.c and show_lds.c take it apart. */
#ifndef CARDRING_CLI_SHOW_H
#define CARDRING_CLI_SHOW_H

#include "cli.h"

/* Each: what the file says, as one object with its "type"; NULL: it is no such file. Nothing is verified. */
json_t *cli_show_certificate(const uint8_t *data, size_t len);
json_t *cli_show_crl(const uint8_t *data, size_t len);
/* SignedData: EF.CardSecurity, a master list, what stands in EF.SOD. */
json_t *cli_show_signed(const uint8_t *data, size_t len);
/* A defect list that nobody signed. */
json_t *cli_show_defect_list(const uint8_t *data, size_t len);
/* EF.COM, EF.SOD, EF.CardAccess, EF.DIR, EF.ATR/INFO, a data group. */
json_t *cli_show_file(const uint8_t *data, size_t len);
/* SecurityInfos, an array; NULL. */
json_t *cli_show_security_infos(const uint8_t *data, size_t len);

#endif
