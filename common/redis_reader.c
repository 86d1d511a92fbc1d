#include "common/redis_internal.h"

// hiredis makes two allocations for each part of a reply, and that was a fifth of what a turn costs. Here all parts
// come out of an arena, which is emptied when hiredis frees the whole.
enum { ELEMENTS_MAX = 1 << 24, BUFFER_KEPT = 256 << 10 };

struct root { // hiredis frees a reply by its address alone
    redisReply reply;
    struct arena *memory;
};

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

static redisReply *create(const redisReadTask *t)
{
    struct arena *memory = t->privdata;
    redisReply *reply;
    if (t->parent) {
        const redisReply *parent = t->parent->obj;
        reply = parent->element[t->idx] = ARENA_NEW(memory, redisReply);
    } else {
        struct root *root = ARENA_NEW(memory, struct root);
        root->memory = memory;
        reply = &root->reply;
    }
    reply->type = t->type;
    return reply;
}

static void *create_string(const redisReadTask *t, char *text, size_t len)
{
    redisReply *reply = create(t);
    reply->str = arena_strdup(t->privdata, text, len);
    reply->len = len;
    return reply;
}

static void *create_array(const redisReadTask *t, element_count n)
{
    if ((size_t)n > ELEMENTS_MAX)
        return NULL; // taken for "out of memory": the connection ends
    redisReply *reply = create(t);
    reply->elements = (size_t)n;
    reply->element = ARENA_ARRAY((struct arena *)t->privdata, redisReply *, (size_t)n);
    return reply;
}

static void *create_integer(const redisReadTask *t, long long value)
{
    redisReply *reply = create(t);
    reply->integer = value;
    return reply;
}

static void *create_nil(const redisReadTask *t)
{
    return create(t);
}

#if HIREDIS_MAJOR >= 1 // of RESP3, which nobody asks for
static void *create_double(const redisReadTask *t, double value, char *text, size_t len)
{
    (void)value;
    return create_string(t, text, len);
}

static void *create_bool(const redisReadTask *t, int value)
{
    return create_integer(t, value);
}
#endif

static void destroy(void *reply)
{
    struct root *root = reply;
    arena_reset(root->memory);
}

void redis_read_into(redisContext *c, struct arena *memory)
{
    static redisReplyObjectFunctions functions = {
        .createString = create_string,
        .createArray = create_array,
        .createInteger = create_integer,
        .createNil = create_nil,
#if HIREDIS_MAJOR >= 1
        .createDouble = create_double,
        .createBool = create_bool,
#endif
        .freeObject = destroy
    };
    c->reader->fn = &functions;
    c->reader->privdata = memory;
    c->reader->maxbuf = BUFFER_KEPT; // of 16 KiB it would be given back after every turn, and grow anew
}
