// Text for a terminal: how wide it is, whether it takes colour, and cutting, padding and wrapping by display columns.
// Product names come from strangers: control characters (escape sequences!) and direction overrides never get through.
//
// THREADS  Values; no state.
#ifndef BUNDLE_WORKER_CTL_TERM_H
#define BUNDLE_WORKER_CTL_TERM_H

#include "common/buf.h"

enum { TERM_COLUMNS_DEFAULT = 100, TERM_COLUMNS_MIN = 40, TERM_COLUMNS_MAX = 500 };

struct term {
    bool is_tty;
    bool has_colour;  // a tty, NO_COLOR unset, TERM not dumb
    bool has_unicode; // LC_ALL, LC_CTYPE or LANG says UTF-8
    unsigned columns; // COLUMNS, else what the tty says, else TERM_COLUMNS_DEFAULT
};
struct term term_of(int fd);

enum term_style { TERM_BOLD, TERM_DIM, TERM_GREEN, TERM_YELLOW, TERM_RED };
void term_style_begin(const struct term *t, enum term_style style, struct buf *out); // nothing without colour
void term_style_end(const struct term *t, struct buf *out);

unsigned term_width(struct str text);            // display columns: 0 for combining characters, 2 for wide ones
void term_put(struct buf *out, struct str text); // made harmless
void term_put_cut(struct buf *out, struct str text, unsigned columns); // at most so wide; cut with an ellipsis
void term_put_padded(struct buf *out, struct str text, unsigned columns, bool is_right); // exactly so wide
// Takes the next line of at most `columns` off the front of *rest, broken at a space where there is one. false: at the
// end.
bool term_wrap(struct str *rest, unsigned columns, struct str *line);

void term_put_count(struct buf *out, uint64_t n); // 1,234,567

#endif
