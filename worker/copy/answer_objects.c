#include "worker/copy/answer_objects.h"

#include "common/check.h"

void answer_objects_init(struct answer_objects *o, struct str text)
{
    *o = (struct answer_objects){.text = text};
    buf_init(&o->object, ANSWER_OBJECT_MAX);
}

void answer_objects_fini(struct answer_objects *o)
{
    buf_fini(&o->object);
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// A comma before a closing bracket is one too many.
static void drop_comma(struct buf *out)
{
    while (out->len && is_white(out->data[out->len - 1]))
        out->len--;
    if (out->len && out->data[out->len - 1] == ',')
        out->len--;
}

static void open_object(struct answer_objects *o)
{
    o->depth++;
    o->key = o->is_key ? o->word : STR("");
    o->is_open = true;
    o->is_key = false;
    buf_clear(&o->object);
    buf_putc(&o->object, '{');
}

// true: it was an innermost one, and is whole.
static bool close_object(struct answer_objects *o)
{
    bool is_whole = o->is_open;
    o->depth--;
    o->is_open = o->is_key = false;
    drop_comma(&o->object);
    buf_putc(&o->object, '}');
    return is_whole && !o->object.is_over;
}

// From the quote to behind its fellow. Control characters, which JSON forbids there, are written as it has them.
static void take_string(struct answer_objects *o)
{
    size_t first = ++o->at;
    buf_putc(&o->object, '"');
    for (bool is_escaped = false; o->at < o->text.len; o->at++) {
        char c = o->text.ptr[o->at];
        if (c == '"' && !is_escaped)
            break;
        if ((unsigned char)c < 0x20)
            buf_printf(&o->object, "\\u%04x", (unsigned)c);
        else
            buf_putc(&o->object, c);
        is_escaped = c == '\\' && !is_escaped;
    }
    buf_putc(&o->object, '"');
    o->word = (struct str){o->text.ptr + first, o->at - first};
    o->is_key = false;
    o->at++;
}

// true: one stood there, and is behind us.
static bool skip_comment(struct answer_objects *o)
{
    struct str rest = {o->text.ptr + o->at, o->text.len - o->at};
    if (rest.len < 2 || rest.ptr[0] != '/' || (rest.ptr[1] != '/' && rest.ptr[1] != '*'))
        return false;
    bool is_line = rest.ptr[1] == '/';
    const char *end = is_line ? memchr(rest.ptr, '\n', rest.len) : memmem(rest.ptr + 2, rest.len - 2, "*/", 2);
    o->at = end ? (size_t)(end - o->text.ptr) + (is_line ? 1 : 2) : o->text.len;
    return true;
}

// One character outside strings; true: an object ends with it.
static bool take_plain(struct answer_objects *o)
{
    char c = o->text.ptr[o->at++];
    if (c == '{')
        open_object(o);
    else if (c == '}')
        return close_object(o);
    else {
        if (c == ']')
            drop_comma(&o->object);
        if (!is_white(c))
            o->is_key = c == ':';
        buf_putc(&o->object, c);
    }
    return false;
}

bool answer_objects_next(struct answer_objects *o)
{
    while (o->at < o->text.len) {
        if (o->depth == 0 && o->text.ptr[o->at] != '{') // words around it, whose quotes need not come in twos
            o->at++;
        else if (o->text.ptr[o->at] == '"')
            take_string(o);
        else if (!skip_comment(o) && take_plain(o))
            return true;
    }
    return false;
}
