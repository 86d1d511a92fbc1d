#include "worker/store/csv_cells.h"

#include <ctype.h>
#include <stdio.h>

#include "common/check.h"
#include "worker/dataset/money.h"

bool cell_is_mapped(const struct csv_rows *r, enum csv_field f)
{
    return r->header->column_of[f] != CSV_NO_COLUMN;
}

struct str cell_text(const struct csv_rows *r, enum csv_field f)
{
    int column = r->header->column_of[f];
    return column == CSV_NO_COLUMN ? STR("") : r->cells[column];
}

// The value belongs into the reason, but not a whole novel of it, and not half a character.
static size_t shown_bytes(struct str value)
{
    enum { SHOWN_MAX = 40 };
    if (value.len <= SHOWN_MAX)
        return value.len;
    size_t n = SHOWN_MAX;
    while (n && ((unsigned char)value.ptr[n] & 0xC0) == 0x80)
        n--;
    return n;
}

bool cell_fail(struct csv_rows *r, enum csv_field f, const char *reason, struct str value)
{
    r->bad_field = f;
    if (value.len == 0)
        (void)snprintf(r->bad_reason, sizeof r->bad_reason, "%s", reason);
    else
        (void)snprintf(r->bad_reason, sizeof r->bad_reason, "%s: \"%.*s\"", reason, (int)shown_bytes(value), value.ptr);
    return false;
}

static bool bounded_text(struct csv_rows *r, enum csv_field f, size_t max, struct str *out)
{
    struct str text = cell_text(r, f);
    char reason[64];
    if (text.len > max) {
        (void)snprintf(reason, sizeof reason, "longer than %zu bytes", max);
        return cell_fail(r, f, reason, text);
    }
    *out = text;
    return true;
}

bool cell_id(struct csv_rows *r, enum csv_field f, struct str *out)
{
    return bounded_text(r, f, CSV_ID_BYTES_MAX, out);
}

bool cell_long(struct csv_rows *r, enum csv_field f, struct str *out)
{
    return bounded_text(r, f, CSV_TEXT_BYTES_MAX, out);
}

bool cell_amount(struct csv_rows *r, enum csv_field f, int64_t *e4)
{
    struct str text = cell_text(r, f);
    int64_t amount = AMOUNT_UNKNOWN;
    if (text.len && !money_parse_e4(text, &amount))
        return cell_fail(r, f, "not a number", text);
    *e4 = amount;
    return true;
}

bool cell_count(struct csv_rows *r, enum csv_field f, int64_t *out)
{
    struct str text = cell_text(r, f);
    int64_t count = COUNT_UNKNOWN, e4;
    bool is_count = text.len == 0 || str_to_int(text, &count);
    if (!is_count && money_parse_e4(text, &e4) && e4 % 10000 == 0) { // "6.0", "1,200"
        count = e4 / 10000;
        is_count = true;
    }
    if (!is_count || (text.len && count == COUNT_UNKNOWN))
        return cell_fail(r, f, "not a whole number", text);
    *out = count;
    return true;
}

bool cell_date(struct csv_rows *r, enum csv_field f, int64_t *unix_s)
{
    struct str text = cell_text(r, f);
    int64_t at = DATE_UNKNOWN;
    if (text.len && !date_parse(text, r->options->date_order, &at))
        return cell_fail(r, f, "not a date", text);
    *unix_s = at;
    return true;
}

bool cell_yes_no(struct csv_rows *r, enum csv_field f, bool *out)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "1"};
    static const char *const no[] = {"", "false", "f", "no", "n", "0"};
    struct str text = cell_text(r, f);
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        if (str_eq_nocase(text, str_of(yes[i])))
            return *out = true;
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        if (str_eq_nocase(text, str_of(no[i]))) {
            *out = false;
            return true;
        }
    return cell_fail(r, f, "neither yes nor no", text);
}

bool cell_currency(struct csv_rows *r, enum csv_field f, char code[4])
{
    struct str text = cell_text(r, f);
    if (text.len == 0)
        text = r->options->currency;
    char upper[4] = "";
    if (text.len && text.len != 3)
        return cell_fail(r, f, "unknown currency", text);
    for (size_t i = 0; i < text.len; i++)
        upper[i] = (char)toupper((unsigned char)text.ptr[i]);
    unsigned decimals;
    if (text.len && !currency_decimals((struct str){upper, 3}, &decimals))
        return cell_fail(r, f, "unknown currency", text);
    memcpy(code, upper, sizeof upper);
    return true;
}
