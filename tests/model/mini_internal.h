// What the parts of the small Redis share: mini_redis.c (keys, snapshots), mini_commands.c, mini_lua.c. Not for anybody
// else.
#ifndef BUNDLE_TESTS_MINI_INTERNAL_H
#define BUNDLE_TESTS_MINI_INTERNAL_H

#include "common/arena.h"
#include "common/check.h"
#include "common/intern.h"
#include "tests/model/mini_redis.h"

struct mini_entry { // a key with its value, never changed
    uint32_t name;
    enum mini_type type;
    uint32_t n;
    const struct mini_item *items;
    int64_t expires_ms;
    int64_t stream_ms, stream_seq;  // a stream's last id
    const struct mini_hash *hashes; // one per symmetry
};

struct mini_key {
    uint32_t name;
    enum mini_type type;
    uint32_t n, capacity; // capacity 0: items belong to an entry, and are copied before the first change
    struct mini_item *items;
    int64_t expires_ms;
    int64_t stream_ms, stream_seq;
    uint32_t entry; // which it equals, or MINI_CHANGED
};
#define MINI_CHANGED UINT32_MAX

struct mini_permutation {
    char task[10], worker[10]; // by digit
};

struct mini_lua;
struct mini_redis {
    struct arena memory; // of texts and entries
    struct intern texts;
    struct mini_key *keys; // by name
    size_t n_keys, keys_capacity;
    int64_t now_ms;
    struct mini_entry *entries;
    uint32_t n_entries, entries_capacity;
    uint32_t *entry_slots; // open addressing: entry + 1
    uint32_t entry_slots_mask;
    struct mini_permutation symmetries[MINI_SYMMETRIES_MAX];
    unsigned n_symmetries;
    struct mini_hash **text_hashes; // by text: one per symmetry, NULL until asked for
    size_t n_text_hashes;
    struct mini_message_ids {
        uint32_t channel, text;
    } * published;
    size_t n_published, published_capacity;
    struct mini_lua *lua;
    void *reader; // hiredis'
};

// ---- keys ----
struct mini_key *mini_key_find(struct mini_redis *m, struct str name); // NULL: not there (any more)
struct mini_key *mini_key_make(struct mini_redis *m, struct str name,
                               enum mini_type type); // found or new; type is yours to check
void mini_key_delete(struct mini_redis *m, struct mini_key *k);
struct mini_item *mini_key_change(struct mini_key *k, uint32_t room); // its items, to be changed, with room for more
void mini_key_insert(struct mini_key *k, uint32_t at, struct mini_item item);
void mini_key_remove(struct mini_key *k, uint32_t at, uint32_t n);
void mini_publish(struct mini_redis *m, struct str channel, struct str text);

// ---- replies, in RESP ----
void mini_put_bulk(struct buf *out, struct str text);
void mini_put_int(struct buf *out, int64_t n);
void mini_put_array(struct buf *out, size_t n);
void mini_put_nil(struct buf *out);

// ---- commands (mini_redis_do) ----
// Do all its keys begin with this prefix and a colon? (Of an unknown command: yes.)
bool mini_command_stays_in(size_t n, const struct str *words, struct str prefix);

// ---- scripts ----
struct mini_lua *mini_lua_create(struct mini_redis *m);
void mini_lua_destroy(struct mini_lua *l);
bool mini_lua_load(struct mini_lua *l, const char *name, const char *body, struct err *e) MUST_USE;
bool mini_lua_knows(const struct mini_lua *l, const char *name);
// args: behind the name: the key, then ARGV. Always puts one reply.
void mini_lua_run(struct mini_lua *l, const char *name, size_t n, const struct str *args, struct buf *out);

#endif
