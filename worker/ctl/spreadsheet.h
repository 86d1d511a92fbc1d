// CSV for spreadsheets: a cell is quoted where needed, and text that would be taken for a formula (product names come
// from strangers) is made text by a leading apostrophe.
#ifndef BUNDLE_WORKER_CTL_SPREADSHEET_H
#define BUNDLE_WORKER_CTL_SPREADSHEET_H

#include "common/buf.h"

void spreadsheet_put_cell(struct buf *out, struct str text);

#endif
