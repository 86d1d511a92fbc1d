// The commands, as Redis documents them; numbers in replies and errors' first words as Redis 6.2 and later give them.
#include "tests/model/mini_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static const char WRONG_TYPE[] = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
static const char NOT_INT[] = "-ERR value is not an integer or out of range\r\n";
static const char NOT_REAL[] = "-ERR value is not a valid float\r\n";
static const char SYNTAX[] = "-ERR syntax error\r\n";

// One call: its words, and where the reply goes.
struct call {
    struct mini_redis *m;
    const struct str *args; // args[0] is the command's name
    size_t n;
    struct buf *out;
};

// ---- what the commands are made of ----

static struct str text_of(const struct call *c, uint32_t id)
{
    return intern_text(&c->m->texts, id);
}

static uint32_t id_of(const struct call *c, struct str text)
{
    return intern_add(&c->m->texts, text);
}

static bool is_word(struct str s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

static bool say(const struct call *c, const char *resp)
{
    buf_puts(c->out, resp);
    return resp[0] != '-';
}

static bool say_int(const struct call *c, int64_t n)
{
    mini_put_int(c->out, n);
    return true;
}

static bool say_bulk(const struct call *c, uint32_t id)
{
    mini_put_bulk(c->out, text_of(c, id));
    return true;
}

static bool say_nil(const struct call *c)
{
    mini_put_nil(c->out);
    return true;
}

// The key if it is there. false: it is of another type, and the reply says so.
static bool find(const struct call *c, size_t arg, enum mini_type type, struct mini_key **k)
{
    *k = mini_key_find(c->m, c->args[arg]);
    return !*k || (*k)->type == type || say(c, WRONG_TYPE);
}

static struct mini_key *make(const struct call *c, size_t arg, enum mini_type type)
{
    return mini_key_make(c->m, c->args[arg], type);
}

static void drop_if_empty(const struct call *c, struct mini_key *k)
{
    if (k->n == 0 && k->type != MINI_STREAM)
        mini_key_delete(c->m, k);
}

static bool read_int(const struct call *c, size_t arg, int64_t *out)
{
    return str_to_int(c->args[arg], out) || say(c, NOT_INT);
}

static bool read_real(struct str s, double *out)
{
    if (is_word(s, "inf") || is_word(s, "+inf"))
        *out = INFINITY;
    else if (is_word(s, "-inf"))
        *out = -INFINITY;
    else
        return str_to_real(s, out);
    return true;
}

static bool say_score(const struct call *c, double score)
{
    char text[64];
    if (score == floor(score) && fabs(score) < 1e17)
        (void)snprintf(text, sizeof text, "%.0f", score);
    else
        (void)snprintf(text, sizeof text, "%.17g", score);
    mini_put_bulk(c->out, str_of(text));
    return true;
}

// Where `a` stands in a set or hash, or would.
static bool place_of(const struct mini_key *k, uint32_t a, uint32_t *at)
{
    uint32_t low = 0, high = k->n;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (k->items[middle].a < a)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return low < k->n && k->items[low].a == a;
}

static bool has(const struct call *c, const struct mini_key *k, size_t arg, uint32_t *at)
{
    return place_of(k, id_of(c, c->args[arg]), at);
}

// Redis' way of saying a range: from the end when negative. false: nothing is in it.
static bool clamp_range(int64_t n, int64_t *first, int64_t *last)
{
    *first = *first < 0 ? (*first + n > 0 ? *first + n : 0) : *first;
    *last = *last < 0 ? *last + n : *last;
    *last = *last >= n ? n - 1 : *last;
    return *first <= *last && *first < n;
}

// ---- keys ----

static bool cmd_del(const struct call *c)
{
    int64_t n = 0;
    for (size_t i = 1; i < c->n; i++) {
        struct mini_key *k = mini_key_find(c->m, c->args[i]);
        if (k) {
            mini_key_delete(c->m, k);
            n++;
        }
    }
    return say_int(c, n);
}

static bool cmd_exists(const struct call *c)
{
    int64_t n = 0;
    for (size_t i = 1; i < c->n; i++)
        n += mini_key_find(c->m, c->args[i]) != NULL;
    return say_int(c, n);
}

static bool cmd_pexpire(const struct call *c)
{
    int64_t ms;
    if (!read_int(c, 2, &ms))
        return false;
    struct mini_key *k = mini_key_find(c->m, c->args[1]);
    if (!k)
        return say_int(c, 0);
    k->expires_ms = c->m->now_ms + ms;
    k->entry = MINI_CHANGED;
    if (ms <= 0)
        mini_key_delete(c->m, k);
    return say_int(c, 1);
}

static bool cmd_pttl(const struct call *c)
{
    struct mini_key *k = mini_key_find(c->m, c->args[1]);
    if (!k)
        return say_int(c, -2);
    return say_int(c, k->expires_ms == MINI_FOREVER ? -1 : k->expires_ms - c->m->now_ms);
}

static bool cmd_type(const struct call *c)
{
    static const char *const NAMES[] = {"+string\r\n", "+list\r\n", "+set\r\n",
                                        "+hash\r\n",   "+zset\r\n", "+stream\r\n"};
    struct mini_key *k = mini_key_find(c->m, c->args[1]);
    return say(c, k ? NAMES[k->type] : "+none\r\n");
}

static bool cmd_time(const struct call *c)
{
    char text[24];
    mini_put_array(c->out, 2);
    (void)snprintf(text, sizeof text, "%lld", (long long)(c->m->now_ms / 1000));
    mini_put_bulk(c->out, str_of(text));
    (void)snprintf(text, sizeof text, "%lld", (long long)(c->m->now_ms % 1000 * 1000));
    mini_put_bulk(c->out, str_of(text));
    return true;
}

static bool cmd_publish(const struct call *c)
{
    mini_publish(c->m, c->args[1], c->args[2]);
    return say_int(c, 0);
}

// ---- strings ----

static bool cmd_get(const struct call *c)
{
    struct mini_key *k;
    if (!find(c, 1, MINI_STRING, &k))
        return false;
    return k ? say_bulk(c, k->items[0].a) : say_nil(c);
}

static void store_text(const struct call *c, size_t key, struct str text, int64_t expires_ms)
{
    struct mini_key *old = mini_key_find(c->m, c->args[key]);
    if (old)
        mini_key_delete(c->m, old);
    struct mini_key *k = make(c, key, MINI_STRING);
    mini_key_insert(k, 0, (struct mini_item){.a = id_of(c, text)});
    k->expires_ms = expires_ms;
}

static bool cmd_set(const struct call *c)
{
    int64_t ms = 0;
    bool is_px = c->n == 5 && is_word(c->args[3], "PX");
    if (c->n != 3 && !is_px)
        return say(c, SYNTAX);
    if (is_px && !read_int(c, 4, &ms))
        return false;
    if (is_px && ms <= 0)
        return say(c, "-ERR invalid expire time in 'set' command\r\n");
    store_text(c, 1, c->args[2], is_px ? c->m->now_ms + ms : MINI_FOREVER);
    return say(c, "+OK\r\n");
}

static bool cmd_incr(const struct call *c)
{
    struct mini_key *k;
    int64_t n = 0;
    char text[24];
    if (!find(c, 1, MINI_STRING, &k))
        return false;
    if (k && !str_to_int(text_of(c, k->items[0].a), &n))
        return say(c, NOT_INT);
    int64_t expires_ms = k ? k->expires_ms : MINI_FOREVER;
    (void)snprintf(text, sizeof text, "%lld", (long long)++n);
    store_text(c, 1, str_of(text), expires_ms);
    return say_int(c, n);
}

// ---- hashes ----

static void hash_put(struct mini_key *k, uint32_t field, uint32_t value, int64_t *n_new)
{
    uint32_t at;
    if (place_of(k, field, &at)) {
        mini_key_change(k, 0)[at].b = value;
        return;
    }
    mini_key_insert(k, at, (struct mini_item){.a = field, .b = value});
    ++*n_new;
}

static bool cmd_hset(const struct call *c)
{
    struct mini_key *k;
    int64_t n_new = 0;
    if (c->n % 2)
        return say(c, "-ERR wrong number of arguments for 'hset' command\r\n");
    if (!find(c, 1, MINI_HASH, &k))
        return false;
    k = make(c, 1, MINI_HASH);
    for (size_t i = 2; i < c->n; i += 2)
        hash_put(k, id_of(c, c->args[i]), id_of(c, c->args[i + 1]), &n_new);
    return say_int(c, n_new);
}

static bool cmd_hsetnx(const struct call *c)
{
    struct mini_key *k;
    uint32_t at;
    int64_t n_new = 0;
    if (!find(c, 1, MINI_HASH, &k))
        return false;
    if (k && has(c, k, 2, &at))
        return say_int(c, 0);
    hash_put(make(c, 1, MINI_HASH), id_of(c, c->args[2]), id_of(c, c->args[3]), &n_new);
    return say_int(c, 1);
}

static bool say_field(const struct call *c, const struct mini_key *k, size_t arg)
{
    uint32_t at;
    return k && has(c, k, arg, &at) ? say_bulk(c, k->items[at].b) : say_nil(c);
}

static bool cmd_hget(const struct call *c)
{
    struct mini_key *k;
    return find(c, 1, MINI_HASH, &k) && say_field(c, k, 2);
}

static bool cmd_hmget(const struct call *c)
{
    struct mini_key *k;
    if (!find(c, 1, MINI_HASH, &k))
        return false;
    mini_put_array(c->out, c->n - 2);
    for (size_t i = 2; i < c->n; i++)
        (void)say_field(c, k, i);
    return true;
}

static bool cmd_hgetall(const struct call *c)
{
    struct mini_key *k;
    if (!find(c, 1, MINI_HASH, &k))
        return false;
    mini_put_array(c->out, k ? 2 * (size_t)k->n : 0);
    for (uint32_t i = 0; k && i < k->n; i++) {
        (void)say_bulk(c, k->items[i].a);
        (void)say_bulk(c, k->items[i].b);
    }
    return true;
}

static bool cmd_hexists(const struct call *c)
{
    struct mini_key *k;
    uint32_t at;
    return find(c, 1, MINI_HASH, &k) && say_int(c, k && has(c, k, 2, &at));
}

static bool cmd_hincrby(const struct call *c)
{
    struct mini_key *k;
    uint32_t at;
    int64_t by, n = 0, n_new;
    char text[24];
    if (!find(c, 1, MINI_HASH, &k) || !read_int(c, 3, &by))
        return false;
    if (k && has(c, k, 2, &at) && !str_to_int(text_of(c, k->items[at].b), &n))
        return say(c, "-ERR hash value is not an integer\r\n");
    n += by;
    (void)snprintf(text, sizeof text, "%lld", (long long)n);
    hash_put(make(c, 1, MINI_HASH), id_of(c, c->args[2]), id_of(c, str_of(text)), &n_new);
    return say_int(c, n);
}

// Of hashes, sets and zsets: HDEL, SREM, ZREM.
static bool remove_members(const struct call *c, enum mini_type type)
{
    struct mini_key *k;
    int64_t n = 0;
    if (!find(c, 1, type, &k))
        return false;
    for (size_t i = 2; k && i < c->n; i++) {
        uint32_t id = id_of(c, c->args[i]);
        for (uint32_t at = 0; at < k->n; at++) {
            if (k->items[at].a == id) {
                mini_key_remove(k, at, 1);
                n++;
                break;
            }
        }
    }
    if (k)
        drop_if_empty(c, k);
    return say_int(c, n);
}

static bool cmd_hdel(const struct call *c)
{
    return remove_members(c, MINI_HASH);
}

static bool count_members(const struct call *c, enum mini_type type)
{
    struct mini_key *k;
    return find(c, 1, type, &k) && say_int(c, k ? k->n : 0);
}

static bool cmd_hlen(const struct call *c)
{
    return count_members(c, MINI_HASH);
}

// ---- sets ----

static bool cmd_sadd(const struct call *c)
{
    struct mini_key *k;
    int64_t n = 0;
    if (!find(c, 1, MINI_SET, &k))
        return false;
    k = make(c, 1, MINI_SET);
    for (size_t i = 2; i < c->n; i++) {
        uint32_t at;
        if (!has(c, k, i, &at)) {
            mini_key_insert(k, at, (struct mini_item){.a = id_of(c, c->args[i])});
            n++;
        }
    }
    return say_int(c, n);
}

static bool cmd_srem(const struct call *c)
{
    return remove_members(c, MINI_SET);
}

static bool cmd_scard(const struct call *c)
{
    return count_members(c, MINI_SET);
}

static bool cmd_sismember(const struct call *c)
{
    struct mini_key *k;
    uint32_t at;
    return find(c, 1, MINI_SET, &k) && say_int(c, k && has(c, k, 2, &at));
}

// SRANDMEMBER key n: here the first n, whichever these are.
static bool say_first(const struct call *c, enum mini_type type)
{
    struct mini_key *k;
    int64_t n;
    if (!read_int(c, 2, &n) || !find(c, 1, type, &k))
        return false;
    if (n < 0)
        return say(c, "-ERR a negative count is not for this model\r\n");
    uint32_t most = !k ? 0 : n < k->n ? (uint32_t)n : k->n;
    mini_put_array(c->out, most);
    for (uint32_t i = 0; i < most; i++)
        (void)say_bulk(c, k->items[i].a);
    return true;
}

static bool cmd_srandmember(const struct call *c)
{
    return say_first(c, MINI_SET);
}

static bool cmd_smembers(const struct call *c)
{
    struct mini_key *k;
    if (!find(c, 1, MINI_SET, &k))
        return false;
    mini_put_array(c->out, k ? k->n : 0);
    for (uint32_t i = 0; k && i < k->n; i++)
        (void)say_bulk(c, k->items[i].a);
    return true;
}

// ---- lists ----

static bool push(const struct call *c, bool is_left)
{
    struct mini_key *k;
    if (!find(c, 1, MINI_LIST, &k))
        return false;
    k = make(c, 1, MINI_LIST);
    for (size_t i = 2; i < c->n; i++)
        mini_key_insert(k, is_left ? 0 : k->n, (struct mini_item){.a = id_of(c, c->args[i])});
    return say_int(c, k->n);
}

static bool cmd_lpush(const struct call *c)
{
    return push(c, true);
}

static bool cmd_rpush(const struct call *c)
{
    return push(c, false);
}

static bool pop(const struct call *c, bool is_left)
{
    struct mini_key *k;
    int64_t n = 1;
    if (!find(c, 1, MINI_LIST, &k) || (c->n > 2 && !read_int(c, 2, &n)))
        return false;
    if (n < 0)
        return say(c, "-ERR value is out of range, must be positive\r\n");
    if (!k)
        return c->n > 2 ? say(c, "*-1\r\n") : say_nil(c);
    uint32_t taken = n < k->n ? (uint32_t)n : k->n;
    if (c->n > 2)
        mini_put_array(c->out, taken);
    for (uint32_t i = 0; i < taken; i++)
        (void)say_bulk(c, k->items[is_left ? i : k->n - 1 - i].a);
    mini_key_remove(k, is_left ? 0 : k->n - taken, taken);
    drop_if_empty(c, k);
    return true;
}

static bool cmd_lpop(const struct call *c)
{
    return pop(c, true);
}

static bool cmd_rpop(const struct call *c)
{
    return pop(c, false);
}

static bool read_end(const struct call *c, size_t arg, bool *is_left)
{
    *is_left = is_word(c->args[arg], "LEFT");
    return *is_left || is_word(c->args[arg], "RIGHT") || say(c, SYNTAX);
}

static bool cmd_lmove(const struct call *c)
{
    struct mini_key *from, *to;
    bool is_from_left, is_to_left;
    if (!read_end(c, 3, &is_from_left) || !read_end(c, 4, &is_to_left))
        return false;
    if (!find(c, 1, MINI_LIST, &from))
        return false;
    if (!from)
        return say_nil(c);
    if (!find(c, 2, MINI_LIST, &to))
        return false;
    uint32_t at = is_from_left ? 0 : from->n - 1;
    struct mini_item item = from->items[at];
    mini_key_remove(from, at, 1);
    to = make(c, 2, MINI_LIST); // may move the keys
    mini_key_insert(to, is_to_left ? 0 : to->n, item);
    drop_if_empty(c, mini_key_find(c->m, c->args[1]));
    return say_bulk(c, item.a);
}

static bool cmd_llen(const struct call *c)
{
    return count_members(c, MINI_LIST);
}

static bool cmd_lindex(const struct call *c)
{
    struct mini_key *k;
    int64_t i;
    if (!read_int(c, 2, &i) || !find(c, 1, MINI_LIST, &k))
        return false;
    i = k && i < 0 ? i + k->n : i;
    return k && i >= 0 && i < k->n ? say_bulk(c, k->items[i].a) : say_nil(c);
}

static bool cmd_lrange(const struct call *c)
{
    struct mini_key *k;
    int64_t first, last;
    if (!read_int(c, 2, &first) || !read_int(c, 3, &last) || !find(c, 1, MINI_LIST, &k))
        return false;
    if (!k || !clamp_range(k->n, &first, &last))
        return say(c, "*0\r\n");
    mini_put_array(c->out, (size_t)(last - first + 1));
    for (int64_t i = first; i <= last; i++)
        (void)say_bulk(c, k->items[i].a);
    return true;
}

static bool cmd_ltrim(const struct call *c)
{
    struct mini_key *k;
    int64_t first, last;
    if (!read_int(c, 2, &first) || !read_int(c, 3, &last) || !find(c, 1, MINI_LIST, &k))
        return false;
    if (k && clamp_range(k->n, &first, &last)) {
        mini_key_remove(k, (uint32_t)last + 1, k->n - (uint32_t)last - 1);
        mini_key_remove(k, 0, (uint32_t)first);
    } else if (k) {
        mini_key_delete(c->m, k);
    }
    return say(c, "+OK\r\n");
}

static bool cmd_lrem(const struct call *c)
{
    struct mini_key *k;
    int64_t count, n = 0;
    if (!read_int(c, 2, &count) || !find(c, 1, MINI_LIST, &k))
        return false;
    int64_t most = count == 0 ? INT64_MAX : llabs(count);
    uint32_t id = id_of(c, c->args[3]);
    for (uint32_t i = 0, length = k ? k->n : 0; i < length && n < most; i++) {
        uint32_t at = count < 0 ? length - 1 - i : i - (uint32_t)n;
        if (k->items[at].a == id) {
            mini_key_remove(k, at, 1);
            n++;
        }
    }
    if (k)
        drop_if_empty(c, k);
    return say_int(c, n);
}

static bool cmd_lpos(const struct call *c)
{
    struct mini_key *k;
    if (!find(c, 1, MINI_LIST, &k))
        return false;
    uint32_t id = id_of(c, c->args[2]);
    for (uint32_t i = 0; k && i < k->n; i++)
        if (k->items[i].a == id)
            return say_int(c, i);
    return say_nil(c);
}

// ---- sorted sets ----

static bool find_member(const struct mini_key *k, uint32_t id, uint32_t *at)
{
    for (*at = 0; *at < k->n; ++*at)
        if (k->items[*at].a == id)
            return true;
    return false;
}

static bool zset_put(const struct call *c, struct mini_key *k, uint32_t id, double score)
{
    uint32_t at;
    bool is_new = !find_member(k, id, &at);
    if (!is_new)
        mini_key_remove(k, at, 1);
    for (at = 0; at < k->n; at++) {
        const struct mini_item *i = &k->items[at];
        if (i->score > score || (i->score == score && str_cmp(text_of(c, i->a), text_of(c, id)) > 0))
            break;
    }
    mini_key_insert(k, at, (struct mini_item){.a = id, .score = score});
    return is_new;
}

static bool cmd_zadd(const struct call *c)
{
    struct mini_key *k;
    int64_t n = 0;
    double score;
    uint32_t at;
    bool is_there_only = c->n > 2 && is_word(c->args[2], "XX");
    size_t first = is_there_only ? 3 : 2;
    if ((c->n - first) % 2 || c->n == first)
        return say(c, SYNTAX);
    for (size_t i = first; i < c->n; i += 2)
        if (!read_real(c->args[i], &score))
            return say(c, NOT_REAL);
    if (!find(c, 1, MINI_ZSET, &k))
        return false;
    if (is_there_only && !k)
        return say_int(c, 0);
    k = make(c, 1, MINI_ZSET);
    for (size_t i = first; i < c->n; i += 2) {
        uint32_t id = id_of(c, c->args[i + 1]);
        (void)read_real(c->args[i], &score);
        if (!is_there_only || find_member(k, id, &at))
            n += zset_put(c, k, id, score);
    }
    return say_int(c, n);
}

static bool cmd_zrem(const struct call *c)
{
    return remove_members(c, MINI_ZSET);
}

static bool cmd_zcard(const struct call *c)
{
    return count_members(c, MINI_ZSET);
}

static bool cmd_zscore(const struct call *c)
{
    struct mini_key *k;
    uint32_t at;
    if (!find(c, 1, MINI_ZSET, &k))
        return false;
    return k && find_member(k, id_of(c, c->args[2]), &at) ? say_score(c, k->items[at].score) : say_nil(c);
}

static bool cmd_zmscore(const struct call *c)
{
    struct mini_key *k;
    uint32_t at;
    if (!find(c, 1, MINI_ZSET, &k))
        return false;
    mini_put_array(c->out, c->n - 2);
    for (size_t i = 2; i < c->n; i++)
        (void)(k && find_member(k, id_of(c, c->args[i]), &at) ? say_score(c, k->items[at].score) : say_nil(c));
    return true;
}

static bool read_bound(struct str s, double *score, bool *is_open)
{
    *is_open = s.len > 0 && s.ptr[0] == '(';
    return read_real(*is_open ? (struct str){s.ptr + 1, s.len - 1} : s, score);
}

struct band { // of scores, and which portion of what is in it
    double low, high;
    bool is_low_open, is_high_open;
    int64_t skip, most;
};

static bool in_band(const struct band *b, double score)
{
    return (b->is_low_open ? score > b->low : score >= b->low) &&
           (b->is_high_open ? score < b->high : score <= b->high);
}

// ZRANGEBYSCORE key low high [LIMIT skip most]
static bool read_band(const struct call *c, struct band *out)
{
    *out = (struct band){.most = -1};
    if (!read_bound(c->args[2], &out->low, &out->is_low_open) ||
        !read_bound(c->args[3], &out->high, &out->is_high_open))
        return say(c, "-ERR min or max is not a float\r\n");
    if (c->n == 4)
        return true;
    if (c->n != 7 || !is_word(c->args[4], "LIMIT"))
        return say(c, SYNTAX);
    return read_int(c, 5, &out->skip) && read_int(c, 6, &out->most);
}

static bool cmd_zrangebyscore(const struct call *c)
{
    struct mini_key *k;
    struct band band;
    uint32_t found[256], n = 0;
    if (!read_band(c, &band) || !find(c, 1, MINI_ZSET, &k))
        return false;
    for (uint32_t i = 0; k && i < k->n && band.skip >= 0; i++) {
        if (!in_band(&band, k->items[i].score) || band.skip-- > 0 || band.most == 0)
            continue;
        band.skip = 0;
        band.most--;
        CHECK(n < ARRAY_LEN(found));
        found[n++] = k->items[i].a;
    }
    mini_put_array(c->out, n);
    for (uint32_t i = 0; i < n; i++)
        (void)say_bulk(c, found[i]);
    return true;
}

static bool cmd_zcount(const struct call *c)
{
    struct mini_key *k;
    struct band band;
    int64_t n = 0;
    if (!read_band(c, &band) || !find(c, 1, MINI_ZSET, &k))
        return false;
    for (uint32_t i = 0; k && i < k->n; i++)
        n += in_band(&band, k->items[i].score);
    return say_int(c, n);
}

static bool cmd_zremrangebyscore(const struct call *c)
{
    struct mini_key *k;
    struct band band;
    if (!read_band(c, &band) || !find(c, 1, MINI_ZSET, &k))
        return false;
    uint32_t n = 0, before = k ? k->n : 0;
    for (uint32_t i = 0; i < before; i++) {
        if (in_band(&band, k->items[i - n].score))
            mini_key_remove(k, i - n++, 1);
    }
    if (k)
        drop_if_empty(c, k);
    return say_int(c, n);
}

static bool cmd_zrandmember(const struct call *c)
{
    return say_first(c, MINI_ZSET);
}

static bool cmd_zrange(const struct call *c)
{
    struct mini_key *k;
    int64_t first, last;
    bool is_with = c->n == 5 && is_word(c->args[4], "WITHSCORES");
    if (c->n != 4 && !is_with)
        return say(c, SYNTAX);
    if (!read_int(c, 2, &first) || !read_int(c, 3, &last) || !find(c, 1, MINI_ZSET, &k))
        return false;
    if (!k || !clamp_range(k->n, &first, &last))
        return say(c, "*0\r\n");
    mini_put_array(c->out, (size_t)(last - first + 1) * (is_with ? 2 : 1));
    for (int64_t i = first; i <= last; i++) {
        (void)say_bulk(c, k->items[i].a);
        if (is_with)
            (void)say_score(c, k->items[i].score);
    }
    return true;
}

static bool cmd_zpopmin(const struct call *c)
{
    struct mini_key *k;
    int64_t n = 1;
    if (!find(c, 1, MINI_ZSET, &k) || (c->n == 3 && !read_int(c, 2, &n)))
        return false;
    if (n < 0)
        return say(c, "-ERR value is out of range, must be positive\r\n");
    uint32_t taken = !k ? 0 : n < k->n ? (uint32_t)n : k->n;
    mini_put_array(c->out, 2 * (size_t)taken);
    for (uint32_t i = 0; i < taken; i++) {
        (void)say_bulk(c, k->items[i].a);
        (void)say_score(c, k->items[i].score);
    }
    if (k) {
        mini_key_remove(k, 0, taken);
        drop_if_empty(c, k);
    }
    return true;
}

// ---- streams ----

static void stream_trim(struct mini_key *k, int64_t most)
{
    if (k->n > most)
        mini_key_remove(k, 0, k->n - (uint32_t)most);
}

// [MAXLEN [~] n] of XADD and XTRIM. "~" trims exactly here: Redis may keep more, never fewer.
static bool read_maxlen(const struct call *c, size_t *at, int64_t *most)
{
    *most = INT64_MAX;
    if (*at >= c->n || !is_word(c->args[*at], "MAXLEN"))
        return true;
    ++*at;
    if (*at < c->n && (is_word(c->args[*at], "~") || is_word(c->args[*at], "=")))
        ++*at;
    return *at < c->n ? read_int(c, (*at)++, most) : say(c, SYNTAX);
}

static uint32_t pack_fields(const struct call *c, size_t from)
{
    AUTO(buf_fini) struct buf packed;
    buf_init(&packed, 1 << 20);
    mini_put_array(&packed, c->n - from);
    for (size_t i = from; i < c->n; i++)
        mini_put_bulk(&packed, c->args[i]);
    return id_of(c, buf_str(&packed));
}

static bool cmd_xadd(const struct call *c)
{
    struct mini_key *k;
    size_t at = 2;
    int64_t most;
    char id[64];
    if (!read_maxlen(c, &at, &most))
        return false;
    if (at >= c->n || !is_word(c->args[at], "*"))
        return say(c, "-ERR ids other than * are not for this model\r\n");
    if (c->n - at < 3 || (c->n - at) % 2 == 0)
        return say(c, "-ERR wrong number of arguments for 'xadd' command\r\n");
    if (!find(c, 1, MINI_STREAM, &k))
        return false;
    k = make(c, 1, MINI_STREAM);
    bool is_same_ms = c->m->now_ms <= k->stream_ms;
    k->stream_seq = is_same_ms ? k->stream_seq + 1 : 0;
    k->stream_ms = is_same_ms ? k->stream_ms : c->m->now_ms;
    (void)snprintf(id, sizeof id, "%lld-%lld", (long long)k->stream_ms, (long long)k->stream_seq);
    mini_key_insert(k, k->n, (struct mini_item){.a = id_of(c, str_of(id)), .b = pack_fields(c, at + 1)});
    stream_trim(k, most);
    mini_put_bulk(c->out, str_of(id));
    return true;
}

static bool cmd_xlen(const struct call *c)
{
    return count_members(c, MINI_STREAM);
}

static bool cmd_xtrim(const struct call *c)
{
    struct mini_key *k;
    size_t at = 2;
    int64_t most;
    if (!read_maxlen(c, &at, &most) || !find(c, 1, MINI_STREAM, &k))
        return false;
    uint32_t before = k ? k->n : 0;
    if (k)
        stream_trim(k, most);
    return say_int(c, k ? before - k->n : 0);
}

// XRANGE key first last: of ids that stand as they are given, "-" and "+".
static bool cmd_xrange(const struct call *c)
{
    struct mini_key *k;
    bool is_all = is_word(c->args[2], "-") && is_word(c->args[3], "+");
    if (!is_all && !str_eq(c->args[2], c->args[3]))
        return say(c, "-ERR only one id, or all, in this model\r\n");
    if (!find(c, 1, MINI_STREAM, &k))
        return false;
    size_t n = 0;
    for (uint32_t i = 0; k && i < k->n; i++)
        n += is_all || str_eq(text_of(c, k->items[i].a), c->args[2]);
    mini_put_array(c->out, n);
    for (uint32_t i = 0; k && i < k->n; i++) {
        if (!is_all && !str_eq(text_of(c, k->items[i].a), c->args[2]))
            continue;
        mini_put_array(c->out, 2);
        (void)say_bulk(c, k->items[i].a);
        struct str fields = text_of(c, k->items[i].b);
        buf_put(c->out, fields.ptr, fields.len);
    }
    return true;
}

static bool cmd_xdel(const struct call *c)
{
    return remove_members(c, MINI_STREAM);
}

// ---- the table ----

static const struct command {
    const char *name;
    int arity;  // with the name; negative: at least
    int n_keys; // how many of the first arguments are keys; negative: all
    bool (*run)(const struct call *c);
} COMMANDS[] = {
    {"DEL", -2, -1, cmd_del},
    {"EXISTS", -2, -1, cmd_exists},
    {"GET", 2, 1, cmd_get},
    {"HDEL", -3, 1, cmd_hdel},
    {"HEXISTS", 3, 1, cmd_hexists},
    {"HGET", 3, 1, cmd_hget},
    {"HGETALL", 2, 1, cmd_hgetall},
    {"HINCRBY", 4, 1, cmd_hincrby},
    {"HLEN", 2, 1, cmd_hlen},
    {"HMGET", -3, 1, cmd_hmget},
    {"HSET", -4, 1, cmd_hset},
    {"HSETNX", 4, 1, cmd_hsetnx},
    {"INCR", 2, 1, cmd_incr},
    {"LINDEX", 3, 1, cmd_lindex},
    {"LLEN", 2, 1, cmd_llen},
    {"LMOVE", 5, 2, cmd_lmove},
    {"LPOP", -2, 1, cmd_lpop},
    {"LPOS", 3, 1, cmd_lpos},
    {"LPUSH", -3, 1, cmd_lpush},
    {"LRANGE", 4, 1, cmd_lrange},
    {"LREM", 4, 1, cmd_lrem},
    {"LTRIM", 4, 1, cmd_ltrim},
    {"PEXPIRE", 3, 1, cmd_pexpire},
    {"PTTL", 2, 1, cmd_pttl},
    {"PUBLISH", 3, 0, cmd_publish},
    {"RPOP", -2, 1, cmd_rpop},
    {"RPUSH", -3, 1, cmd_rpush},
    {"SADD", -3, 1, cmd_sadd},
    {"SCARD", 2, 1, cmd_scard},
    {"SET", -3, 1, cmd_set},
    {"SISMEMBER", 3, 1, cmd_sismember},
    {"SMEMBERS", 2, 1, cmd_smembers},
    {"SRANDMEMBER", 3, 1, cmd_srandmember},
    {"SREM", -3, 1, cmd_srem},
    {"TIME", 1, 0, cmd_time},
    {"TYPE", 2, 1, cmd_type},
    {"XADD", -5, 1, cmd_xadd},
    {"XDEL", -3, 1, cmd_xdel},
    {"XLEN", 2, 1, cmd_xlen},
    {"XRANGE", 4, 1, cmd_xrange},
    {"XTRIM", -4, 1, cmd_xtrim},
    {"ZADD", -4, 1, cmd_zadd},
    {"ZCARD", 2, 1, cmd_zcard},
    {"ZCOUNT", 4, 1, cmd_zcount},
    {"ZMSCORE", -3, 1, cmd_zmscore},
    {"ZPOPMIN", -2, 1, cmd_zpopmin},
    {"ZRANDMEMBER", 3, 1, cmd_zrandmember},
    {"ZRANGE", -4, 1, cmd_zrange},
    {"ZRANGEBYSCORE", -4, 1, cmd_zrangebyscore},
    {"ZREM", -3, 1, cmd_zrem},
    {"ZREMRANGEBYSCORE", 4, 1, cmd_zremrangebyscore},
    {"ZSCORE", 3, 1, cmd_zscore},
};

static const struct command *command_find(struct str name)
{
    size_t low = 0, high = ARRAY_LEN(COMMANDS);
    char text[32];
    if (name.len >= sizeof text)
        return NULL;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcasecmp(text, COMMANDS[middle].name);
        if (order == 0)
            return &COMMANDS[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool mini_command_stays_in(size_t n, const struct str *words, struct str prefix)
{
    const struct command *command = n ? command_find(words[0]) : NULL;
    size_t n_keys = !command ? 0 : command->n_keys < 0 ? n - 1 : (size_t)command->n_keys;
    for (size_t i = 1; i <= n_keys && i < n; i++)
        if (words[i].len <= prefix.len || memcmp(words[i].ptr, prefix.ptr, prefix.len) != 0 ||
            words[i].ptr[prefix.len] != ':')
            return false;
    return true;
}

bool mini_redis_do(struct mini_redis *m, size_t n, const struct str *words, struct buf *out)
{
    const struct command *command = n ? command_find(words[0]) : NULL;
    const struct call call = {.m = m, .args = words, .n = n, .out = out};
    if (!command) {
        buf_printf(out, "-ERR unknown command '" STR_FMT "': the small Redis of the tests has to learn it\r\n",
                   STR_ARG(n ? words[0] : STR("")));
        return false;
    }
    bool is_arity = command->arity > 0 ? n == (size_t)command->arity : n >= (size_t)-command->arity;
    if (is_arity)
        return command->run(&call);
    buf_printf(out, "-ERR wrong number of arguments for '%s' command\r\n", command->name);
    return false;
}
