#include "common/mp.h"

#include <msgpack.h>
#include <stdlib.h>

#include "common/check.h"

const struct mp_limits MP_LIMITS_MESSAGE = {.depth_max = 8, .nodes_max = 20000};
const struct mp_limits MP_LIMITS_ARTEFACT = {.depth_max = 12, .nodes_max = 4000000};

// msgpack-c's own nesting limit; ours must stay below it.
enum { DEPTH_MAX = 31 };

// ---- scanning ----

struct scan {
    const unsigned char *bytes;
    size_t len, at;
};

static bool truncated(const struct scan *s, struct err *e)
{
    return err_set(e, ERR_CODEC, "MessagePack ends in the middle of a value (byte %zu of %zu)", s->at, s->len);
}

// The next `width` bytes as a big-endian number.
static bool scan_number(struct scan *s, unsigned width, uint64_t *out, struct err *e)
{
    if (s->len - s->at < width)
        return truncated(s, e);
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value = value << 8 | s->bytes[s->at++];
    *out = value;
    return true;
}

static bool scan_skip(struct scan *s, uint64_t n, struct err *e)
{
    if (s->len - s->at < n)
        return truncated(s, e);
    s->at += (size_t)n;
    return true;
}

// What stands behind each head byte 0xc0..0xdf: `prefix` bytes of length or count, then `fixed` more bytes. For maps
// and arrays the prefix counts entries, else bytes.
static const struct head {
    bool is_valid;
    unsigned char prefix, fixed, children_per_entry;
} HEADS[32] = {
    [0x00] = {true, 0, 0, 0},                                                      // nil
    [0x02] = {true, 0, 0, 0},  [0x03] = {true, 0, 0, 0},                           // false, true
    [0x04] = {true, 1, 0, 0},  [0x05] = {true, 2, 0, 0}, [0x06] = {true, 4, 0, 0}, // bin
    [0x07] = {true, 1, 1, 0},  [0x08] = {true, 2, 1, 0}, [0x09] = {true, 4, 1, 0}, // ext: and its type
    [0x0a] = {true, 0, 4, 0},  [0x0b] = {true, 0, 8, 0},                           // float
    [0x0c] = {true, 0, 1, 0},  [0x0d] = {true, 0, 2, 0}, [0x0e] = {true, 0, 4, 0}, [0x0f] = {true, 0, 8, 0}, // uint
    [0x10] = {true, 0, 1, 0},  [0x11] = {true, 0, 2, 0}, [0x12] = {true, 0, 4, 0}, [0x13] = {true, 0, 8, 0}, // int
    [0x14] = {true, 0, 2, 0},  [0x15] = {true, 0, 3, 0}, [0x16] = {true, 0, 5, 0}, [0x17] = {true, 0, 9, 0}, // fixext
    [0x18] = {true, 0, 17, 0}, [0x19] = {true, 1, 0, 0}, [0x1a] = {true, 2, 0, 0}, [0x1b] = {true, 4, 0, 0}, // str
    [0x1c] = {true, 2, 0, 1},  [0x1d] = {true, 4, 0, 1},                                                     // array
    [0x1e] = {true, 2, 0, 2},  [0x1f] = {true, 4, 0, 2},                                                     // map
};

// One head with its bytes; *children: how many values must follow inside it.
static bool scan_head(struct scan *s, uint64_t *children, struct err *e)
{
    *children = 0;
    if (s->at == s->len)
        return truncated(s, e);
    unsigned char c = s->bytes[s->at++];
    if (c < 0x80 || c >= 0xe0) // small integers
        return true;
    if (c < 0xa0) { // fixmap, fixarray
        *children = (uint64_t)(c & 15) * (c < 0x90 ? 2 : 1);
        return true;
    }
    if (c < 0xc0) // fixstr
        return scan_skip(s, c & 31, e);
    const struct head *h = &HEADS[c - 0xc0];
    uint64_t count = 0;
    if (!h->is_valid)
        return err_set(e, ERR_CODEC, "MessagePack has the invalid byte 0x%02x at %zu", c, s->at - 1);
    if (!scan_number(s, h->prefix, &count, e))
        return false;
    if (h->children_per_entry == 0)
        return scan_skip(s, count + h->fixed, e);
    *children = count * h->children_per_entry;
    return true;
}

bool mp_scan(const void *data, size_t len, const struct mp_limits *limits, struct err *e)
{
    CHECK(limits->depth_max <= DEPTH_MAX);
    struct scan s = {.bytes = data, .len = len};
    uint64_t open[DEPTH_MAX + 1]; // values still to come, per open container
    unsigned depth = 0;
    size_t nodes = 0;
    do {
        uint64_t children;
        if (++nodes > limits->nodes_max)
            return err_set(e, ERR_CODEC, "MessagePack has more than %zu values", limits->nodes_max);
        if (!scan_head(&s, &children, e))
            return false;
        if (children > s.len - s.at) // every value takes a byte at least
            return err_set(e, ERR_CODEC, "MessagePack claims %llu values where %zu bytes are left",
                           (unsigned long long)children, s.len - s.at);
        if (children > 0 && depth == limits->depth_max)
            return err_set(e, ERR_CODEC, "MessagePack is nested deeper than %u", limits->depth_max);
        if (children > 0)
            open[depth++] = children;
        else
            while (depth > 0 && --open[depth - 1] == 0)
                depth--;
    } while (depth > 0);
    if (s.at != s.len)
        return err_set(e, ERR_CODEC, "%zu bytes follow the MessagePack value", s.len - s.at);
    return true;
}

// ---- decoding ----

struct mp_doc {
    msgpack_unpacked unpacked;
};

static const msgpack_object *raw(const struct mp_value *v)
{
    return (const msgpack_object *)(const void *)v;
}

static const struct mp_value *wrapped(const msgpack_object *o)
{
    return (const struct mp_value *)(const void *)o;
}

bool mp_open(struct mp_doc **out, const void *data, size_t len, const struct mp_limits *limits, struct err *e)
{
    if (!mp_scan(data, len, limits, e))
        return false;
    AUTO(mp_closep) struct mp_doc *doc = calloc(1, sizeof *doc);
    CHECK(doc);
    msgpack_unpacked_init(&doc->unpacked);
    size_t offset = 0;
    msgpack_unpack_return rc = msgpack_unpack_next(&doc->unpacked, data, len, &offset);
    if (rc != MSGPACK_UNPACK_SUCCESS || offset != len)
        return err_set(e, ERR_CODEC, "MessagePack does not decode (code %d, byte %zu of %zu)", (int)rc, offset, len);
    *out = doc;
    doc = NULL;
    return true;
}

void mp_close(struct mp_doc *doc)
{
    if (!doc)
        return;
    msgpack_unpacked_destroy(&doc->unpacked);
    free(doc);
}

void mp_closep(struct mp_doc **doc)
{
    mp_close(*doc);
    *doc = NULL;
}

const struct mp_value *mp_root(const struct mp_doc *doc)
{
    return wrapped(&doc->unpacked.data);
}

static bool envelope_check(const struct mp_value *root, const char *kind, int version, struct err *e)
{
    struct str found_kind = {"", 0};
    int64_t found_version = 0;
    if (!mp_str(mp_get(root, "kind"), &found_kind) || !mp_int(mp_get(root, "v"), &found_version))
        return err_set(e, ERR_CODEC, "not an envelope of kind %s: \"kind\" or \"v\" is missing", kind);
    if (!str_eq(found_kind, str_of(kind)))
        return err_set(e, ERR_CODEC, "kind is \"%.*s\", not \"%s\"", (int)(found_kind.len < 64 ? found_kind.len : 64),
                       found_kind.ptr, kind);
    if (found_version != version)
        return err_set(e, ERR_INTERNAL, "%s has version %lld, this program reads %d", kind, (long long)found_version,
                       version);
    return true;
}

bool mp_open_envelope(struct mp_doc **out, const void *data, size_t len, const char *kind, int version,
                      const struct mp_limits *limits, struct err *e)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    if (!mp_open(&doc, data, len, limits, e) || !envelope_check(mp_root(doc), kind, version, e))
        return false;
    *out = doc;
    doc = NULL;
    return true;
}

// ---- reading ----

static bool is_type(const struct mp_value *v, msgpack_object_type type)
{
    return v && raw(v)->type == type;
}

bool mp_is_map(const struct mp_value *v)
{
    return is_type(v, MSGPACK_OBJECT_MAP);
}

bool mp_is_array(const struct mp_value *v)
{
    return is_type(v, MSGPACK_OBJECT_ARRAY);
}

bool mp_is_nil(const struct mp_value *v)
{
    return is_type(v, MSGPACK_OBJECT_NIL);
}

size_t mp_size(const struct mp_value *v)
{
    if (mp_is_map(v))
        return raw(v)->via.map.size;
    return mp_is_array(v) ? raw(v)->via.array.size : 0;
}

const struct mp_value *mp_at(const struct mp_value *array, size_t i)
{
    if (!mp_is_array(array) || i >= raw(array)->via.array.size)
        return NULL;
    return wrapped(&raw(array)->via.array.ptr[i]);
}

bool mp_entry(const struct mp_value *map, size_t i, struct str *key, const struct mp_value **value)
{
    if (!mp_is_map(map) || i >= raw(map)->via.map.size)
        return false;
    const msgpack_object_kv *entry = &raw(map)->via.map.ptr[i];
    if (!mp_str(wrapped(&entry->key), key))
        return false;
    *value = wrapped(&entry->val);
    return true;
}

const struct mp_value *mp_get(const struct mp_value *map, const char *key)
{
    struct str wanted = str_of(key), found;
    const struct mp_value *value;
    for (size_t i = 0, n = mp_is_map(map) ? mp_size(map) : 0; i < n; i++)
        if (mp_entry(map, i, &found, &value) && str_eq(found, wanted))
            return value;
    return NULL;
}

bool mp_int(const struct mp_value *v, int64_t *out)
{
    if (is_type(v, MSGPACK_OBJECT_POSITIVE_INTEGER) && raw(v)->via.u64 <= INT64_MAX) {
        *out = (int64_t)raw(v)->via.u64;
        return true;
    }
    if (!is_type(v, MSGPACK_OBJECT_NEGATIVE_INTEGER))
        return false;
    *out = raw(v)->via.i64;
    return true;
}

bool mp_real(const struct mp_value *v, double *out)
{
    if (is_type(v, MSGPACK_OBJECT_FLOAT32) || is_type(v, MSGPACK_OBJECT_FLOAT64))
        *out = raw(v)->via.f64; // msgpack-c widens
    else if (is_type(v, MSGPACK_OBJECT_POSITIVE_INTEGER))
        *out = (double)raw(v)->via.u64;
    else if (is_type(v, MSGPACK_OBJECT_NEGATIVE_INTEGER))
        *out = (double)raw(v)->via.i64;
    else
        return false;
    return true;
}

bool mp_bool(const struct mp_value *v, bool *out)
{
    if (!is_type(v, MSGPACK_OBJECT_BOOLEAN))
        return false;
    *out = raw(v)->via.boolean;
    return true;
}

bool mp_str(const struct mp_value *v, struct str *out)
{
    if (!is_type(v, MSGPACK_OBJECT_STR))
        return false;
    *out = (struct str){raw(v)->via.str.ptr, raw(v)->via.str.size};
    return true;
}

bool mp_bin(const struct mp_value *v, struct str *out)
{
    if (!is_type(v, MSGPACK_OBJECT_BIN))
        return false;
    *out = (struct str){raw(v)->via.bin.ptr, raw(v)->via.bin.size};
    return true;
}

// ---- writing ----

// A buf remembers by itself when it is over; so packing never fails here and buf_ok() tells in the end.
static int put_bytes(void *context, const char *data, size_t len)
{
    buf_put(context, data, len);
    return 0;
}

static msgpack_packer packer_on(struct buf *b)
{
    msgpack_packer p;
    msgpack_packer_init(&p, b, put_bytes);
    return p;
}

void mp_put_map(struct buf *b, size_t entries)
{
    CHECK(entries <= UINT32_MAX);
    msgpack_packer p = packer_on(b);
    (void)msgpack_pack_map(&p, entries);
}

void mp_put_array(struct buf *b, size_t entries)
{
    CHECK(entries <= UINT32_MAX);
    msgpack_packer p = packer_on(b);
    (void)msgpack_pack_array(&p, entries);
}

void mp_put_str(struct buf *b, struct str value)
{
    CHECK(value.len <= UINT32_MAX);
    msgpack_packer p = packer_on(b);
    (void)msgpack_pack_str(&p, value.len);
    (void)msgpack_pack_str_body(&p, value.ptr, value.len);
}

void mp_put_key(struct buf *b, const char *key)
{
    mp_put_str(b, str_of(key));
}

void mp_put_int(struct buf *b, int64_t value)
{
    msgpack_packer p = packer_on(b);
    (void)msgpack_pack_int64(&p, value);
}

void mp_put_real(struct buf *b, double value)
{
    msgpack_packer p = packer_on(b);
    (void)msgpack_pack_double(&p, value);
}

void mp_put_bool(struct buf *b, bool value)
{
    msgpack_packer p = packer_on(b);
    (void)(value ? msgpack_pack_true(&p) : msgpack_pack_false(&p));
}

void mp_put_nil(struct buf *b)
{
    msgpack_packer p = packer_on(b);
    (void)msgpack_pack_nil(&p);
}

void mp_put_bin(struct buf *b, const void *data, size_t len)
{
    CHECK(len <= UINT32_MAX);
    msgpack_packer p = packer_on(b);
    (void)msgpack_pack_bin(&p, len);
    (void)msgpack_pack_bin_body(&p, data, len);
}

void mp_put_envelope(struct buf *b, const char *kind, int version, size_t more_entries)
{
    mp_put_map(b, more_entries + 2);
    mp_put_key(b, "kind");
    mp_put_str(b, str_of(kind));
    mp_put_key(b, "v");
    mp_put_int(b, version);
}
