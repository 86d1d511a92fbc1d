#include "tests/model/mini_redis.h"

#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>
#include <xxhash.h>

#include "tests/model/mini_internal.h"

struct mini_redis *mini_redis_create(void)
{
    struct mini_redis *m = calloc(1, sizeof *m);
    CHECK(m);
    arena_init(&m->memory, 0);
    intern_init(&m->texts, &m->memory);
    m->entry_slots_mask = (1u << 12) - 1;
    m->entry_slots = calloc(m->entry_slots_mask + 1u, sizeof *m->entry_slots);
    m->reader = redisReaderCreate();
    CHECK(m->entry_slots && m->reader);
    m->lua = mini_lua_create(m);
    (void)intern_add(&m->texts, STR("")); // text 0: what items have that have no second text
    mini_redis_symmetries(m, 0, 0);
    return m;
}

void mini_redis_destroy(struct mini_redis *m)
{
    mini_redis_clear(m);
    mini_lua_destroy(m->lua);
    redisReaderFree(m->reader);
    free(m->keys);
    free(m->entries);
    free(m->entry_slots);
    free(m->text_hashes);
    free(m->published);
    intern_fini(&m->texts);
    arena_fini(&m->memory);
    free(m);
}

static void key_release(struct mini_key *k)
{
    if (k->capacity)
        free(k->items);
}

void mini_redis_clear(struct mini_redis *m)
{
    for (size_t i = 0; i < m->n_keys; i++)
        key_release(&m->keys[i]);
    m->n_keys = 0;
}

void mini_redis_set_clock(struct mini_redis *m, int64_t now_ms)
{
    m->now_ms = now_ms;
}

int64_t mini_redis_clock(const struct mini_redis *m)
{
    return m->now_ms;
}

// ---- keys ----

static size_t key_place(const struct mini_redis *m, uint32_t name)
{
    size_t low = 0, high = m->n_keys;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (m->keys[middle].name < name)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct mini_key *mini_key_find(struct mini_redis *m, struct str name)
{
    uint32_t id = intern_add(&m->texts, name);
    size_t at = key_place(m, id);
    if (at == m->n_keys || m->keys[at].name != id)
        return NULL;
    if (m->keys[at].expires_ms > m->now_ms)
        return &m->keys[at];
    mini_key_delete(m, &m->keys[at]);
    return NULL;
}

struct mini_key *mini_key_make(struct mini_redis *m, struct str name, enum mini_type type)
{
    struct mini_key *found = mini_key_find(m, name);
    if (found)
        return found;
    if (m->n_keys == m->keys_capacity) {
        m->keys_capacity = m->keys_capacity ? m->keys_capacity * 2 : 64;
        m->keys = realloc(m->keys, m->keys_capacity * sizeof *m->keys);
        CHECK(m->keys);
    }
    uint32_t id = intern_add(&m->texts, name);
    size_t at = key_place(m, id);
    memmove(&m->keys[at + 1], &m->keys[at], (m->n_keys - at) * sizeof *m->keys);
    m->n_keys++;
    m->keys[at] = (struct mini_key){.name = id, .type = type, .expires_ms = MINI_FOREVER, .entry = MINI_CHANGED};
    return &m->keys[at];
}

void mini_key_delete(struct mini_redis *m, struct mini_key *k)
{
    size_t at = (size_t)(k - m->keys);
    key_release(k);
    memmove(k, k + 1, (m->n_keys - at - 1) * sizeof *k);
    m->n_keys--;
}

struct mini_item *mini_key_change(struct mini_key *k, uint32_t room)
{
    uint32_t wanted = k->n + room;
    k->entry = MINI_CHANGED;
    if (k->capacity < wanted || k->capacity == 0) {
        uint32_t capacity = wanted < 8 ? 8 : wanted + wanted / 2;
        struct mini_item *items = malloc(capacity * sizeof *items);
        CHECK(items);
        if (k->n)
            memcpy(items, k->items, k->n * sizeof *items);
        key_release(k);
        k->items = items;
        k->capacity = capacity;
    }
    return k->items;
}

void mini_key_insert(struct mini_key *k, uint32_t at, struct mini_item item)
{
    struct mini_item *items = mini_key_change(k, 1);
    memmove(&items[at + 1], &items[at], (k->n - at) * sizeof *items);
    items[at] = item;
    k->n++;
}

void mini_key_remove(struct mini_key *k, uint32_t at, uint32_t n)
{
    struct mini_item *items = mini_key_change(k, 0);
    memmove(&items[at], &items[at + n], (k->n - at - n) * sizeof *items);
    k->n -= n;
}

// ---- pub/sub ----

void mini_publish(struct mini_redis *m, struct str channel, struct str text)
{
    if (m->n_published == m->published_capacity) {
        m->published_capacity = m->published_capacity ? m->published_capacity * 2 : 16;
        m->published = realloc(m->published, m->published_capacity * sizeof *m->published);
        CHECK(m->published);
    }
    m->published[m->n_published].channel = intern_add(&m->texts, channel);
    m->published[m->n_published++].text = intern_add(&m->texts, text);
}

size_t mini_redis_published(const struct mini_redis *m)
{
    return m->n_published;
}

struct mini_message mini_redis_message(const struct mini_redis *m, size_t i)
{
    CHECK(i < m->n_published);
    return (struct mini_message){intern_text(&m->texts, m->published[i].channel),
                                 intern_text(&m->texts, m->published[i].text)};
}

void mini_redis_forget_published(struct mini_redis *m)
{
    m->n_published = 0;
}

// ---- calls ----

void mini_put_bulk(struct buf *out, struct str text)
{
    buf_printf(out, "$%zu\r\n", text.len);
    buf_put(out, text.ptr, text.len);
    buf_put(out, "\r\n", 2);
}

void mini_put_int(struct buf *out, int64_t n)
{
    buf_printf(out, ":%lld\r\n", (long long)n);
}

void mini_put_array(struct buf *out, size_t n)
{
    buf_printf(out, "*%zu\r\n", n);
}

void mini_put_nil(struct buf *out)
{
    buf_puts(out, "$-1\r\n");
}

// The words of a command as redis_cmd keeps them: RESP bulk strings one after the other.
static size_t read_words(const struct redis_cmd *c, struct str *words, size_t max)
{
    const char *at = c->args.data, *end = at + c->args.len;
    size_t n = 0;
    while (at < end) {
        char *text;
        CHECK(*at == '$' && n < max);
        size_t len = strtoull(at + 1, &text, 10);
        words[n++] = (struct str){text + 2, len};
        at = text + 2 + len + 2;
    }
    return n;
}

static struct redis_reply *read_reply(struct mini_redis *m, struct str bytes)
{
    void *reply = NULL;
    CHECK(redisReaderFeed(m->reader, bytes.ptr, bytes.len) == REDIS_OK);
    CHECK(redisReaderGetReply(m->reader, &reply) == REDIS_OK && reply);
    return reply;
}

struct redis_reply *mini_redis_call(struct mini_redis *m, const struct redis_cmd *c)
{
    enum { WORDS_MAX = 512 };
    struct str words[WORDS_MAX];
    AUTO(buf_fini) struct buf out;
    size_t n = read_words(c, words, WORDS_MAX);
    buf_init(&out, 64 << 20);
    if (c->script) {
        struct err e;
        if (!mini_lua_knows(m->lua, c->script->name) && !mini_lua_load(m->lua, c->script->name, c->script->body, &e))
            buf_printf(&out, "-ERR %s\r\n", e.message);
        else
            mini_lua_run(m->lua, c->script->name, n - 1, words + 1, &out); // behind the number of keys
    } else {
        (void)mini_redis_do(m, n, words, &out);
    }
    return read_reply(m, buf_str(&out));
}

bool mini_redis_load(struct mini_redis *m, const char *script, const char *body, struct err *e)
{
    return mini_lua_load(m->lua, script, body, e);
}

// ---- looking in ----

static struct mini_view view_of(const struct mini_redis *m, const struct mini_key *k)
{
    return (struct mini_view){.key = intern_text(&m->texts, k->name),
                              .type = k->type,
                              .items = k->items,
                              .n = k->n,
                              .expires_ms = k->expires_ms};
}

size_t mini_redis_keys(const struct mini_redis *m)
{
    return m->n_keys;
}

struct mini_view mini_redis_view(const struct mini_redis *m, size_t i)
{
    CHECK(i < m->n_keys);
    return view_of(m, &m->keys[i]);
}

bool mini_redis_find(const struct mini_redis *m, struct str key, struct mini_view *out)
{
    int64_t id = intern_find(&m->texts, key);
    if (id == INTERN_NONE)
        return false;
    size_t at = key_place(m, (uint32_t)id);
    if (at == m->n_keys || m->keys[at].name != id || m->keys[at].expires_ms <= m->now_ms)
        return false;
    *out = view_of(m, &m->keys[at]);
    return true;
}

struct str mini_redis_text(const struct mini_redis *m, uint32_t id)
{
    return intern_text(&m->texts, id);
}

static const struct mini_item *item_of(const struct mini_redis *m, const struct mini_view *v, struct str a)
{
    int64_t id = intern_find(&m->texts, a);
    for (size_t i = 0; i < v->n && id != INTERN_NONE; i++)
        if (v->items[i].a == id)
            return &v->items[i];
    return NULL;
}

bool mini_view_field(const struct mini_redis *m, const struct mini_view *hash, struct str field, struct str *out)
{
    const struct mini_item *item = item_of(m, hash, field);
    if (item)
        *out = intern_text(&m->texts, item->b);
    return item != NULL;
}

bool mini_view_score(const struct mini_redis *m, const struct mini_view *zset, struct str member, double *out)
{
    const struct mini_item *item = item_of(m, zset, member);
    if (item)
        *out = item->score;
    return item != NULL;
}

bool mini_view_has(const struct mini_redis *m, const struct mini_view *v, struct str element)
{
    return item_of(m, v, element) != NULL;
}

// ---- editing ----

uint32_t mini_redis_text_id(struct mini_redis *m, struct str text)
{
    return intern_add(&m->texts, text);
}

static int by_id(const void *a, const void *b)
{
    const struct mini_item *x = a, *y = b;
    return (x->a > y->a) - (x->a < y->a);
}

static const struct mini_redis *sorting; // qsort has no context

static int by_score(const void *a, const void *b)
{
    const struct mini_item *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    return str_cmp(intern_text(&sorting->texts, x->a), intern_text(&sorting->texts, y->a));
}

static void sort_items(const struct mini_redis *m, enum mini_type type, struct mini_item *items, size_t n)
{
    sorting = m;
    if (type == MINI_SET || type == MINI_HASH)
        qsort(items, n, sizeof *items, by_id);
    else if (type == MINI_ZSET)
        qsort(items, n, sizeof *items, by_score);
}

static void edit_key(struct mini_redis *m, struct mini_key *k, const struct mini_edit *edit)
{
    enum { ITEMS_MAX = 256 };
    struct mini_item items[ITEMS_MAX];
    int64_t expires_ms = k->expires_ms;
    struct mini_view before = view_of(m, k);
    CHECK(k->n <= ITEMS_MAX);
    for (uint32_t i = 0; i < k->n; i++) {
        items[i] = k->items[i];
        items[i].a = edit->text(edit->context, items[i].a);
        if (k->type == MINI_HASH || k->type == MINI_STREAM)
            items[i].b = edit->text(edit->context, items[i].b);
    }
    uint32_t n = (uint32_t)edit->key(edit->context, &before, items, &expires_ms);
    bool is_forgetful = k->type == MINI_STREAM && n == 0 && k->stream_ms != 0;
    if (n == k->n && expires_ms == k->expires_ms && !is_forgetful && memcmp(items, k->items, n * sizeof *items) == 0)
        return;
    sort_items(m, k->type, items, n);
    memcpy(mini_key_change(k, 0), items, n * sizeof *items);
    k->n = n;
    k->expires_ms = expires_ms;
    if (is_forgetful)
        k->stream_ms = k->stream_seq = 0;
}

void mini_redis_edit(struct mini_redis *m, const struct mini_edit *edit)
{
    for (size_t i = 0; i < m->n_keys; i++)
        edit_key(m, &m->keys[i], edit);
}

// ---- snapshots ----

static uint64_t entry_digest(const struct mini_entry *e)
{
    const int64_t head[] = {e->name, e->type, e->n, e->expires_ms, e->stream_ms, e->stream_seq};
    return XXH3_64bits_withSeed(e->items, e->n * sizeof *e->items, XXH3_64bits(head, sizeof head));
}

static bool entry_is(const struct mini_entry *a, const struct mini_entry *b)
{
    return a->name == b->name && a->type == b->type && a->n == b->n && a->expires_ms == b->expires_ms &&
           a->stream_ms == b->stream_ms && a->stream_seq == b->stream_seq &&
           (a->n == 0 || memcmp(a->items, b->items, a->n * sizeof *a->items) == 0);
}

static uint32_t *entry_slot(const struct mini_redis *m, const struct mini_entry *e)
{
    uint32_t at = (uint32_t)entry_digest(e) & m->entry_slots_mask;
    while (m->entry_slots[at] && !entry_is(&m->entries[m->entry_slots[at] - 1], e))
        at = (at + 1) & m->entry_slots_mask;
    return &m->entry_slots[at];
}

static void grow_entry_slots(struct mini_redis *m)
{
    m->entry_slots_mask = m->entry_slots_mask * 2 + 1;
    free(m->entry_slots);
    m->entry_slots = calloc(m->entry_slots_mask + 1u, sizeof *m->entry_slots);
    CHECK(m->entry_slots);
    for (uint32_t i = 0; i < m->n_entries; i++)
        *entry_slot(m, &m->entries[i]) = i + 1;
}

// ---- symmetry ----

static struct mini_hash mix(struct mini_hash h, uint64_t with)
{
    XXH128_hash_t x = XXH3_128bits_withSeed(&h, sizeof h, with);
    return (struct mini_hash){x.low64, x.high64};
}

static struct mini_hash add(struct mini_hash a, struct mini_hash b)
{
    return (struct mini_hash){a.low + b.low, a.high + b.high};
}

static struct mini_hash hash_permuted(struct str text, const struct mini_permutation *p)
{
    char copy[8192];
    CHECK(text.len < sizeof copy);
    memcpy(copy, text.ptr, text.len);
    for (size_t i = 0; i + 1 < text.len; i++) {
        bool is_digit = copy[i + 1] >= '0' && copy[i + 1] <= '9';
        if (is_digit && copy[i] == 'T')
            copy[i + 1] = p->task[copy[i + 1] - '0'];
        else if (is_digit && copy[i] == 'W')
            copy[i + 1] = p->worker[copy[i + 1] - '0'];
    }
    XXH128_hash_t x = XXH3_128bits(copy, text.len);
    return (struct mini_hash){x.low64, x.high64};
}

// Hashes of a text, one per symmetry; made when they are first asked for.
static const struct mini_hash *text_hashes(struct mini_redis *m, uint32_t id)
{
    if (id >= m->n_text_hashes) {
        size_t n = (size_t)id * 2 + 1024;
        m->text_hashes = realloc(m->text_hashes, n * sizeof *m->text_hashes);
        CHECK(m->text_hashes);
        memset(m->text_hashes + m->n_text_hashes, 0, (n - m->n_text_hashes) * sizeof *m->text_hashes);
        m->n_text_hashes = n;
    }
    if (!m->text_hashes[id]) {
        m->text_hashes[id] = ARENA_ARRAY(&m->memory, struct mini_hash, m->n_symmetries);
        for (unsigned s = 0; s < m->n_symmetries; s++)
            m->text_hashes[id][s] = hash_permuted(intern_text(&m->texts, id), &m->symmetries[s]);
    }
    return m->text_hashes[id];
}

static struct mini_hash hash_item(struct mini_redis *m, const struct mini_item *item, unsigned s)
{
    struct mini_hash b = text_hashes(m, item->b)[s];
    uint64_t score;
    memcpy(&score, &item->score, sizeof score);
    return mix(mix(text_hashes(m, item->a)[s], b.low), score);
}

// Of sets and hashes the order means nothing, so that names may be exchanged without sorting again.
static struct mini_hash hash_entry(struct mini_redis *m, const struct mini_entry *e, unsigned s)
{
    struct mini_hash h = mix(text_hashes(m, e->name)[s], (uint64_t)e->type);
    h = mix(mix(mix(h, (uint64_t)e->expires_ms), (uint64_t)e->stream_ms), (uint64_t)e->stream_seq);
    struct mini_hash items = {0, 0};
    bool is_ordered = e->type != MINI_SET && e->type != MINI_HASH;
    for (uint32_t i = 0; i < e->n; i++) {
        struct mini_hash item = hash_item(m, &e->items[i], s);
        items = is_ordered ? add(mix(items, i + 1), item) : add(items, item);
    }
    return mix(mix(h, items.low), items.high);
}

// All orders of 1..n, by Heap's method; digits that name nobody stay.
static unsigned permutations(unsigned n, char out[][10], unsigned n_out, char *now)
{
    if (n <= 1) {
        memcpy(out[n_out], now, 10);
        return n_out + 1;
    }
    for (unsigned i = 1; i <= n; i++) {
        n_out = permutations(n - 1, out, n_out, now);
        unsigned other = n % 2 ? 1 : i;
        char kept = now[other];
        now[other] = now[n];
        now[n] = kept;
    }
    return n_out;
}

void mini_redis_symmetries(struct mini_redis *m, unsigned tasks, unsigned workers)
{
    char of_tasks[24][10], of_workers[6][10], start[2][10];
    CHECK(tasks <= MINI_TASKS_MAX && workers <= MINI_WORKERS_MAX && m->n_entries == 0);
    memcpy(start[0], "0123456789", 10);
    memcpy(start[1], "0123456789", 10);
    unsigned n_tasks = permutations(tasks, of_tasks, 0, start[0]);
    unsigned n_workers = permutations(workers, of_workers, 0, start[1]);
    m->n_symmetries = 0;
    for (unsigned t = 0; t < n_tasks; t++) {
        for (unsigned w = 0; w < n_workers; w++) {
            struct mini_permutation *p = &m->symmetries[m->n_symmetries++];
            memcpy(p->task, of_tasks[t], 10);
            memcpy(p->worker, of_workers[w], 10);
        }
    }
}

static uint32_t entry_add(struct mini_redis *m, struct mini_entry e)
{
    uint32_t *slot = entry_slot(m, &e);
    if (*slot)
        return *slot - 1;
    if (m->n_entries == m->entries_capacity) {
        m->entries_capacity = m->entries_capacity ? m->entries_capacity * 2 : 1024;
        m->entries = realloc(m->entries, m->entries_capacity * sizeof *m->entries);
        CHECK(m->entries);
    }
    *slot = m->n_entries + 1;
    struct mini_item *items = ARENA_ARRAY(&m->memory, struct mini_item, e.n ? e.n : 1);
    if (e.n)
        memcpy(items, e.items, e.n * sizeof *items);
    e.items = items;
    struct mini_hash *hashes = ARENA_ARRAY(&m->memory, struct mini_hash, m->n_symmetries);
    for (unsigned s = 0; s < m->n_symmetries; s++)
        hashes[s] = hash_entry(m, &e, s);
    e.hashes = hashes;
    m->entries[m->n_entries++] = e;
    if (m->n_entries > m->entry_slots_mask / 2)
        grow_entry_slots(m);
    return m->n_entries - 1;
}

void mini_redis_save(struct mini_redis *m, struct mini_state *out)
{
    out->n = (uint32_t)m->n_keys;
    out->entries = malloc((m->n_keys ? m->n_keys : 1) * sizeof *out->entries);
    CHECK(out->entries);
    for (size_t i = 0; i < m->n_keys; i++) {
        struct mini_key *k = &m->keys[i];
        if (k->entry == MINI_CHANGED)
            k->entry = entry_add(m, (struct mini_entry){.name = k->name,
                                                        .type = k->type,
                                                        .n = k->n,
                                                        .items = k->items,
                                                        .expires_ms = k->expires_ms,
                                                        .stream_ms = k->stream_ms,
                                                        .stream_seq = k->stream_seq});
        out->entries[i] = k->entry;
    }
}

void mini_redis_restore(struct mini_redis *m, const struct mini_state *state)
{
    mini_redis_clear(m);
    if (m->keys_capacity < state->n) {
        m->keys_capacity = state->n * 2;
        m->keys = realloc(m->keys, m->keys_capacity * sizeof *m->keys);
        CHECK(m->keys);
    }
    for (uint32_t i = 0; i < state->n; i++) {
        const struct mini_entry *e = &m->entries[state->entries[i]];
        m->keys[i] = (struct mini_key){.name = e->name,
                                       .type = e->type,
                                       .n = e->n,
                                       .items = (struct mini_item *)e->items, // copied before it is changed
                                       .expires_ms = e->expires_ms,
                                       .stream_ms = e->stream_ms,
                                       .stream_seq = e->stream_seq,
                                       .entry = state->entries[i]};
    }
    m->n_keys = state->n;
}

struct mini_hash mini_redis_hash(const struct mini_redis *m, const struct mini_state *state)
{
    struct mini_hash least = {UINT64_MAX, UINT64_MAX};
    for (unsigned s = 0; s < m->n_symmetries; s++) {
        struct mini_hash sum = {0, 0};
        for (uint32_t i = 0; i < state->n; i++)
            sum = add(sum, m->entries[state->entries[i]].hashes[s]);
        if (sum.high < least.high || (sum.high == least.high && sum.low < least.low))
            least = sum;
    }
    return least;
}

size_t mini_redis_entries(const struct mini_redis *m)
{
    return m->n_entries;
}
