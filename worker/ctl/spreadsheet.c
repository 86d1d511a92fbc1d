#include "worker/ctl/spreadsheet.h"

#include <string.h>

void spreadsheet_put_cell(struct buf *out, struct str text)
{
    bool is_formula = text.len && memchr("=+-@\t\r", text.ptr[0], 6);
    bool is_plain = !is_formula;
    for (size_t i = 0; i < text.len; i++)
        is_plain = is_plain && !memchr("\",;\r\n", text.ptr[i], 5);
    if (is_plain) {
        buf_put(out, text.ptr, text.len);
        return;
    }
    buf_puts(out, is_formula ? "\"'" : "\"");
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            buf_putc(out, '"');
        buf_putc(out, text.ptr[i]);
    }
    buf_putc(out, '"');
}
