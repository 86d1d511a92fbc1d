#include "common/json_out.h"

#include <math.h>
#include <stdio.h>

#include "common/check.h"

static const char HEX[] = "0123456789abcdef";

// The letter after the backslash, 0 where the character has no short escape.
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

size_t json_out_escape(struct str text, char out[JSON_ESCAPED_MAX], size_t *consumed)
{
    unsigned char c = (unsigned char)text.ptr[0];
    *consumed = 1;
    if (short_escape(text.ptr[0])) {
        out[0] = '\\';
        out[1] = short_escape(text.ptr[0]);
        return 2;
    }
    if (c < 0x20 || c == 0x7F) {
        memcpy(out, "\\u00", 4);
        out[4] = HEX[c >> 4];
        out[5] = HEX[c & 15];
        return 6;
    }
    size_t len = str_utf8_len(text);
    if (len == 0) {
        memcpy(out, "\xEF\xBF\xBD", 3); // U+FFFD
        return 3;
    }
    memcpy(out, text.ptr, len);
    *consumed = len;
    return len;
}

static void put_quoted(struct buf *out, struct str s)
{
    buf_putc(out, '"');
    size_t plain = 0; // start of what needs no escaping: most text goes out in one piece
    for (size_t at = 0; at < s.len;) {
        char c = s.ptr[at];
        if (c >= 0x20 && c < 0x7F && c != '"' && c != '\\') {
            at++;
            continue;
        }
        buf_put(out, s.ptr + plain, at - plain);
        char escaped[JSON_ESCAPED_MAX];
        size_t consumed;
        size_t len = json_out_escape((struct str){s.ptr + at, s.len - at}, escaped, &consumed);
        buf_put(out, escaped, len);
        at += consumed;
        plain = at;
    }
    if (s.len > plain)
        buf_put(out, s.ptr + plain, s.len - plain);
    buf_putc(out, '"');
}

struct json_out json_out_on(struct buf *out)
{
    return (struct json_out){.out = out};
}

static void before_value(struct json_out *j)
{
    if (j->has_key) {
        j->has_key = false;
        return;
    }
    if (j->depth == 0)
        return;
    if (j->needs_comma[j->depth - 1])
        buf_putc(j->out, ',');
    j->needs_comma[j->depth - 1] = true;
}

static void open_level(struct json_out *j, char opener, char closer)
{
    CHECK(j->depth < JSON_OUT_DEPTH_MAX);
    before_value(j);
    buf_putc(j->out, opener);
    j->closer[j->depth] = closer;
    j->needs_comma[j->depth] = false;
    j->depth++;
}

void json_out_object(struct json_out *j)
{
    open_level(j, '{', '}');
}

void json_out_array(struct json_out *j)
{
    open_level(j, '[', ']');
}

void json_out_end(struct json_out *j)
{
    CHECK(j->depth > 0 && !j->has_key);
    j->depth--;
    buf_putc(j->out, j->closer[j->depth]);
}

void json_out_key(struct json_out *j, const char *key)
{
    CHECK(j->depth > 0 && j->closer[j->depth - 1] == '}' && !j->has_key);
    before_value(j);
    put_quoted(j->out, str_of(key));
    buf_putc(j->out, ':');
    j->has_key = true;
}

void json_out_str(struct json_out *j, struct str value)
{
    before_value(j);
    put_quoted(j->out, value);
}

void json_out_int(struct json_out *j, int64_t value)
{
    before_value(j);
    buf_printf(j->out, "%lld", (long long)value);
}

void json_out_real(struct json_out *j, double value, int decimals)
{
    if (!isfinite(value)) {
        json_out_null(j);
        return;
    }
    before_value(j);
    char text[512]; // the largest double has 309 digits before the point
    CHECK(decimals >= 0 && decimals <= 100);
    int len = snprintf(text, sizeof text, "%.*f", decimals, value);
    CHECK(len > 0 && (size_t)len < sizeof text);
    bool is_minus_zero = text[0] == '-' && strspn(text + 1, "0.") == (size_t)len - 1;
    buf_puts(j->out, text + is_minus_zero);
}

void json_out_bool(struct json_out *j, bool value)
{
    before_value(j);
    buf_puts(j->out, value ? "true" : "false");
}

void json_out_null(struct json_out *j)
{
    before_value(j);
    buf_puts(j->out, "null");
}

void json_out_raw(struct json_out *j, struct str json)
{
    before_value(j);
    buf_put(j->out, json.ptr, json.len);
}

void json_out_decimal(struct json_out *j, int64_t value, unsigned decimals)
{
    CHECK(decimals <= 18);
    before_value(j);
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t unit = 1;
    for (unsigned i = 0; i < decimals; i++)
        unit *= 10;
    buf_printf(j->out, "%s%llu", value < 0 ? "-" : "", (unsigned long long)(size / unit));
    if (decimals > 0)
        buf_printf(j->out, ".%0*llu", (int)decimals, (unsigned long long)(size % unit));
}

void json_out_key_str(struct json_out *j, const char *key, struct str value)
{
    json_out_key(j, key);
    json_out_str(j, value);
}

void json_out_key_int(struct json_out *j, const char *key, int64_t value)
{
    json_out_key(j, key);
    json_out_int(j, value);
}

void json_out_key_real(struct json_out *j, const char *key, double value, int decimals)
{
    json_out_key(j, key);
    json_out_real(j, value, decimals);
}

void json_out_key_bool(struct json_out *j, const char *key, bool value)
{
    json_out_key(j, key);
    json_out_bool(j, value);
}
