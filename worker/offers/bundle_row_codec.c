#include "worker/offers/bundle_row.h"

#include <math.h>
#include <stddef.h>

#include "common/mp.h"

// One row is an array: id, the texts, the numbers, the rank.
static const size_t TEXTS[] = {
    offsetof(struct bundle_row, bundle_type),
    offsetof(struct bundle_row, objective),
    offsetof(struct bundle_row, products),
    offsetof(struct bundle_row, pricing),
    offsetof(struct bundle_row, ai_copy),
    offsetof(struct bundle_row, discount_reference),
    offsetof(struct bundle_row, explanation),
    offsetof(struct bundle_row, evidence),
    offsetof(struct bundle_row, generation_sources),
    offsetof(struct bundle_row, objectives),
};
static const size_t REALS[] = {
    offsetof(struct bundle_row, confidence),    offsetof(struct bundle_row, predicted_lift),
    offsetof(struct bundle_row, support),       offsetof(struct bundle_row, lift),
    offsetof(struct bundle_row, ranking_score),
};
enum {
    N_TEXTS = sizeof TEXTS / sizeof TEXTS[0],
    N_REALS = sizeof REALS / sizeof REALS[0],
    FIELDS = 1 + N_TEXTS + N_REALS + 1,
    ID_LEN = 36,
};

void bundle_rows_encode(const struct bundle_rows *rows, struct buf *out)
{
    mp_put_array(out, rows->n);
    for (uint32_t i = 0; i < rows->n; i++) {
        const char *row = (const char *)&rows->rows[i];
        mp_put_array(out, FIELDS);
        mp_put_str(out, str_of(rows->rows[i].id));
        for (size_t k = 0; k < N_TEXTS; k++)
            mp_put_str(out, *(const struct str *)(const void *)(row + TEXTS[k]));
        for (size_t k = 0; k < N_REALS; k++)
            mp_put_real(out, *(const double *)(const void *)(row + REALS[k]));
        mp_put_int(out, rows->rows[i].rank_position);
    }
}

static bool is_uuid(struct str id)
{
    static const char FORM[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (id.len != ID_LEN)
        return false;
    for (size_t i = 0; i < ID_LEN; i++) {
        char c = id.ptr[i];
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (FORM[i] == 'x' ? !is_hex : c != '-')
            return false;
    }
    return true;
}

static bool get_row(const struct mp_value *v, struct bundle_row *row, struct arena *memory)
{
    struct str id;
    int64_t rank;
    if (!mp_is_array(v) || mp_size(v) != FIELDS || !mp_str(mp_at(v, 0), &id) || !is_uuid(id))
        return false;
    memcpy(row->id, id.ptr, ID_LEN);
    for (size_t k = 0; k < N_TEXTS; k++) {
        struct str text;
        if (!mp_str(mp_at(v, 1 + k), &text))
            return false;
        *(struct str *)(void *)((char *)row + TEXTS[k]) = arena_str(memory, text);
    }
    for (size_t k = 0; k < N_REALS; k++) {
        double *real = (double *)(void *)((char *)row + REALS[k]);
        if (!mp_real(mp_at(v, 1 + N_TEXTS + k), real) || !isfinite(*real))
            return false;
    }
    if (!mp_int(mp_at(v, FIELDS - 1), &rank) || rank < 0 || rank > UINT32_MAX)
        return false;
    row->rank_position = (uint32_t)rank;
    enum bundle_type type;
    enum objective objective;
    return bundle_type_of_name(row->bundle_type, &type) && objective_of_name(row->objective, &objective) &&
           row->confidence >= 0 && row->confidence <= 1 && row->support >= 0 && row->support <= 1;
}

bool bundle_rows_decode(struct bundle_rows *out, const struct mp_value *v, struct arena *memory, struct err *e)
{
    if (!mp_is_array(v) || mp_size(v) > UINT32_MAX)
        return err_set(e, ERR_CODEC, "bundle rows: not a list");
    uint32_t n = (uint32_t)mp_size(v);
    struct bundle_row *rows = ARENA_ARRAY(memory, struct bundle_row, (size_t)n + 1);
    for (uint32_t i = 0; i < n; i++) {
        if (!get_row(mp_at(v, i), &rows[i], memory))
            return err_set(e, ERR_CODEC, "bundle rows: entry %u is not a bundle row", i);
    }
    *out = (struct bundle_rows){rows, n};
    return true;
}
