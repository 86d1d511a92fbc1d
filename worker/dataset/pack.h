// Rows as they came, packed: lines and orders of an upload in about 11 bytes each instead of 32, read from the front as
// often as one likes. Consecutive rows have much in common: numbers that grow are written as differences, all numbers
// with seven bits to the byte (as LEB128). Private to worker/dataset.
#ifndef BUNDLE_WORKER_DATASET_PACK_H
#define BUNDLE_WORKER_DATASET_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACK_ROW_MAX = 60 }; // bytes

struct raw_line {
    uint32_t order;   // in raw.order_ids
    uint32_t tuple;   // in raw.tuples
    int32_t quantity; // 0: not a quantity that can be sold
    uint16_t source;
    int64_t price_e4, discount_e4;
};

struct raw_order {
    uint32_t order;
    uint32_t customer; // in raw.texts; text "" for unknown
    uint16_t source;
    uint8_t currency; // in raw.currencies; "" for unknown
    bool is_cancelled;
    int64_t at; // DATE_UNKNOWN or within DATE_MAX
    int64_t discount_e4;
};

struct pack {
    uint8_t *bytes;
    size_t len, capacity;
    uint32_t n; // rows
};
void pack_fini(struct pack *p); // again is fine

// `previous`: the row put before, all zero for the first; the row just put afterwards.
void pack_line(struct pack *p, const struct raw_line *line, struct raw_line *previous);
void pack_order(struct pack *p, const struct raw_order *order, struct raw_order *previous);

// Reads the row at `offset` and returns where the next one is. *row holds the row before it (all zero before the first)
// and then this one. Lines may be read out of turn: then all but .order and .source is right.
size_t unpack_line(const struct pack *p, size_t offset, struct raw_line *row);
size_t unpack_order(const struct pack *p, size_t offset, struct raw_order *row);

#endif
