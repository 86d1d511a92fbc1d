#include "worker/ctl/table.h"

#include <stdlib.h>

#include "common/check.h"

enum { COLUMNS_MAX = 16, BETWEEN = 2, NO_STYLE = -1 };

struct cell {
    struct buf text;
    int style;
};

struct table {
    const struct table_column *columns;
    size_t n_columns;
    struct cell *cells; // row by row
    size_t n_cells, capacity;
};

struct table *table_create(const struct table_column *columns)
{
    struct table *t = calloc(1, sizeof *t);
    CHECK(t);
    t->columns = columns;
    while (columns[t->n_columns].title)
        t->n_columns++;
    CHECK(t->n_columns <= COLUMNS_MAX);
    return t;
}

void table_destroyp(struct table **t)
{
    if (!*t)
        return;
    for (size_t i = 0; i < (*t)->n_cells; i++)
        buf_fini(&(*t)->cells[i].text);
    free((*t)->cells);
    free(*t);
    *t = NULL;
}

struct buf *table_cell(struct table *t)
{
    if (t->n_cells == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 64;
        t->cells = reallocarray(t->cells, t->capacity, sizeof *t->cells);
        CHECK(t->cells);
    }
    struct cell *cell = &t->cells[t->n_cells++];
    cell->style = NO_STYLE;
    buf_init(&cell->text, TABLE_CELL_MAX);
    return &cell->text;
}

void table_text(struct table *t, struct str text)
{
    term_put(table_cell(t), text);
}

void table_int(struct table *t, int64_t n)
{
    struct buf *cell = table_cell(t);
    if (n < 0)
        buf_putc(cell, '-');
    term_put_count(cell, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

void table_style(struct table *t, enum term_style style)
{
    CHECK(t->n_cells);
    t->cells[t->n_cells - 1].style = (int)style;
}

// ---- widths ----

static void fit_to_content(const struct table *t, unsigned widths[])
{
    for (size_t c = 0; c < t->n_columns; c++)
        widths[c] = term_width(str_of(t->columns[c].title));
    for (size_t i = 0; i < t->n_cells; i++) {
        unsigned width = term_width(buf_str(&t->cells[i].text));
        if (width > widths[i % t->n_columns])
            widths[i % t->n_columns] = width;
    }
}

// Takes from the widest column that can give, column by column, until the line fits or nothing gives any more.
static void fit_to_terminal(const struct table *t, unsigned available, unsigned widths[])
{
    for (;;) {
        size_t widest = t->n_columns;
        unsigned total = BETWEEN * (unsigned)(t->n_columns - 1);
        for (size_t c = 0; c < t->n_columns; c++) {
            unsigned least = t->columns[c].columns_min;
            total += widths[c];
            if (least && widths[c] > least && (widest == t->n_columns || widths[c] > widths[widest]))
                widest = c;
        }
        if (total <= available || widest == t->n_columns)
            return;
        widths[widest]--;
    }
}

// ---- lines ----

static void put_cell(const struct table *t, size_t c, struct str text, const unsigned widths[], struct buf *out)
{
    bool is_right = t->columns[c].is_right;
    if (c)
        buf_printf(out, "%*s", BETWEEN, "");
    if (c + 1 == t->n_columns && !is_right) // no blanks at the line's end
        term_put_cut(out, text, widths[c]);
    else
        term_put_padded(out, text, widths[c], is_right);
}

static void put_heading(const struct table *t, const struct term *term, unsigned indent, const unsigned widths[],
                        struct buf *out)
{
    buf_printf(out, "%*s", (int)indent, "");
    term_style_begin(term, TERM_DIM, out);
    for (size_t c = 0; c < t->n_columns; c++)
        put_cell(t, c, str_of(t->columns[c].title), widths, out);
    term_style_end(term, out);
    buf_putc(out, '\n');
}

void table_print(const struct table *t, const struct term *term, unsigned indent, struct buf *out)
{
    unsigned widths[COLUMNS_MAX];
    fit_to_content(t, widths);
    if (term->is_tty)
        fit_to_terminal(t, term->columns > indent ? term->columns - indent : 0, widths);
    put_heading(t, term, indent, widths, out);
    for (size_t i = 0; i < t->n_cells; i++) {
        const struct cell *cell = &t->cells[i];
        size_t c = i % t->n_columns;
        if (c == 0)
            buf_printf(out, "%*s", (int)indent, "");
        if (cell->style != NO_STYLE)
            term_style_begin(term, (enum term_style)cell->style, out);
        put_cell(t, c, buf_str(&cell->text), widths, out);
        if (cell->style != NO_STYLE)
            term_style_end(term, out);
        if (c + 1 == t->n_columns)
            buf_putc(out, '\n');
    }
}
