#include "tests/support/chat/api.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"

// ---- requests ----

static bool is_text(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) > 0;
}

static bool is_named(const json_t *names, const char *name)
{
    size_t i;
    json_t *other;
    json_array_foreach(names, i, other)
    {
        if (json_is_string(other) && strcmp(json_string_value(other), name) == 0)
            return true;
    }
    return false;
}

// "strict" wants each object closed, and all that it has required.
static bool is_strict_schema(json_t *schema, struct err *e)
{
    json_t *properties = json_object_get(schema, "properties"), *items = json_object_get(schema, "items"), *property;
    const char *name;
    if (!json_is_object(schema))
        return err_set(e, ERR_INPUT, "Invalid schema: every schema is an object.");
    if (properties && !json_is_false(json_object_get(schema, "additionalProperties")))
        return err_set(e, ERR_INPUT, "Invalid schema: 'additionalProperties' is required to be false.");
    json_object_foreach(properties, name, property)
    {
        if (!is_named(json_object_get(schema, "required"), name))
            return err_set(e, ERR_INPUT, "Invalid schema: 'required' must hold '%s'.", name);
        if (!is_strict_schema(property, e))
            return false;
    }
    return !items || is_strict_schema(items, e);
}

static bool check_schema(const json_t *format, struct err *e)
{
    const json_t *described = json_object_get(format, "json_schema");
    const char *name = json_string_value(json_object_get(described, "name"));
    if (!name || !*name ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(name))
        return err_set(e, ERR_INPUT, "Missing or invalid parameter: 'response_format.json_schema.name'.");
    json_t *schema = json_object_get(described, "schema");
    if (json_is_true(json_object_get(described, "strict")))
        return is_strict_schema(schema, e);
    return json_is_object(schema) || err_set(e, ERR_INPUT, "Missing parameter: 'response_format.json_schema.schema'.");
}

static bool mentions_json(const json_t *messages)
{
    size_t i;
    json_t *message;
    json_array_foreach(messages, i, message)
    {
        if (strcasestr(json_string_value(json_object_get(message, "content")), "json"))
            return true;
    }
    return false;
}

static bool check_format(const json_t *body, enum api_structured knows, const json_t *messages, struct err *e)
{
    const json_t *format = json_object_get(body, "response_format");
    if (!format)
        return true;
    const char *type = json_string_value(json_object_get(format, "type"));
    if (knows == API_NONE)
        return err_set(e, ERR_INPUT, "Unrecognized request argument supplied: response_format");
    if (type && strcmp(type, "text") == 0)
        return true;
    if (type && strcmp(type, "json_object") == 0)
        return mentions_json(messages) ||
               err_set(e, ERR_INPUT,
                       "'messages' must contain the word 'json' to use 'response_format' of type "
                       "'json_object'.");
    if (type && strcmp(type, "json_schema") == 0 && knows == API_SCHEMA)
        return check_schema(format, e);
    return err_set(e, ERR_INPUT, "Invalid parameter: 'response_format' of type '%s' is not supported with this model.",
                   type ? type : "");
}

static bool check_messages(const json_t *messages, struct err *e)
{
    size_t i;
    json_t *message;
    if (!json_is_array(messages) || json_array_size(messages) == 0)
        return err_set(e, ERR_INPUT, "Missing required parameter: 'messages'.");
    json_array_foreach(messages, i, message)
    {
        const char *role = json_string_value(json_object_get(message, "role"));
        if (!role || (strcmp(role, "system") != 0 && strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0))
            return err_set(e, ERR_INPUT, "Invalid value: 'messages[%zu].role'.", i);
        if (!is_text(json_object_get(message, "content")))
            return err_set(e, ERR_INPUT, "Invalid value: 'messages[%zu].content'.", i);
    }
    return true;
}

static bool read_max_tokens(const json_t *body, int64_t *out, struct err *e)
{
    const json_t *max = json_object_get(body, "max_completion_tokens");
    if (!max)
        max = json_object_get(body, "max_tokens");
    *out = max ? json_integer_value(max) : INT64_MAX;
    return *out > 0 || err_set(e, ERR_INPUT, "Invalid value: 'max_tokens' is an integer of 1 or more.");
}

static bool check_dialect(const json_t *body, const struct api_dialect *d, struct err *e)
{
    const json_t *temperature = json_object_get(body, "temperature");
    if (d->refuses_max_tokens && json_object_get(body, "max_tokens"))
        return err_set(e, ERR_INPUT,
                       "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                       "'max_completion_tokens' instead.");
    if (d->refuses_temperature && temperature && json_number_value(temperature) != 1)
        return err_set(e, ERR_INPUT,
                       "Unsupported value: 'temperature' does not support %g with this model. Only the default (1) "
                       "value is supported.",
                       json_number_value(temperature));
    return true;
}

bool api_read(const json_t *body, const struct api_dialect *d, struct api_request *out, struct err *e)
{
    if (!json_is_object(body))
        return err_set(e, ERR_INPUT, "We could not parse the JSON body of your request.");
    out->messages = json_object_get(body, "messages");
    out->model = json_string_value(json_object_get(body, "model"));
    if (!out->model || !*out->model)
        return err_set(e, ERR_INPUT, "you must provide a model parameter");
    if (!check_messages(out->messages, e) || !check_format(body, d->knows, out->messages, e) ||
        !check_dialect(body, d, e) || !read_max_tokens(body, &out->max_tokens, e))
        return false;
    const json_t *last = json_array_get(out->messages, json_array_size(out->messages) - 1);
    out->content = json_string_value(json_object_get(last, "content"));
    return true;
}

// ---- answers ----

int64_t api_tokens(const char *text)
{
    return text ? ((int64_t)strlen(text) + 3) / 4 : 0;
}

struct api_usage api_usage(const struct api_request *r, const char *content)
{
    struct api_usage u = {.tokens_in = 3, .tokens_out = api_tokens(content)};
    size_t i;
    json_t *message;
    json_array_foreach(r->messages, i, message) u.tokens_in +=
        4 + api_tokens(json_string_value(json_object_get(message, "content")));
    if (u.tokens_out > r->max_tokens)
        u.tokens_out = r->max_tokens;
    return u;
}

static char *written(json_t *take_value)
{
    char *out = json_dumps(take_value, JSON_COMPACT);
    CHECK(out);
    json_decref(take_value);
    return out;
}

// As much of it as that many tokens are, whole characters.
static json_t *content_of(const char *content, int64_t tokens)
{
    if (!content)
        return json_null();
    size_t len = strlen(content);
    if (tokens < api_tokens(content))
        len = (size_t)tokens * 4;
    while (len > 0 && ((unsigned char)content[len] & 0xc0) == 0x80)
        len--;
    return json_stringn(content, len);
}

char *api_completion(const struct api_request *r, const char *content, bool is_cut, const struct api_usage *usage)
{
    is_cut = is_cut || usage->tokens_out < api_tokens(content);
    return written(json_pack(
        "{s:s, s:s, s:I, s:s, s:[{s:i, s:{s:s, s:o}, s:s}], s:{s:I, s:I, s:I}}", "id", "chatcmpl-test", "object",
        "chat.completion", "created", (json_int_t)1, "model", r->model, "choices", "index", 0, "message", "role",
        "assistant", "content", content_of(content, usage->tokens_out), "finish_reason", is_cut ? "length" : "stop",
        "usage", "prompt_tokens", (json_int_t)usage->tokens_in, "completion_tokens", (json_int_t)usage->tokens_out,
        "total_tokens", (json_int_t)usage->tokens_in + (json_int_t)usage->tokens_out));
}

char *api_error(const char *message, const char *type, const char *code)
{
    return written(
        json_pack("{s:{s:s, s:s, s:n, s:s}}", "error", "message", message, "type", type, "param", "code", code));
}

char *api_models(void)
{
    return written(json_pack("{s:s, s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}]}", "object", "list", "data", "id",
                             "gpt-4o-mini", "object", "model", "owned_by", "test", "id", "test-model", "object",
                             "model", "owned_by", "test"));
}
