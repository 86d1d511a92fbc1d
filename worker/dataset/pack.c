#include "worker/dataset/pack.h"

#include <stdlib.h>

#include "common/check.h"
#include "worker/dataset/rows.h"

// Six numbers of ten bytes at most.
_Static_assert(PACK_ROW_MAX == 6 * 10, "the longest row");

void pack_fini(struct pack *p)
{
    free(p->bytes);
    *p = (struct pack){0};
}

// Doubling with realloc: large blocks are moved by the kernel's page tables, and pages not reached yet cost nothing.
static uint8_t *room_for_row(struct pack *p)
{
    if (p->capacity - p->len < PACK_ROW_MAX) {
        p->capacity = p->capacity ? p->capacity * 2 : 64 * PACK_ROW_MAX;
        p->bytes = realloc(p->bytes, p->capacity);
        CHECK(p->bytes);
    }
    return p->bytes + p->len;
}

static uint8_t *put(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static const uint8_t *get(const uint8_t *at, uint64_t *value)
{
    *value = *at & 0x7f;
    for (unsigned shift = 7; *at++ & 0x80; shift += 7)
        *value |= (uint64_t)(*at & 0x7f) << shift;
    return at;
}

// Small differences either way are small numbers.
static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1 ^ -(value & 1));
}

// Amounts and dates: 0 for what is not known.
static uint64_t known(int64_t value, int64_t base)
{
    return value == INT64_MIN ? 0 : zigzag(value - base) + 1;
}

static int64_t unknown(uint64_t code, int64_t base)
{
    return code == 0 ? INT64_MIN : base + unzigzag(code - 1);
}

static int64_t step(uint32_t to, uint32_t from)
{
    return (int64_t)to - (int64_t)from;
}

void pack_line(struct pack *p, const struct raw_line *line, struct raw_line *previous)
{
    uint8_t *at = room_for_row(p);
    bool is_other_source = line->source != previous->source;
    at = put(at, zigzag(step(line->order, previous->order)) << 1 | is_other_source);
    if (is_other_source)
        at = put(at, line->source);
    at = put(at, line->tuple);
    at = put(at, (uint64_t)line->quantity);
    at = put(at, known(line->price_e4, 0));
    at = put(at, known(line->discount_e4, 0));
    p->len = (size_t)(at - p->bytes);
    p->n++;
    *previous = *line;
}

size_t unpack_line(const struct pack *p, size_t offset, struct raw_line *row)
{
    uint64_t head, source, tuple, quantity, price, discount;
    const uint8_t *at = get(p->bytes + offset, &head);
    if (head & 1) {
        at = get(at, &source);
        row->source = (uint16_t)source;
    }
    at = get(get(get(get(at, &tuple), &quantity), &price), &discount);
    row->order = (uint32_t)((int64_t)row->order + unzigzag(head >> 1));
    row->tuple = (uint32_t)tuple;
    row->quantity = (int32_t)quantity;
    row->price_e4 = unknown(price, 0);
    row->discount_e4 = unknown(discount, 0);
    return (size_t)(at - p->bytes);
}

// Dates are written as differences; one that is not known counts as 0 for the next.
static int64_t date_base(const struct raw_order *previous)
{
    return previous->at == DATE_UNKNOWN ? 0 : previous->at;
}

void pack_order(struct pack *p, const struct raw_order *order, struct raw_order *previous)
{
    uint8_t *at = room_for_row(p);
    bool is_other_source = order->source != previous->source;
    at = put(at,
             zigzag(step(order->order, previous->order)) << 2 | (uint64_t)order->is_cancelled << 1 | is_other_source);
    if (is_other_source)
        at = put(at, order->source);
    at = put(at, order->customer);
    at = put(at, order->currency);
    at = put(at, known(order->at, date_base(previous)));
    at = put(at, known(order->discount_e4, 0));
    p->len = (size_t)(at - p->bytes);
    p->n++;
    *previous = *order;
}

size_t unpack_order(const struct pack *p, size_t offset, struct raw_order *row)
{
    uint64_t head, source, customer, currency, date, discount;
    const uint8_t *at = get(p->bytes + offset, &head);
    if (head & 1) {
        at = get(at, &source);
        row->source = (uint16_t)source;
    }
    at = get(get(get(get(at, &customer), &currency), &date), &discount);
    row->order = (uint32_t)((int64_t)row->order + unzigzag(head >> 2));
    row->customer = (uint32_t)customer;
    row->currency = (uint8_t)currency;
    row->is_cancelled = head >> 1 & 1;
    row->at = unknown(date, date_base(row));
    row->discount_e4 = unknown(discount, 0);
    return (size_t)(at - p->bytes);
}
