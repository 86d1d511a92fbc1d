#include "worker/ctl/job_message.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/check.h"
#include "worker/stages/job_options.h"

static json_t *text_new(struct str s, struct err *e)
{
    json_t *text = json_stringn(s.ptr, s.len); // NULL: not UTF-8
    if (!text)
        (void)err_set(e, ERR_USAGE, "not UTF-8 text: %.*s", s.len < 64 ? (int)s.len : 64, s.ptr);
    return text;
}

// "a,b" as a list of texts.
static json_t *list_new(const char *value, struct err *e)
{
    json_t *list = json_array();
    CHECK(list);
    for (struct str rest = str_of(value); rest.ptr;) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct str item = {rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len};
        rest = comma ? (struct str){comma + 1, rest.len - item.len - 1} : (struct str){NULL, 0};
        if (str_trim(item).len == 0)
            continue;
        json_t *text = text_new(str_trim(item), e);
        if (!text) {
            json_decref(list);
            return NULL;
        }
        CHECK(json_array_append_new(list, text) == 0);
    }
    return list;
}

// A single value is a number where it reads as one, else a text. Whether it suits its key is the job's reader's
// business.
static json_t *value_new(const char *value, struct err *e)
{
    int64_t integer;
    double real;
    if (str_to_int(str_of(value), &integer))
        return json_integer(integer);
    if (str_to_real(str_of(value), &real))
        return json_real(real);
    return text_new(str_of(value), e);
}

// Lists of one key add up: --option exclude=A --option exclude=B.
static bool add_list(json_t *options, const char *key, enum option_shape shape, const char *value, struct err *e)
{
    json_t *list = list_new(value, e), *known = json_object_get(options, key);
    if (!list)
        return false;
    if (!known)
        CHECK(json_object_set_new(options, key, known = json_array()) == 0);
    if (shape == OPTION_LISTS)
        CHECK(json_array_append(known, list) == 0);
    else
        CHECK(json_array_extend(known, list) == 0);
    json_decref(list);
    return true;
}

static bool add_option(json_t *options, const char *assignment, struct err *e)
{
    const char *equals = strchr(assignment, '=');
    char key[64];
    struct str name = {assignment, equals ? (size_t)(equals - assignment) : 0};
    if (name.len == 0 || name.len >= sizeof key || !str_is_utf8(name))
        return err_set(e, ERR_USAGE, "--option %.100s: must be KEY=VALUE", assignment);
    memcpy(key, name.ptr, name.len);
    key[name.len] = '\0';
    enum option_shape shape = job_option_shape(name);
    if (shape != OPTION_SINGLE)
        return add_list(options, key, shape, equals + 1, e);
    json_t *value = value_new(equals + 1, e);
    if (!value)
        return false;
    CHECK(json_object_set_new(options, key, value) == 0);
    return true;
}

// --objective and --type, each possibly several times, as the list `key`.
static void add_names(json_t *options, const struct args *a, const char *option, const char *key)
{
    const char *name;
    for (unsigned cursor = 0; (name = args_next(a, option, &cursor));) {
        json_t *list = json_object_get(options, key);
        if (!list)
            CHECK(json_object_set_new(options, key, list = json_array()) == 0);
        CHECK(json_array_append_new(list, json_string(name)) == 0);
    }
}

static bool build_options(const struct args *a, json_t *options, struct err *e)
{
    const char *assignment;
    for (unsigned cursor = 0; (assignment = args_next(a, "option", &cursor));)
        if (!add_option(options, assignment, e))
            return false;
    add_names(options, a, "objective", "objectives");
    add_names(options, a, "type", "types");
    return true;
}

static bool dump(const json_t *value, struct buf *out, struct err *e)
{
    char *text = json_dumps(value, JSON_COMPACT);
    CHECK(text);
    buf_puts(out, text);
    free(text);
    return buf_ok(out, "the job", e);
}

bool job_message_options_json(const struct args *a, struct buf *out, struct err *e)
{
    json_auto_t *options = json_object();
    CHECK(options);
    return build_options(a, options, e) && dump(options, out, e);
}

// When it is to be done, where the command has these options; whether the values are right is the reader's business.
static bool add_when(json_t *job, const struct args *a, struct err *e)
{
    static const char *const FIELDS[][2] = {{"priority", "priority"}, {"at", "at"}, {"delay", "delay_s"}};
    for (size_t i = 0; i < ARRAY_LEN(FIELDS); i++) {
        const char *value = args_value(a, FIELDS[i][0]);
        json_t *v = value ? value_new(value, e) : NULL;
        if (value && !v)
            return false;
        if (v)
            CHECK(json_object_set_new(job, FIELDS[i][1], v) == 0);
    }
    return true;
}

bool job_message_build(const struct args *a, const char *shop, const char *upload, bool is_forced, struct buf *out,
                       struct err *e)
{
    if (!str_is_utf8(str_of(shop)) || !str_is_utf8(str_of(upload)))
        return err_set(e, ERR_USAGE, "shop and upload must be UTF-8 text");
    json_auto_t *job = json_pack("{s:s, s:s}", "shop", shop, "upload", upload);
    json_t *options = json_object();
    CHECK(job && options && json_object_set_new(job, "options", options) == 0);
    if (is_forced)
        CHECK(json_object_set_new(job, "force", json_true()) == 0);
    return add_when(job, a, e) && build_options(a, options, e) && dump(job, out, e);
}

bool job_message_options(const struct args *a, struct arena *memory, struct job_request *out, struct err *e)
{
    AUTO(buf_fini) struct buf message;
    struct str payload;
    buf_init(&message, 1 << 20);
    if (!job_message_build(a, "preview", "preview", false, &message, e))
        return false;
    if (!job_payload_of_message(buf_str(&message), message.max_bytes, memory, &payload, e))
        return false;
    return job_request_read(payload, memory, out, e);
}
