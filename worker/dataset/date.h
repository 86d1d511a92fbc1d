// Dates as exports write them, to Unix seconds UTC; texts without an offset are taken as UTC.
//   2016-10-30, 2016-10-30 9:58:11, 2016-10-30T09:58:11Z, ...+02:00, 2023-01-31 10:15:00 -0500, 2023-01-31 10:15:00
//   UTC, 12/1/2010 8:26 (month first, DATE_DMY: day first), 01.12.2010 08:26, 1 Dec 2010, Dec 1, 2010, fractional
//   seconds, AM/PM.
#ifndef BUNDLE_WORKER_DATASET_DATE_H
#define BUNDLE_WORKER_DATASET_DATE_H

#include "common/buf.h"
#include "common/str.h"

enum date_order { DATE_MDY, DATE_DMY }; // of dates with slashes; a first number over 12 is a day in either

bool date_parse(struct str text, enum date_order order, int64_t *unix_s); // false: not a date; outputs untouched
void date_print(struct buf *out, int64_t unix_s);                         // 2016-10-30T09:58:11Z
extern const char DATE_FORMATS_HELP[];                                    // the list above, for --help

#endif
