#include "common/redis_internal.h"

#include "common/check.h"

static const redisReply *raw(const struct redis_reply *r)
{
    return (const redisReply *)(const void *)r;
}

enum redis_type redis_reply_type(const struct redis_reply *r)
{
    if (!r)
        return REDIS_NIL;
    switch (raw(r)->type) {
    case REDIS_REPLY_INTEGER:
        return REDIS_INT;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
        return REDIS_TEXT;
    case REDIS_REPLY_ARRAY:
        return REDIS_ARRAY;
    case REDIS_REPLY_ERROR:
        return REDIS_ERROR;
    default:
        return REDIS_NIL;
    }
}

struct str redis_reply_str(const struct redis_reply *r)
{
    enum redis_type type = redis_reply_type(r);
    if (type != REDIS_TEXT && type != REDIS_ERROR)
        return (struct str){"", 0};
    return (struct str){raw(r)->str, (size_t)raw(r)->len};
}

int64_t redis_reply_int(const struct redis_reply *r)
{
    int64_t value = 0;
    if (redis_reply_type(r) == REDIS_INT)
        return raw(r)->integer;
    (void)str_to_int(redis_reply_str(r), &value);
    return value;
}

size_t redis_reply_size(const struct redis_reply *r)
{
    return redis_reply_type(r) == REDIS_ARRAY ? raw(r)->elements : 0;
}

const struct redis_reply *redis_reply_at(const struct redis_reply *r, size_t i)
{
    return i < redis_reply_size(r) ? (const struct redis_reply *)(const void *)raw(r)->element[i] : NULL;
}

void redis_reply_free(struct redis_reply *reply)
{
    if (reply)
        freeReplyObject(reply);
}

void redis_reply_freep(struct redis_reply **reply)
{
    redis_reply_free(*reply);
    *reply = NULL;
}

// ---- what an error means ----

enum meaning {
    OTHER,    // the command is wrong
    NOT_NOW,  // this server, a little later
    ALONE,    // likewise; or, behind Sentinels, another server
    NOT_HERE, // another server, or this one after it has loaded
    REFUSED,  // user, password
    NO_RIGHT,
    CLUSTER,
};

// X(what the error begins with, a whole word or phrase; what it means)
#define MEANINGS(X)                                                                                                    \
    X("LOADING", NOT_HERE)                                                                                             \
    X("READONLY", NOT_HERE)                                                                                            \
    X("MASTERDOWN", NOT_HERE)                                                                                          \
    X("UNBLOCKED", NOT_HERE) /* the server became a replica while we waited */                                         \
    X("NOREPLICAS", ALONE)                                                                                             \
    X("OOM", NOT_NOW)                                                                                                  \
    X("MISCONF", NOT_NOW)                                                                                              \
    X("BUSY", NOT_NOW)                                                                                                 \
    X("TRYAGAIN", NOT_NOW)                                                                                             \
    X("CLUSTERDOWN", NOT_NOW)                                                                                          \
    X("ERR max number of clients", NOT_NOW)                                                                            \
    X("NOAUTH", REFUSED)                                                                                               \
    X("WRONGPASS", REFUSED)                                                                                            \
    X("DENIED", REFUSED) /* protected mode */                                                                          \
    X("NOPERM", NO_RIGHT)                                                                                              \
    X("The user executing the script can't", NO_RIGHT)     /* 6.2 */                                                   \
    X("ERR The user executing the script can't", NO_RIGHT) /* 7.0 */                                                   \
    X("ERR ACL failure in script", NO_RIGHT)               /* 7.2, 8, Valkey */                                        \
    X("MOVED", CLUSTER)                                                                                                \
    X("ASK", CLUSTER)                                                                                                  \
    X("CROSSSLOT", CLUSTER)

static bool begins_with(struct str text, const char *words)
{
    size_t len = strlen(words);
    return text.len >= len && memcmp(text.ptr, words, len) == 0 &&
           (text.len == len || text.ptr[len] == ' ' || text.ptr[len] == ':');
}

// Redis before 7 wraps what a command met inside a script: "ERR Error running script (call to f_..): @user_script:12:
// @user_script: 12: -READONLY You can't write ...". What stands behind the last position is the error itself.
static struct str own_words(struct str text)
{
    static const char POSITION[] = "@user_script:";
    const char *end = text.ptr + text.len;
    const char *at;
    if (!begins_with(text, "ERR Error running script"))
        return text;
    while ((at = memmem(text.ptr, text.len, POSITION, sizeof POSITION - 1))) {
        at += sizeof POSITION - 1;
        while (at < end && (*at == ' ' || *at == ':' || (*at >= '0' && *at <= '9')))
            at++;
        text = (struct str){at, (size_t)(end - at)};
    }
    if (text.len && text.ptr[0] == '-')
        text = (struct str){text.ptr + 1, text.len - 1};
    return text;
}

static enum meaning meaning_of(const struct redis_reply *r)
{
    if (redis_reply_type(r) != REDIS_ERROR)
        return OTHER;
    struct str words = own_words(redis_reply_str(r));
#define MEANING_TEST(begin, meaning)                                                                                   \
    if (begins_with(words, begin))                                                                                     \
        return meaning;
    MEANINGS(MEANING_TEST)
    return OTHER;
}

bool redis_is_noscript(const struct redis_reply *r)
{
    return redis_reply_type(r) == REDIS_ERROR && begins_with(redis_reply_str(r), "NOSCRIPT");
}

bool redis_wants_reconnect(const struct redis_reply *r, const struct redis_url *url)
{
    enum meaning m = meaning_of(r);
    return m == NOT_HERE || (m == ALONE && url->n_sentinels > 0);
}

bool redis_reply_error(const struct redis_reply *r, struct err *e)
{
    static const struct {
        enum err_kind kind;
        const char *remedy;
    } KINDS[] = {
        [OTHER] = {ERR_REDIS, ""},
        [NOT_NOW] = {ERR_REDIS_AWAY, ""},
        [ALONE] = {ERR_REDIS_AWAY, ""},
        [NOT_HERE] = {ERR_REDIS_AWAY, ""},
        [REFUSED] = {ERR_CONFIG, " (check user and password: redis.url, redis.password_file)"},
        [NO_RIGHT] = {ERR_CONFIG, " (the rights that are needed stand in config/redis.acl)"},
        [CLUSTER] = {ERR_CONFIG, " (this is a Redis Cluster, which is not supported: use one server, or Sentinel)"},
    };
    if (redis_reply_type(r) != REDIS_ERROR)
        return false;
    enum meaning m = meaning_of(r);
    struct str text = redis_reply_str(r);
    // Cut, so that the remedy always fits.
    if (text.len > ERR_MESSAGE_MAX / 2)
        text.len = ERR_MESSAGE_MAX / 2;
    (void)err_set(e, KINDS[m].kind, "Redis says: " STR_FMT "%s", STR_ARG(text), KINDS[m].remedy);
    return true;
}
