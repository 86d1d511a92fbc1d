// What a decoder must bear: its bytes cut short, and each of their bits turned.
#ifndef BUNDLE_TESTS_UNIT_MINING_BLOB_H
#define BUNDLE_TESTS_UNIT_MINING_BLOB_H

#include "tests/unit/dataset/sample.h"

// Decodes, asserts that what comes out is sane, and frees it; false: refused.
typedef bool blob_reader(const void *data, size_t len, const struct dataset *d, struct err *e);

static inline void blob_is_refused_or_harmless(struct buf *b, const struct dataset *d, blob_reader *read)
{
    struct err e;
    unsigned refused = 0;
    for (size_t len = 0; len < b->len; len += 1 + len / 50)
        assert_false(read(b->data, len, d, &e));
    for (size_t bit = 0; bit < b->len * 8; bit++) {
        b->data[bit / 8] = (char)(b->data[bit / 8] ^ (1 << bit % 8));
        if (!read(b->data, b->len, d, &e)) {
            refused++;
            assert_int_equal(e.kind, ERR_CODEC);
        }
        b->data[bit / 8] = (char)(b->data[bit / 8] ^ (1 << bit % 8));
    }
    assert_true(refused > 1000);
}

#endif
