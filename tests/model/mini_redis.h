// A Redis in memory, small enough to be copied a million times: the commands that the queue's scripts use, the scripts
// themselves on Lua 5.1, a clock that stands still until it is told, and snapshots. What it does not know is an error,
// so that a script that begins to use another command fails the model's tests. test_mini_redis compares it with a real
// Redis.
//
//     explorer --mini_redis_call--> script (Lua) --redis.call--> commands --> keys --mini_redis_save--> mini_state
//                                                                              ^------mini_redis_restore------+
//
// STATES      A saved state is an array of entry ids; an entry is one key with its value, stored once however many
//             states have it. A state's hash is the sum of its entries' hashes.
// SYMMETRY    Names may be exchanged while hashing (mini_redis_symmetries): 'T' and 'W' followed by a digit are taken
//             for a task's and a worker's name wherever they stand.
// FAILURE     Redis' own error replies. Memory is not bounded: the explorer counts states.
// THREADS     One.
#ifndef BUNDLE_TESTS_MINI_REDIS_H
#define BUNDLE_TESTS_MINI_REDIS_H

#include "common/redis.h"

struct mini_redis;
struct mini_redis *mini_redis_create(void);
void mini_redis_destroy(struct mini_redis *m);
void mini_redis_clear(struct mini_redis *m); // no keys

void mini_redis_set_clock(struct mini_redis *m, int64_t now_ms);
int64_t mini_redis_clock(const struct mini_redis *m);

// A command or script as the product builds it. The caller frees the reply (redis_reply_free); errors are replies.
struct redis_reply *mini_redis_call(struct mini_redis *m, const struct redis_cmd *c);
// The same from words; the reply in RESP is put at the end of `out`. false: it is an error.
bool mini_redis_do(struct mini_redis *m, size_t n, const struct str *words, struct buf *out);
// From now on the script of this name has this body. false: it does not compile, e says why.
bool mini_redis_load(struct mini_redis *m, const char *script, const char *body, struct err *e) MUST_USE;

// What was published since the last mini_redis_forget_published. Valid until then.
struct mini_message {
    struct str channel, text;
};
size_t mini_redis_published(const struct mini_redis *m);
struct mini_message mini_redis_message(const struct mini_redis *m, size_t i);
void mini_redis_forget_published(struct mini_redis *m);

// ---- looking in from outside: no command, no side effect ----
enum mini_type { MINI_STRING, MINI_LIST, MINI_SET, MINI_HASH, MINI_ZSET, MINI_STREAM };
struct mini_item { // texts are ids: mini_redis_text
    uint32_t a;    // the string; a list's or set's element, a zset's member, a hash's field, a stream entry's id
    uint32_t b;    // a hash's value, a stream entry's fields in RESP
    double score;
};
struct mini_view { // valid until the next command
    struct str key;
    enum mini_type type;
    const struct mini_item *items; // sets and hashes by id, zsets by score and member, lists and streams in order
    size_t n;
    int64_t expires_ms; // MINI_FOREVER: no TTL
};
#define MINI_FOREVER INT64_MAX
size_t mini_redis_keys(const struct mini_redis *m);
struct mini_view mini_redis_view(const struct mini_redis *m, size_t i);
bool mini_redis_find(const struct mini_redis *m, struct str key, struct mini_view *out); // false: no such key
struct str mini_redis_text(const struct mini_redis *m, uint32_t id);
bool mini_view_field(const struct mini_redis *m, const struct mini_view *hash, struct str field, struct str *out);
bool mini_view_score(const struct mini_redis *m, const struct mini_view *zset, struct str member, double *out);
bool mini_view_has(const struct mini_redis *m, const struct mini_view *v, struct str element);

// Writing from outside, for what brings states into their normal form: `text` may replace any text but keys' names,
// then `key` may change a key's items and expires_ms, and returns how many items are left. Afterwards sets, hashes and
// zsets are sorted again, and a stream without entries forgets its last id. No key is deleted.
struct mini_edit {
    uint32_t (*text)(void *context, uint32_t id);
    size_t (*key)(void *context, const struct mini_view *before, struct mini_item *items, int64_t *expires_ms);
    void *context;
};
void mini_redis_edit(struct mini_redis *m, const struct mini_edit *edit);
uint32_t mini_redis_text_id(struct mini_redis *m, struct str text);

// ---- snapshots ----
struct mini_state {
    uint32_t *entries; // in the order of their keys
    uint32_t n;
};
void mini_redis_save(struct mini_redis *m, struct mini_state *out); // out->entries is the caller's (free)
void mini_redis_restore(struct mini_redis *m, const struct mini_state *state);
struct mini_hash {
    uint64_t low, high;
};
enum { MINI_TASKS_MAX = 4, MINI_WORKERS_MAX = 3, MINI_SYMMETRIES_MAX = 24 * 6 };
// The names T1 ... T<tasks> are alike, and W1 ... W<workers>. Before the first save.
void mini_redis_symmetries(struct mini_redis *m, unsigned tasks, unsigned workers);
// The same for two states that differ by an exchange of such names only.
struct mini_hash mini_redis_hash(const struct mini_redis *m, const struct mini_state *state);
size_t mini_redis_entries(const struct mini_redis *m); // how many different ones were ever saved

#endif
