// Money: exact minor units with an ISO 4217 currency, never a float.
#ifndef BUNDLE_WORKER_DATASET_MONEY_H
#define BUNDLE_WORKER_DATASET_MONEY_H

#include "common/buf.h"
#include "common/str.h"

bool currency_decimals(struct str code, unsigned *decimals); // false: not a code of ISO 4217 that is in use
// 1/10,000 of the major unit to minor units, half away from zero. false: overflow.
bool money_minor_of_e4(int64_t e4, unsigned decimals, int64_t *minor);
// "1,234.50", "1.234,50", "£12", "12.5 GBP", "-3" -> 1/10,000 units. More than 4 decimals: rounded half away from zero.
// false: not an amount. Separators: the last of [.,] followed by 1-2 or 4+ digits is decimal; by exactly 3 it is
// decimal only when it is '.' and no other separator stands before it... as money.c says, with every case in its unit
// test.
bool money_parse_e4(struct str text, int64_t *e4);
void money_print(struct buf *out, int64_t minor, unsigned decimals);              // "12.99", "-0.05", "1200"
void money_print_for_people(struct buf *out, int64_t minor, struct str currency); // "£12.99", "¥1,200", "KWD 1.250"

#endif
