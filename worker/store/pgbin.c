#include "worker/store/pgbin.h"

#include <string.h>

#include "common/check.h"
#include "worker/dataset/rows.h"

static const char SIGNATURE[11] = "PGCOPY\n\377\r\n";
enum { HEADER_BYTES = 19, NUMERIC_HEAD_BYTES = 8, NUMERIC_NEGATIVE = 0x4000, NUMERIC_SPECIAL = 0xC000 };
static const int64_t PG_EPOCH_UNIX_S = 946684800; // 2000-01-01
static const int64_t US_PER_S = 1000000;

static void store16(char *at, uint16_t v)
{
    at[0] = (char)(v >> 8);
    at[1] = (char)(v & 0xff);
}

static void store32(char *at, uint32_t v)
{
    store16(at, (uint16_t)(v >> 16));
    store16(at + 2, (uint16_t)(v & 0xffff));
}

static void store64(char *at, uint64_t v)
{
    store32(at, (uint32_t)(v >> 32));
    store32(at + 4, (uint32_t)(v & 0xffffffff));
}

static uint16_t load16(const uint8_t *at)
{
    return (uint16_t)((at[0] << 8) | at[1]);
}

static uint32_t load32(const uint8_t *at)
{
    return ((uint32_t)load16(at) << 16) | load16(at + 2);
}

static uint64_t load64(const uint8_t *at)
{
    return ((uint64_t)load32(at) << 32) | load32(at + 4);
}

void pgbin_put_header(struct buf *b)
{
    static const char no_flags_no_extension[8];
    buf_put(b, SIGNATURE, sizeof SIGNATURE);
    buf_put(b, no_flags_no_extension, sizeof no_flags_no_extension);
}

void pgbin_put_trailer(struct buf *b)
{
    buf_put(b, "\xff\xff", 2);
}

void pgbin_put_row(struct buf *b, unsigned n_fields)
{
    char count[2];
    store16(count, (uint16_t)n_fields);
    buf_put(b, count, sizeof count);
}

// Room for a field of `len` bytes behind its length; NULL when the buffer is over.
static char *field_room(struct buf *b, size_t len)
{
    char *at = buf_reserve(b, 4 + len);
    if (!at)
        return NULL;
    store32(at, (uint32_t)len);
    b->len += 4 + len;
    b->data[b->len] = '\0';
    return at + 4;
}

static void put_bytes(struct buf *b, const void *bytes, size_t len)
{
    char *at = field_room(b, len);
    if (at && len)
        memcpy(at, bytes, len);
}

void pgbin_put_null(struct buf *b)
{
    buf_put(b, "\xff\xff\xff\xff", 4);
}

void pgbin_put_key_text(struct buf *b, struct str text)
{
    put_bytes(b, text.ptr, text.len);
}

void pgbin_put_text(struct buf *b, struct str text)
{
    if (text.len)
        put_bytes(b, text.ptr, text.len);
    else
        pgbin_put_null(b);
}

void pgbin_put_uuid(struct buf *b, const uint8_t uuid[PGBIN_UUID_BYTES])
{
    put_bytes(b, uuid, PGBIN_UUID_BYTES);
}

void pgbin_put_bool(struct buf *b, bool value)
{
    put_bytes(b, value ? "\1" : "\0", 1);
}

static void put_raw_int64(struct buf *b, int64_t value)
{
    char *at = field_room(b, 8);
    if (at)
        store64(at, (uint64_t)value);
}

void pgbin_put_int64(struct buf *b, int64_t value)
{
    if (value == COUNT_UNKNOWN)
        pgbin_put_null(b);
    else
        put_raw_int64(b, value);
}

void pgbin_put_date(struct buf *b, int64_t unix_s)
{
    int64_t us;
    if (unix_s == DATE_UNKNOWN || __builtin_sub_overflow(unix_s, PG_EPOCH_UNIX_S, &us) ||
        __builtin_mul_overflow(us, US_PER_S, &us))
        pgbin_put_null(b);
    else
        put_raw_int64(b, us);
}

// Base-10000 digits, most significant first: one for the decimals, at most five before the point.
static int amount_digits(uint64_t magnitude, uint16_t digits[6])
{
    int n = 0;
    for (uint64_t rest = magnitude; rest || n == 0; rest /= 10000)
        digits[n++] = (uint16_t)(rest % 10000);
    for (int i = 0; i < n / 2; i++) {
        uint16_t swapped = digits[i];
        digits[i] = digits[n - 1 - i];
        digits[n - 1 - i] = swapped;
    }
    return n;
}

void pgbin_put_amount(struct buf *b, int64_t e4)
{
    if (e4 == AMOUNT_UNKNOWN) {
        pgbin_put_null(b);
        return;
    }
    uint16_t digits[6];
    int n = amount_digits(e4 < 0 ? 0 - (uint64_t)e4 : (uint64_t)e4, digits);
    int weight = n - 2; // of the first digit: the last one stands for the decimals, weight -1
    while (n && digits[n - 1] == 0)
        n--;
    char *at = field_room(b, NUMERIC_HEAD_BYTES + 2 * (size_t)n);
    if (!at)
        return;
    store16(at, (uint16_t)n);
    store16(at + 2, (uint16_t)(n ? weight : 0));
    store16(at + 4, e4 < 0 ? NUMERIC_NEGATIVE : 0);
    store16(at + 6, 4); // decimals shown
    for (int i = 0; i < n; i++)
        store16(at + NUMERIC_HEAD_BYTES + 2 * i, digits[i]);
}

struct str pgbin_text(struct pgbin_field f)
{
    return f.len < 0 ? (struct str){"", 0} : (struct str){(const char *)f.ptr, (size_t)f.len};
}

static bool has_length(struct pgbin_field f, int32_t len, const char *type, struct err *e)
{
    return f.len == len || err_set(e, ERR_CODEC, "COPY: a %s of %d bytes", type, f.len);
}

bool pgbin_bool(struct pgbin_field f, bool *out, struct err *e)
{
    if (f.len >= 0 && !has_length(f, 1, "boolean", e))
        return false;
    *out = f.len == 1 && f.ptr[0];
    return true;
}

bool pgbin_int64(struct pgbin_field f, int64_t *out, struct err *e)
{
    if (f.len >= 0 && !has_length(f, 8, "bigint", e))
        return false;
    *out = f.len < 0 ? COUNT_UNKNOWN : (int64_t)load64(f.ptr);
    return true;
}

bool pgbin_date(struct pgbin_field f, int64_t *unix_s, struct err *e)
{
    if (f.len >= 0 && !has_length(f, 8, "timestamp", e))
        return false;
    int64_t us = f.len < 0 ? INT64_MIN : (int64_t)load64(f.ptr);
    bool is_infinite = us == INT64_MIN || us == INT64_MAX;
    int64_t floored = us / US_PER_S - (us % US_PER_S < 0);
    *unix_s = is_infinite ? DATE_UNKNOWN : floored + PG_EPOCH_UNIX_S;
    return true;
}

// Sum of digit * 10000^(weight + 1 - i) for what is not below 1e-4; the first digit below that rounds.
static bool numeric_magnitude(const uint8_t *digits, int n, int weight, int64_t *out)
{
    int64_t sum = 0;
    for (int power = weight, i = 0; power >= -1; power--, i++) {
        int64_t digit = i < n ? load16(digits + 2 * i) : 0;
        if (__builtin_mul_overflow(sum, 10000, &sum) || __builtin_add_overflow(sum, digit, &sum))
            return false;
        if (i >= n && sum == 0)
            break;
    }
    int rounding = weight + 2; // index of the digit of weight -2
    if (rounding >= 0 && rounding < n && load16(digits + 2 * rounding) >= 5000 && __builtin_add_overflow(sum, 1, &sum))
        return false;
    *out = sum;
    return true;
}

bool pgbin_amount(struct pgbin_field f, int64_t *e4, struct err *e)
{
    if (f.len < 0) {
        *e4 = AMOUNT_UNKNOWN;
        return true;
    }
    if (f.len < NUMERIC_HEAD_BYTES || f.len != NUMERIC_HEAD_BYTES + 2 * load16(f.ptr))
        return err_set(e, ERR_CODEC, "COPY: a numeric of %d bytes", f.len);
    uint16_t sign = load16(f.ptr + 4);
    int64_t magnitude;
    bool is_known =
        (sign & NUMERIC_SPECIAL) != NUMERIC_SPECIAL &&
        numeric_magnitude(f.ptr + NUMERIC_HEAD_BYTES, load16(f.ptr), (int16_t)load16(f.ptr + 2), &magnitude);
    *e4 = !is_known ? AMOUNT_UNKNOWN : sign == NUMERIC_NEGATIVE ? -magnitude : magnitude;
    return true;
}

void pgbin_reader_init(struct pgbin_reader *r, unsigned n_fields,
                       bool (*on_row)(void *, const struct pgbin_field *, struct err *), void *context)
{
    CHECK(n_fields <= PGBIN_FIELDS_MAX);
    *r = (struct pgbin_reader){.n_fields = n_fields, .on_row = on_row, .context = context};
    buf_init(&r->carry, PGBIN_ROW_BYTES_MAX);
}

void pgbin_reader_fini(struct pgbin_reader *r)
{
    buf_fini(&r->carry);
}

enum step { STEP_DONE, STEP_NEEDS_MORE, STEP_FAILED };

static enum step take_header(struct pgbin_reader *r, const uint8_t *at, size_t left, size_t *used, struct err *e)
{
    if (left < HEADER_BYTES)
        return STEP_NEEDS_MORE;
    bool is_signed = memcmp(at, SIGNATURE, sizeof SIGNATURE) == 0;
    if (!is_signed || load32(at + 11) != 0 || load32(at + 15) != 0) {
        (void)err_set(e, ERR_CODEC, "COPY: not a binary stream of the version we know");
        return STEP_FAILED;
    }
    *used = HEADER_BYTES;
    r->has_header = true;
    return STEP_DONE;
}

static enum step split_fields(struct pgbin_reader *r, const uint8_t *at, size_t left, struct pgbin_field *fields,
                              size_t *used, struct err *e)
{
    size_t pos = 2;
    for (unsigned i = 0; i < r->n_fields; i++) {
        if (left - pos < 4)
            return STEP_NEEDS_MORE;
        int32_t len = (int32_t)load32(at + pos);
        if (len < -1 || len > PGBIN_ROW_BYTES_MAX) {
            (void)err_set(e, ERR_CODEC, "COPY: a field of %d bytes", len);
            return STEP_FAILED;
        }
        pos += 4;
        size_t bytes = len < 0 ? 0 : (size_t)len;
        if (left - pos < bytes)
            return STEP_NEEDS_MORE;
        fields[i] = (struct pgbin_field){at + pos, len};
        pos += bytes;
    }
    *used = pos;
    return STEP_DONE;
}

static enum step take_row(struct pgbin_reader *r, const uint8_t *at, size_t left, size_t *used, struct err *e)
{
    if (left < 2)
        return STEP_NEEDS_MORE;
    int16_t n = (int16_t)load16(at);
    if (n == -1) {
        r->has_ended = true;
        *used = 2;
        return STEP_DONE;
    }
    if (n != (int)r->n_fields) {
        (void)err_set(e, ERR_CODEC, "COPY: a row of %d fields instead of %u", n, r->n_fields);
        return STEP_FAILED;
    }
    struct pgbin_field fields[PGBIN_FIELDS_MAX];
    enum step step = split_fields(r, at, left, fields, used, e);
    if (step == STEP_DONE && !r->on_row(r->context, fields, e))
        return STEP_FAILED;
    return step;
}

// Takes whole rows from the front; *used is what they took, also when more bytes are needed.
static enum step take_all(struct pgbin_reader *r, const uint8_t *at, size_t len, size_t *used, struct err *e)
{
    *used = 0;
    while (*used < len) {
        if (r->has_ended) {
            (void)err_set(e, ERR_CODEC, "COPY: bytes after the end of the stream");
            return STEP_FAILED;
        }
        size_t step_bytes = 0;
        enum step step = r->has_header ? take_row(r, at + *used, len - *used, &step_bytes, e)
                                       : take_header(r, at + *used, len - *used, &step_bytes, e);
        if (step != STEP_DONE)
            return step;
        *used += step_bytes;
    }
    return STEP_DONE;
}

bool pgbin_reader_feed(struct pgbin_reader *r, const void *data, size_t len, struct err *e)
{
    bool has_carry = r->carry.len > 0;
    if (has_carry) {
        buf_put(&r->carry, data, len);
        if (!buf_ok(&r->carry, "a row of COPY", e))
            return false;
        data = r->carry.data;
        len = r->carry.len;
    }
    size_t used;
    if (take_all(r, data, len, &used, e) == STEP_FAILED)
        return false;
    size_t rest = len - used;
    if (has_carry) {
        memmove(r->carry.data, r->carry.data + used, rest);
        r->carry.len = rest;
        return true;
    }
    buf_put(&r->carry, (const char *)data + used, rest);
    return buf_ok(&r->carry, "a row of COPY", e);
}

bool pgbin_reader_end(const struct pgbin_reader *r, struct err *e)
{
    if (r->has_ended && r->carry.len == 0)
        return true;
    return err_set(e, ERR_CODEC, "COPY: the stream ends in the middle of a row");
}
