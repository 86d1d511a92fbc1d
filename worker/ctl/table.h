// A table for people: columns as wide as what stands in them, cut where the terminal is narrower.
//
//     table_create -> table_cell for each cell, row by row -> table_print
//
// What goes into a cell is put there by term_put (made harmless) or is our own text.
#ifndef BUNDLE_WORKER_CTL_TABLE_H
#define BUNDLE_WORKER_CTL_TABLE_H

#include "worker/ctl/term.h"

struct table_column {
    const char *title; // a NULL title ends the columns
    bool is_right;
    unsigned columns_min; // where space is short it is cut, to no less than this; 0: never cut
};

enum { TABLE_CELL_MAX = 1 << 16 };

struct table;
struct table *table_create(const struct table_column *columns);
void table_destroyp(struct table **t);

struct buf *table_cell(struct table *t); // the next cell, empty
void table_text(struct table *t, struct str text);
void table_int(struct table *t, int64_t n);
void table_style(struct table *t, enum term_style style); // of the cell that was begun last

// With a heading, each line indented by `indent`. Nothing is cut where no terminal reads it.
void table_print(const struct table *t, const struct term *term, unsigned indent, struct buf *out);

#endif
