#include "worker/offers/phrase.h"

#include <inttypes.h>
#include <stdio.h>

#include "worker/dataset/money.h"

static const char ELLIPSIS[] = "\xe2\x80\xa6";

void phrase_count(struct buf *out, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf_putc(out, ',');
        buf_putc(out, digits[i]);
    }
}

void phrase_percent(struct buf *out, uint32_t bp)
{
    uint32_t tenths = (bp + 5) / 10;
    if (tenths % 10)
        buf_printf(out, "%u.%u%%", tenths / 10, tenths % 10);
    else
        buf_printf(out, "%u%%", tenths / 10);
}

void phrase_money(const struct market *m, struct buf *out, int64_t minor)
{
    money_print_for_people(out, minor, str_of(m->data->currency));
}

void phrase_name(const struct market *m, struct buf *out, uint32_t item)
{
    struct arena scratch;
    arena_init(&scratch, 0);
    struct str name = str_trim(item_display_name(&m->data->items[item], &scratch));
    bool was_space = false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool is_space = c <= 0x20 || c == 0x7f;
        if (!is_space && was_space)
            buf_putc(out, ' ');
        if (!is_space)
            buf_putc(out, (char)c);
        was_space = is_space;
    }
    arena_fini(&scratch);
}

static bool starts_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

size_t phrase_length(struct str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += starts_character(text.ptr[i]);
    return n;
}

static size_t bytes_of(struct str text, size_t characters)
{
    size_t i = 0;
    for (; i < text.len; i++) {
        if (starts_character(text.ptr[i]) && characters-- == 0)
            break;
    }
    return i;
}

void phrase_put_cut(struct buf *out, struct str text, size_t max)
{
    if (phrase_length(text) <= max) {
        buf_put(out, text.ptr, text.len);
        return;
    }
    if (max == 0)
        return;
    size_t end = bytes_of(text, max - 1), word = end;
    while (word > 0 && text.ptr[word] != ' ')
        word--;
    if (word >= end / 2 && word > 0)
        end = word;
    while (end > 0 && (text.ptr[end - 1] == ' ' || text.ptr[end - 1] == ',' || text.ptr[end - 1] == '+'))
        end--;
    buf_put(out, text.ptr, end);
    buf_puts(out, ELLIPSIS);
}
