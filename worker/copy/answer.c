#include "worker/copy/answer.h"

#include <jansson.h>

#include "common/check.h"
#include "worker/copy/answer_objects.h"
#include "worker/copy/unicode.h"

enum { BODY_BYTES_MAX = 256 << 20, TOKENS_MAX = 1 << 30, LOAD_FLAGS = JSON_ALLOW_NUL };

static struct str text_of(const json_t *v)
{
    return json_is_string(v) ? (struct str){json_string_value(v), json_string_length(v)} : STR("");
}

static const json_t *member(const json_t *v, const char *key)
{
    return json_object_get(v, key);
}

// --- the envelope

// jansson refuses the whole where one byte is no UTF-8, as where an answer was cut inside a character.
static void put_repaired(struct buf *out, struct str body)
{
    while (body.len)
        unicode_put(out, unicode_next(&body));
}

// The end of the string that begins at `at`: its quote, or where the text or its last whole escape ends.
static size_t string_end(struct str text, size_t at)
{
    while (at < text.len && text.ptr[at] != '"') {
        size_t len = text.ptr[at] != '\\' ? 1 : at + 1 < text.len && text.ptr[at + 1] == 'u' ? 6 : 2;
        if (at + len > text.len)
            break;
        at += len;
    }
    return at;
}

// Of an envelope that does not parse: the string after "content":, as far as it came.
static json_t *salvage_content(struct str body)
{
    AUTO(buf_fini) struct buf quoted;
    buf_init(&quoted, BODY_BYTES_MAX);
    const char *key = memmem(body.ptr, body.len, "\"content\"", 9);
    if (!key)
        return NULL;
    size_t at = (size_t)(key - body.ptr) + 9;
    while (at < body.len && strchr(" \t\r\n:", body.ptr[at]))
        at++;
    if (at == body.len || body.ptr[at] != '"')
        return NULL;
    at++;
    buf_putc(&quoted, '"');
    buf_put(&quoted, body.ptr + at, string_end(body, at) - at);
    buf_putc(&quoted, '"');
    return json_loadb(quoted.data, quoted.len, LOAD_FLAGS | JSON_DECODE_ANY, NULL);
}

// Content is a string or, at some servers, a list of parts with text in them.
static void put_content(const json_t *content, struct buf *out)
{
    size_t i;
    const json_t *part;
    struct str text = text_of(content);
    buf_put(out, text.ptr, text.len);
    json_array_foreach(content, i, part)
    {
        text = text_of(member(part, "text"));
        buf_put(out, text.ptr, text.len);
    }
}

static int64_t tokens_of(const json_t *usage, const char *key)
{
    const json_t *n = member(usage, key);
    json_int_t value = json_is_integer(n) ? json_integer_value(n) : -1;
    return value >= 0 && value <= TOKENS_MAX ? value : -1;
}

static bool read_envelope(struct str body, struct answer *out, struct buf *content, struct err *e)
{
    json_error_t cause;
    json_auto_t *whole = json_loadb(body.ptr, body.len, LOAD_FLAGS, &cause);
    json_auto_t *salvaged = whole ? NULL : salvage_content(body);
    const json_t *choice = json_array_get(member(whole, "choices"), 0);
    const json_t *message = member(choice, "message"), *usage = member(whole, "usage");
    put_content(salvaged ? salvaged : member(message, "content"), content);
    out->tokens_in = tokens_of(usage, "prompt_tokens");
    out->tokens_out = tokens_of(usage, "completion_tokens");
    out->is_cut = str_eq(text_of(member(choice, "finish_reason")), STR("length"));
    if (!whole && !salvaged)
        return err_set(e, ERR_CODEC, "the model's answer is no JSON: %s (line %d)", cause.text, cause.line);
    if (content->len == 0)
        return err_set(e, ERR_CODEC, "the model's answer has no choices[0].message.content%s",
                       text_of(member(message, "refusal")).len ? ": it refused" : "");
    return true;
}

// --- the bundles in it

static struct str read_text(const json_t *object, const char *key, struct arena *memory, struct copy_text *out)
{
    const json_t *v = member(object, key);
    out->is_malformed |= v && !json_is_string(v) && !json_is_null(v);
    return arena_str(memory, text_of(v));
}

static unsigned read_lines(const json_t *object, const char *key, struct arena *memory, struct str *lines,
                           struct copy_text *out)
{
    const json_t *v = member(object, key), *line;
    size_t i, n = json_array_size(v);
    out->is_malformed |= (v && !json_is_array(v) && !json_is_null(v)) || n > COPY_LINES_MAX;
    json_array_foreach(v, i, line)
    {
        out->is_malformed |= !json_is_string(line);
        if (i < COPY_LINES_MAX)
            lines[i] = arena_str(memory, text_of(line));
    }
    return (unsigned)(n < COPY_LINES_MAX ? n : COPY_LINES_MAX);
}

static const struct copy_text *read_copy(const json_t *object, struct arena *memory)
{
    struct copy_text *c = ARENA_NEW(memory, struct copy_text);
    c->title = read_text(object, "title", memory, c);
    c->description = read_text(object, "description", memory, c);
    c->value_proposition = read_text(object, "value_proposition", memory, c);
    c->n_features = read_lines(object, "features", memory, c->features, c);
    c->n_benefits = read_lines(object, "benefits", memory, c->benefits, c);
    return c;
}

// "b3" of three or more: 2; n: not one that was asked for.
static size_t index_of(struct str id, size_t n)
{
    int64_t number;
    id = str_trim(id);
    if (id.len < 2 || (id.ptr[0] | 0x20) != 'b' || id.ptr[1] < '1' || id.ptr[1] > '9' ||
        !str_to_int((struct str){id.ptr + 1, id.len - 1}, &number) || number > (int64_t)n)
        return n;
    return (size_t)number - 1;
}

struct found {
    struct arena *memory;
    struct answer *out;
    unsigned *times; // that an id came, per brief
};

static void take_object(struct found *f, const json_t *object, struct str key)
{
    const json_t *id = member(object, "id");
    size_t n = f->out->n, at = index_of(id ? text_of(id) : key, n);
    if (!member(object, "title") && !member(object, "description"))
        return; // no copy: the usage in an envelope within the text, say
    if (at == n)
        return; // nobody asked for it
    f->times[at]++;
    if (f->times[at] == 1)
        f->out->copies[at] = read_copy(object, f->memory);
}

static void read_bundles(struct str content, struct found *f)
{
    struct answer_objects objects;
    answer_objects_init(&objects, content);
    while (answer_objects_next(&objects)) {
        json_auto_t *object = json_loadb(objects.object.data, objects.object.len, LOAD_FLAGS, NULL);
        if (object)
            take_object(f, object, objects.key);
    }
    answer_objects_fini(&objects);
}

static void settle(struct found *f)
{
    for (size_t i = 0; i < f->out->n; i++) {
        if (f->times[i] > 1)
            f->out->copies[i] = NULL; // which of them is meant?
        f->out->n_found += f->out->copies[i] != NULL;
    }
}

bool answer_read(struct str body, size_t n, struct arena *memory, struct answer *out, struct err *e)
{
    AUTO(buf_fini) struct buf repaired, content;
    struct answer a = {.n = n};
    buf_init(&repaired, BODY_BYTES_MAX);
    buf_init(&content, BODY_BYTES_MAX);
    if (!str_is_utf8(body)) {
        put_repaired(&repaired, body);
        body = buf_str(&repaired);
    }
    if (!read_envelope(body, &a, &content, e)) {
        out->tokens_in = a.tokens_in;
        out->tokens_out = a.tokens_out;
        out->is_cut = a.is_cut;
        return false;
    }
    a.copies = ARENA_ARRAY(memory, const struct copy_text *, n);
    struct found f = {memory, &a, ARENA_ARRAY(memory, unsigned, n)};
    read_bundles(buf_str(&content), &f);
    settle(&f);
    *out = a;
    return true;
}

// --- errors

static void put_one_line(struct buf *out, struct str text)
{
    while (text.len) {
        uint32_t c = unicode_next(&text);
        if (!unicode_is_invisible(c))
            unicode_put(out, unicode_is_control(c) || unicode_is_space(c) ? ' ' : c);
    }
}

// {"error": {...}} as OpenAI has it, {"error": "..."}, {"message": "..."}, {"detail": "..."} as others.
static void put_error(const json_t *whole, struct buf *out)
{
    static const char *const WHAT[] = {"type", "code", "param"};
    const json_t *error = member(whole, "error"), *from = json_is_object(error) ? error : whole;
    const json_t *message = member(from, "message");
    if (!message)
        message = json_is_string(error) ? error : member(whole, "detail");
    put_one_line(out, text_of(message));
    for (size_t i = 0; i < ARRAY_LEN(WHAT); i++) {
        struct str word = text_of(member(from, WHAT[i]));
        if (word.len) {
            buf_puts(out, out->len ? " " : "");
            put_one_line(out, word);
        }
    }
}

void answer_error(struct str body, char *out, size_t size)
{
    AUTO(buf_fini) struct buf line;
    json_auto_t *whole = json_loadb(body.ptr, body.len, LOAD_FLAGS, NULL);
    buf_init(&line, BODY_BYTES_MAX);
    put_error(whole, &line);
    unicode_copy(buf_str(&line), out, size);
}
