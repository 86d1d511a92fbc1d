// Money: exact minor units with an ISO 4217 currency, never a float.
#ifndef BUNDLE_WORKER_DATASET_MONEY_H
#define BUNDLE_WORKER_DATASET_MONEY_H

#include "common/buf.h"
#include "common/str.h"

// Upper case. Also recently withdrawn codes, and XXX ("no currency"), which an upload gets that has prices and names
// none.
bool currency_decimals(struct str code, unsigned *decimals); // false: not such a code
// 1/10,000 of the major unit to minor units, half away from zero. false: overflow.
bool money_minor_of_e4(int64_t e4, unsigned decimals, int64_t *minor);
// "1,234.50", "1.234,50", "£12", "12.5 GBP", "-3" -> 1/10,000 units. More than 4 decimals: rounded half away from zero.
// false: not an amount. Separators: of two kinds the last is the decimal one (1.234,567); one kind repeated groups
// digits (1,234,567); '.' alone is decimal (1.234); ',' alone is, unless exactly 3 digits follow 1 to 3 that do not
// begin with 0 (1,234 but 0,500 and 12,50). Spaces and apostrophes only group. Every case stands in the unit test.
bool money_parse_e4(struct str text, int64_t *e4);
void money_print(struct buf *out, int64_t minor, unsigned decimals);              // "12.99", "-0.05", "1200"
void money_print_for_people(struct buf *out, int64_t minor, struct str currency); // "£12.99", "¥1,200", "KWD 1.250"

#endif
