#include "worker/ctl/term.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/check.h"

// ---- the terminal ----

static unsigned columns_of(int fd, bool is_tty)
{
    int64_t columns = 0;
    const char *said = getenv("COLUMNS");
    struct winsize size;
    if (said && str_to_int(str_of(said), &columns) && columns > 0)
        ;
    else if (is_tty && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        columns = size.ws_col;
    else
        columns = TERM_COLUMNS_DEFAULT;
    if (columns < TERM_COLUMNS_MIN)
        return TERM_COLUMNS_MIN;
    return columns > TERM_COLUMNS_MAX ? TERM_COLUMNS_MAX : (unsigned)columns;
}

static bool says_utf8(void)
{
    static const char *const NAMES[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        const char *value = getenv(NAMES[i]);
        if (value && value[0])
            return strcasestr(value, "UTF-8") || strcasestr(value, "UTF8");
    }
    return false;
}

struct term term_of(int fd)
{
    const char *no_colour = getenv("NO_COLOR"), *kind = getenv("TERM");
    struct term t = {.is_tty = isatty(fd) == 1, .has_unicode = says_utf8()};
    t.has_colour = t.is_tty && !(no_colour && no_colour[0]) && kind && strcmp(kind, "dumb") != 0;
    t.columns = columns_of(fd, t.is_tty);
    return t;
}

void term_style_begin(const struct term *t, enum term_style style, struct buf *out)
{
    static const char *const CODES[] = {"\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[31m"};
    if (t->has_colour)
        buf_puts(out, CODES[style]);
}

void term_style_end(const struct term *t, struct buf *out)
{
    if (t->has_colour)
        buf_puts(out, "\033[0m");
}

// ---- characters ----

struct range {
    uint32_t first, last;
};

// Combining marks, joiners and variation selectors: drawn onto the character before them.
static const struct range ZERO_WIDTH[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD},  {0x064B, 0x065F},
                                          {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200D},  {0x20D0, 0x20FF},
                                          {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF}};
// East Asian wide and emoji (Unicode's EastAsianWidth W and F, to the block).
static const struct range TWO_WIDE[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x33FF},  {0x3400, 0x4DBF},
                                        {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xAC00, 0xD7A3},  {0xF900, 0xFAFF},
                                        {0xFE30, 0xFE6F},   {0xFF01, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F},
                                        {0x1F680, 0x1F6FF}, {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD}};
// Would steer the terminal or reorder the line: control characters and bidirectional overrides.
static const struct range HARMFUL[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x200E, 0x200F}, {0x2028, 0x2029},
                                       {0x202A, 0x202E}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF}};

static bool is_in(uint32_t c, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

// One character as it will be shown.
struct glyph {
    struct str bytes;
    size_t consumed;
    unsigned width;
};

static uint32_t code_point(const char *p, size_t len)
{
    static const unsigned char LEAD_MASK[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = (unsigned char)p[0] & LEAD_MASK[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3F);
    return c;
}

static struct glyph first_glyph(struct str text)
{
    size_t len = str_utf8_len(text);
    if (len == 0)
        return (struct glyph){STR("\xEF\xBF\xBD"), 1, 1};
    uint32_t c = code_point(text.ptr, len);
    if (is_in(c, HARMFUL, ARRAY_LEN(HARMFUL)))
        return (struct glyph){STR(" "), len, 1};
    unsigned width = c < 0x300                                     ? 1
                     : is_in(c, ZERO_WIDTH, ARRAY_LEN(ZERO_WIDTH)) ? 0
                     : is_in(c, TWO_WIDE, ARRAY_LEN(TWO_WIDE))     ? 2
                                                                   : 1;
    return (struct glyph){{text.ptr, len}, len, width};
}

static struct str behind(struct str text, size_t n)
{
    return (struct str){text.ptr + n, text.len - n};
}

unsigned term_width(struct str text)
{
    unsigned width = 0;
    while (text.len) {
        struct glyph g = first_glyph(text);
        width += g.width;
        text = behind(text, g.consumed);
    }
    return width;
}

// Puts what fits into `columns`; returns the columns used.
static unsigned put_within(struct buf *out, struct str text, unsigned columns)
{
    unsigned used = 0;
    while (text.len) {
        struct glyph g = first_glyph(text);
        if (used + g.width > columns)
            break;
        buf_put(out, g.bytes.ptr, g.bytes.len);
        used += g.width;
        text = behind(text, g.consumed);
    }
    return used;
}

void term_put(struct buf *out, struct str text)
{
    (void)put_within(out, text, UINT32_MAX / 2);
}

static unsigned put_cut(struct buf *out, struct str text, unsigned columns)
{
    if (term_width(text) <= columns)
        return put_within(out, text, columns);
    if (columns == 0)
        return 0;
    unsigned used = put_within(out, text, columns - 1);
    buf_puts(out, "\xE2\x80\xA6"); // U+2026
    return used + 1;
}

void term_put_cut(struct buf *out, struct str text, unsigned columns)
{
    (void)put_cut(out, text, columns);
}

void term_put_padded(struct buf *out, struct str text, unsigned columns, bool is_right)
{
    unsigned width = term_width(text);
    if (is_right && width < columns)
        buf_printf(out, "%*s", (int)(columns - width), "");
    unsigned used = put_cut(out, text, columns);
    if (!is_right && used < columns)
        buf_printf(out, "%*s", (int)(columns - used), "");
}

bool term_wrap(struct str *rest, unsigned columns, struct str *line)
{
    *rest = str_trim(*rest);
    if (rest->len == 0)
        return false;
    size_t at = 0, last_space = 0;
    unsigned used = 0;
    while (at < rest->len) {
        struct glyph g = first_glyph(behind(*rest, at));
        if (rest->ptr[at] == ' ')
            last_space = at;
        if (used + g.width > columns && at > 0)
            break;
        used += g.width;
        at += g.consumed;
    }
    size_t cut = at < rest->len && last_space ? last_space : at;
    *line = str_trim((struct str){rest->ptr, cut});
    *rest = behind(*rest, cut);
    return true;
}

void term_put_count(struct buf *out, uint64_t n)
{
    if (n >= 1000) {
        term_put_count(out, n / 1000);
        buf_printf(out, ",%03u", (unsigned)(n % 1000));
    } else {
        buf_printf(out, "%u", (unsigned)n);
    }
}
