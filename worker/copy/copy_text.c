#include "worker/copy/copy_text.h"

#include "common/check.h"
#include "common/json_out.h"
#include "common/mp.h"

enum { VERSION = 1 };

// ---- JSON ----

static void put_lines(struct json_out *j, const char *key, const struct str *lines, unsigned n)
{
    json_out_key(j, key);
    json_out_array(j);
    for (unsigned i = 0; i < n; i++)
        json_out_str(j, str_trim(lines[i]));
    json_out_end(j);
}

void copy_text_json(const struct copy_text *copy, struct json_out *j)
{
    json_out_object(j);
    json_out_key_str(j, "title", str_trim(copy->title));
    json_out_key_str(j, "description", str_trim(copy->description));
    json_out_key_str(j, "value_proposition", str_trim(copy->value_proposition));
    put_lines(j, "features", copy->features, copy->n_features);
    put_lines(j, "benefits", copy->benefits, copy->n_benefits);
}

// ---- MessagePack ----

static void pack_text(const char *key, struct str text, struct buf *out)
{
    mp_put_key(out, key);
    mp_put_str(out, text);
}

static void pack_lines(const char *key, const struct str *lines, unsigned n, struct buf *out)
{
    mp_put_key(out, key);
    mp_put_array(out, n);
    for (unsigned i = 0; i < n; i++)
        mp_put_str(out, lines[i]);
}

void copy_text_encode(const struct copy_text *copy, struct buf *out)
{
    mp_put_envelope(out, "copy", VERSION, 5);
    pack_text("title", copy->title, out);
    pack_text("description", copy->description, out);
    pack_text("value_proposition", copy->value_proposition, out);
    pack_lines("features", copy->features, copy->n_features, out);
    pack_lines("benefits", copy->benefits, copy->n_benefits, out);
}

static bool unpack_lines(const struct mp_value *list, struct str *out, unsigned *n)
{
    if (!mp_is_array(list) || mp_size(list) > COPY_LINES_MAX)
        return false;
    *n = (unsigned)mp_size(list);
    for (unsigned i = 0; i < *n; i++)
        if (!mp_str(mp_at(list, i), &out[i]))
            return false;
    return true;
}

bool copy_text_decode(struct copy_text *out, struct str bytes)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    struct err e;
    *out = (struct copy_text){0};
    if (bytes.len == 0 || !mp_open_envelope(&doc, bytes.ptr, bytes.len, "copy", VERSION, &MP_LIMITS_MESSAGE, &e))
        return false;
    const struct mp_value *root = mp_root(doc);
    return mp_str(mp_get(root, "title"), &out->title) && mp_str(mp_get(root, "description"), &out->description) &&
           mp_str(mp_get(root, "value_proposition"), &out->value_proposition) &&
           unpack_lines(mp_get(root, "features"), out->features, &out->n_features) &&
           unpack_lines(mp_get(root, "benefits"), out->benefits, &out->n_benefits);
}
