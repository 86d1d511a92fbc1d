#include "tests/model/normal_form.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"

// Times are whatever lies this near to the model's clock; no other number of the model does.
static const int64_t WINDOW_MS = INT64_C(10000000000);
static const int64_t TTL_MS = 1000000; // any TTL that is longer than all that the model waits for
static const int64_t TTL_EXACT_MS = 2000;
enum { TOKENS_MAX = 64, TOKEN_FIRST = 8000, TOKEN_STEP = 8, TEXT_MAX = 8192 };

struct normal_form {
    struct mini_redis *m;
    char key[80];
    int64_t stale_ms;            // a sweep longer ago than this is one long ago
    int64_t shift_ms;            // the clock is this far ahead
    uint32_t tokens[TOKENS_MAX]; // numbers of those in use, sorted
    size_t n_tokens;
    unsigned char *traits; // by text: has it a time, has it a token; 0: not known yet
    size_t n_traits;
};
enum { TRAIT_KNOWN = 1, TRAIT_TIME = 2, TRAIT_TOKEN = 4 };

struct normal_form *normal_form_create(struct mini_redis *m, const char *queue_key, int64_t lease_ms)
{
    struct normal_form *f = calloc(1, sizeof *f);
    CHECK(f);
    f->m = m;
    f->stale_ms = lease_ms * 3 / 10;
    (void)snprintf(f->key, sizeof f->key, "%s", queue_key);
    return f;
}

void normal_form_destroy(struct normal_form *f)
{
    free(f->traits);
    free(f);
}

// ---- numbers in texts ----

static bool is_time(int64_t n)
{
    return n > NORMAL_NOW_MS - WINDOW_MS && n < NORMAL_NOW_MS + WINDOW_MS;
}

// The number that begins at text[*at], and where it ends.
static int64_t number_at(struct str text, size_t at, size_t *end)
{
    int64_t n = 0;
    size_t i = at;
    for (; i < text.len && isdigit((unsigned char)text.ptr[i]) && i - at < 16; i++)
        n = n * 10 + (text.ptr[i] - '0');
    *end = i;
    return n;
}

// A token is "<number>.<time>-W<digit>".
static bool is_token(struct str text, size_t end_of_number)
{
    size_t end;
    if (end_of_number >= text.len || text.ptr[end_of_number] != '.')
        return false;
    int64_t time = number_at(text, end_of_number + 1, &end);
    return is_time(time) && end + 1 < text.len && text.ptr[end] == '-' && text.ptr[end + 1] == 'W';
}

static unsigned traits_of(struct normal_form *f, uint32_t id)
{
    if (id >= f->n_traits) {
        size_t n = (size_t)id * 2 + 1024;
        f->traits = realloc(f->traits, n);
        CHECK(f->traits);
        memset(f->traits + f->n_traits, 0, n - f->n_traits);
        f->n_traits = n;
    }
    if (f->traits[id])
        return f->traits[id];
    unsigned traits = TRAIT_KNOWN;
    struct str text = mini_redis_text(f->m, id);
    for (size_t i = 0, end; i < text.len; i = end) {
        end = i + 1;
        if (!isdigit((unsigned char)text.ptr[i]))
            continue;
        if (is_time(number_at(text, i, &end)))
            traits |= TRAIT_TIME;
        if (is_token(text, end))
            traits |= TRAIT_TOKEN;
    }
    f->traits[id] = (unsigned char)traits;
    return traits;
}

// ---- tokens ----

static void note_token(struct normal_form *f, uint32_t number)
{
    size_t at = 0;
    while (at < f->n_tokens && f->tokens[at] < number)
        at++;
    if (at < f->n_tokens && f->tokens[at] == number)
        return;
    CHECK(f->n_tokens < TOKENS_MAX);
    memmove(&f->tokens[at + 1], &f->tokens[at], (f->n_tokens - at) * sizeof *f->tokens);
    f->tokens[at] = number;
    f->n_tokens++;
}

static void note_tokens(struct normal_form *f, uint32_t id)
{
    if (!(traits_of(f, id) & TRAIT_TOKEN))
        return;
    struct str text = mini_redis_text(f->m, id);
    for (size_t i = 0, end; i < text.len; i = end) {
        end = i + 1;
        if (!isdigit((unsigned char)text.ptr[i]))
            continue;
        int64_t number = number_at(text, i, &end);
        if (is_token(text, end))
            note_token(f, (uint32_t)number);
    }
}

static int64_t token_number(const struct normal_form *f, int64_t number)
{
    size_t at = 0;
    while (at < f->n_tokens && f->tokens[at] != number)
        at++;
    CHECK(at < f->n_tokens);
    return TOKEN_FIRST + 1 + TOKEN_STEP * (int64_t)at;
}

static void find_tokens(struct normal_form *f)
{
    f->n_tokens = 0;
    for (size_t i = 0; i < mini_redis_keys(f->m); i++) {
        struct mini_view v = mini_redis_view(f->m, i);
        for (size_t k = 0; k < v.n; k++) {
            note_tokens(f, v.items[k].a);
            if (v.type == MINI_HASH)
                note_tokens(f, v.items[k].b);
        }
    }
}

// ---- the edit ----

static int64_t new_time(const struct normal_form *f, int64_t time)
{
    int64_t shifted = time - f->shift_ms;
    return shifted < NORMAL_NOW_MS ? NORMAL_NOW_MS : shifted; // past is past
}

static uint32_t edit_text(void *context, uint32_t id)
{
    struct normal_form *f = context;
    if (!(traits_of(f, id) & (TRAIT_TIME | TRAIT_TOKEN)))
        return id;
    struct str text = mini_redis_text(f->m, id);
    char out[TEXT_MAX];
    size_t len = 0;
    for (size_t i = 0, end; i < text.len; i = end) {
        end = i + 1;
        if (!isdigit((unsigned char)text.ptr[i])) {
            out[len++] = text.ptr[i];
            continue;
        }
        int64_t number = number_at(text, i, &end);
        if (is_token(text, end))
            number = token_number(f, number);
        else if (is_time(number))
            number = new_time(f, number);
        len += (size_t)snprintf(out + len, sizeof out - len, "%lld", (long long)number);
        CHECK(len + 1 < sizeof out);
    }
    return mini_redis_text_id(f->m, (struct str){out, len});
}

static bool ends_with(struct str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && memcmp(s.ptr + s.len - n, suffix, n) == 0;
}

static bool starts_with(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

static bool is_field(const struct normal_form *f, const struct mini_item *item, const char *name)
{
    return str_eq(mini_redis_text(f->m, item->a), str_of(name));
}

static void set_field(struct normal_form *f, struct mini_item *items, size_t n, const char *name, const char *value)
{
    for (size_t i = 0; i < n; i++)
        if (is_field(f, &items[i], name))
            items[i].b = mini_redis_text_id(f->m, str_of(value));
}

// "state|attempts|crashes|til|begun|token": of a task that nobody holds, nobody asks until when it was held.
static uint32_t edit_record(struct normal_form *f, uint32_t id)
{
    struct str text = mini_redis_text(f->m, id);
    char out[256];
    size_t bars = 0, at = 0, tried = 0;
    if (text.len == 0 || text.ptr[0] == 'l')
        return id;
    for (; bars < 5; at++) {
        CHECK(at < text.len);
        bars += text.ptr[at] == '|';
        tried = bars < 3 ? at + 1 : tried; // up to the third bar
    }
    int n = snprintf(out, sizeof out, "%.*s|0|0|%.*s", (int)tried, text.ptr, (int)(text.len - at), text.ptr + at);
    return mini_redis_text_id(f->m, (struct str){out, (size_t)n});
}

static size_t edit_tasks(struct normal_form *f, struct mini_item *items, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct str field = mini_redis_text(f->m, items[i].a);
        if (starts_with(field, "error:") || starts_with(field, "ms:"))
            continue;
        items[kept] = items[i];
        if (!memchr(field.ptr, ':', field.len))
            items[kept].b = edit_record(f, items[i].b);
        kept++;
    }
    return kept;
}

// What is past stays in its order, and close to now.
static void edit_scores(const struct normal_form *f, struct mini_item *items, size_t n)
{
    double shift = (double)f->shift_ms, now = (double)NORMAL_NOW_MS;
    size_t n_past = 0, rank = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_time((int64_t)items[i].score))
            items[i].score -= shift;
        n_past += items[i].score < now && (i == 0 || items[i].score != items[i - 1].score);
    }
    for (size_t i = 0; i < n && items[i].score < now; i++) { // items are in the order of their scores
        double was = items[i].score;
        bool is_next_same = i + 1 < n && items[i + 1].score == was;
        items[i].score = now - (double)(n_past - rank);
        rank += !is_next_same;
    }
}

static void set_scores(struct mini_item *items, size_t n, int64_t score)
{
    for (size_t i = 0; i < n; i++)
        items[i].score = (double)score;
}

static void edit_swept(struct normal_form *f, const struct mini_view *before, struct mini_item *item)
{
    int64_t swept = 0;
    (void)str_to_int(mini_redis_text(f->m, before->items[0].a), &swept);
    bool is_stale = NORMAL_NOW_MS + f->shift_ms - swept > f->stale_ms;
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)(NORMAL_NOW_MS - (is_stale ? f->stale_ms + 1 : 0)));
    item->a = mini_redis_text_id(f->m, str_of(text));
}

static size_t edit_key(void *context, const struct mini_view *before, struct mini_item *items, int64_t *expires_ms)
{
    struct normal_form *f = context;
    size_t n = before->n;
    if (*expires_ms != MINI_FOREVER)
        *expires_ms -= f->shift_ms;
    if (*expires_ms != MINI_FOREVER && *expires_ms > NORMAL_NOW_MS + TTL_EXACT_MS)
        *expires_ms = NORMAL_NOW_MS + TTL_MS;
    if (before->type == MINI_ZSET)
        edit_scores(f, items, n);
    if (!starts_with(before->key, f->key))
        return n;
    struct str name = {before->key.ptr + strlen(f->key) + 1, before->key.len - strlen(f->key) - 1};
    if (before->type == MINI_STREAM)
        return 0; // what was said was checked
    if (str_eq(name, STR("swept")))
        edit_swept(f, before, items);
    else if (str_eq(name, STR("workers")))
        set_scores(items, n, NORMAL_NOW_MS + TTL_MS);
    else if (str_eq(name, STR("kept")))
        set_scores(items, n, NORMAL_NOW_MS);
    else if (str_eq(name, STR("ended")))
        for (size_t i = 0; i < n; i++)
            items[i].score = (double)(NORMAL_NOW_MS + (items[i].score > (double)NORMAL_NOW_MS ? TTL_EXACT_MS : 0));
    else if (starts_with(name, "progress:")) {
        set_field(f, items, n, "seq", NORMAL_SEQ);
        set_field(f, items, n, "event", "");
    } else if (starts_with(name, "job:") && ends_with(name, ":tasks"))
        return edit_tasks(f, items, n);
    else if (starts_with(name, "job:") && before->type == MINI_HASH)
        set_field(f, items, n, "seq", NORMAL_SEQ);
    return n;
}

static void do_words(struct normal_form *f, const char *name, const char *key, const char *value)
{
    AUTO(buf_fini) struct buf reply;
    char full[160];
    buf_init(&reply, 1 << 16);
    (void)snprintf(full, sizeof full, "%s:%s", f->key, key);
    const struct str words[] = {str_of(name), str_of(full), str_of(value)};
    CHECK(mini_redis_do(f->m, value ? 3 : 2, words, &reply));
}

void normal_form_apply(struct normal_form *f)
{
    const struct mini_edit edit = {.text = edit_text, .key = edit_key, .context = f};
    char fence[24];
    f->shift_ms = mini_redis_clock(f->m) - NORMAL_NOW_MS;
    do_words(f, "DEL", "stats", NULL);
    find_tokens(f);
    mini_redis_edit(f->m, &edit);
    mini_redis_set_clock(f->m, NORMAL_NOW_MS);
    (void)snprintf(fence, sizeof fence, "%d", TOKEN_FIRST + TOKEN_STEP * (int)f->n_tokens);
    do_words(f, "SET", "fence", fence);
    mini_redis_forget_published(f->m);
}
