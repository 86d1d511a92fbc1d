// Scripts as Redis runs them (https://redis.io/docs/latest/develop/programmability/lua-api/): Lua 5.1, KEYS and ARGV,
// redis.call, cjson.encode, no globals, values converted both ways by Redis' rules. Stricter: a script that touches a
// key outside KEYS[1] .. ":" fails, because all keys of a queue must share its slot.
#include "tests/model/mini_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

enum { SCRIPTS_MAX = 32, WORDS_MAX = 8192, REPLY_MAX = 64 << 20, RUNS_PER_COLLECTION = 1000 };

struct mini_lua {
    struct mini_redis *m;
    lua_State *state;
    struct {
        char name[32];
        int function; // reference in the registry
    } scripts[SCRIPTS_MAX];
    size_t n_scripts;
    unsigned runs;
    struct str prefix;           // KEYS[1] of the script that runs
    struct str words[WORDS_MAX]; // of the command that runs
    char numbers[WORDS_MAX][32]; // words that were numbers
    struct buf reply, text;      // of the command; of cjson.encode. Here because lua_error() does not come back
};

static struct mini_lua *self(lua_State *s)
{
    return lua_touserdata(s, lua_upvalueindex(1));
}

// ---- redis.call ----

static const char *push_reply(lua_State *s, const char *at);

static const char *push_array(lua_State *s, const char *at, long n)
{
    luaL_checkstack(s, 4, "reply is nested too deep");
    lua_createtable(s, (int)n, 0);
    for (long i = 1; i <= n; i++) {
        at = push_reply(s, at);
        lua_rawseti(s, -2, (int)i);
    }
    return at;
}

static void push_status(lua_State *s, const char *field, const char *text, size_t len)
{
    lua_createtable(s, 0, 1);
    lua_pushlstring(s, text, len);
    lua_setfield(s, -2, field);
}

// One reply in RESP becomes one Lua value; returns where the next one begins.
static const char *push_reply(lua_State *s, const char *at)
{
    const char *line_end = strchr(at, '\r'), *rest = line_end + 2;
    long n = strtol(at + 1, NULL, 10);
    switch (*at) {
    case ':':
        lua_pushnumber(s, (lua_Number)strtoll(at + 1, NULL, 10));
        return rest;
    case '+':
        push_status(s, "ok", at + 1, (size_t)(line_end - at - 1));
        return rest;
    case '$':
        if (n < 0) {
            lua_pushboolean(s, 0);
            return rest;
        }
        lua_pushlstring(s, rest, (size_t)n);
        return rest + n + 2;
    default:
        CHECK(*at == '*');
        if (n >= 0)
            return push_array(s, rest, n);
        lua_pushboolean(s, 0);
        return rest;
    }
}

static struct str word_at(struct mini_lua *l, lua_State *s, int i)
{
    if (lua_type(s, i) == LUA_TNUMBER) {
        int len = snprintf(l->numbers[i], sizeof l->numbers[i], "%.17g", lua_tonumber(s, i));
        return (struct str){l->numbers[i], (size_t)len};
    }
    if (lua_type(s, i) != LUA_TSTRING)
        (void)luaL_error(s, "Lua redis lib command arguments must be strings or integers (argument %d of %s)", i,
                         lua_isstring(s, 1) ? lua_tostring(s, 1) : "?");
    size_t len;
    const char *text = lua_tolstring(s, i, &len);
    return (struct str){text, len};
}

static int call(lua_State *s)
{
    struct mini_lua *l = self(s);
    int n = lua_gettop(s);
    if (n == 0 || n >= WORDS_MAX)
        return luaL_error(s, "redis.call with %d arguments", n);
    for (int i = 1; i <= n; i++)
        l->words[i - 1] = word_at(l, s, i);
    if (!mini_command_stays_in((size_t)n, l->words, l->prefix))
        return luaL_error(s, "%s of a key that is not the queue's: %s", lua_tostring(s, 1), lua_tostring(s, 2));
    buf_clear(&l->reply);
    if (!mini_redis_do(l->m, (size_t)n, l->words, &l->reply))
        return luaL_error(s, "%s: %s", lua_tostring(s, 1), l->reply.data);
    (void)push_reply(s, l->reply.data);
    return 1;
}

// ---- cjson ----

static void put_escaped(struct buf *out, unsigned char c)
{
    static const char SHORT[] = "\"\"\\\\//b\bf\fn\nr\rt\t"; // letter, character, ...
    for (size_t i = 0; i + 1 < sizeof SHORT; i += 2) {
        if (c == (unsigned char)SHORT[i + 1]) {
            buf_putc(out, '\\');
            buf_putc(out, SHORT[i]);
            return;
        }
    }
    if (c < 0x20 || c == 0x7f)
        buf_printf(out, "\\u%04x", c);
    else
        buf_putc(out, (char)c);
}

static void put_string(struct buf *out, struct str s)
{
    buf_putc(out, '"');
    for (size_t i = 0; i < s.len; i++)
        put_escaped(out, (unsigned char)s.ptr[i]);
    buf_putc(out, '"');
}

static int encode(lua_State *s)
{
    struct mini_lua *l = self(s);
    struct str text;
    buf_clear(&l->text);
    switch (lua_type(s, 1)) {
    case LUA_TSTRING:
        text.ptr = lua_tolstring(s, 1, &text.len);
        put_string(&l->text, text);
        break;
    case LUA_TNUMBER:
        buf_printf(&l->text, "%.14g", lua_tonumber(s, 1));
        break;
    default:
        return luaL_error(s, "cjson.encode of a %s: the small Redis of the tests has to learn it", luaL_typename(s, 1));
    }
    lua_pushlstring(s, l->text.data, l->text.len);
    return 1;
}

// ---- what a script returns ----

static void put_value(lua_State *s, struct buf *out);

// 1: there was a field of this name, and it is the reply.
static bool put_status(lua_State *s, const char *field, char mark, struct buf *out)
{
    lua_getfield(s, -1, field);
    bool is_it = lua_type(s, -1) == LUA_TSTRING;
    if (is_it)
        buf_printf(out, "%c%s\r\n", mark, lua_tostring(s, -1));
    lua_pop(s, 1);
    return is_it;
}

static void put_table(lua_State *s, struct buf *out)
{
    if (put_status(s, "err", '-', out) || put_status(s, "ok", '+', out))
        return;
    size_t n = 0;
    for (;; n++) { // up to the first nil, which is where Redis stops too
        lua_rawgeti(s, -1, (int)n + 1);
        bool is_end = lua_isnil(s, -1);
        lua_pop(s, 1);
        if (is_end)
            break;
    }
    mini_put_array(out, n);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(s, -1, (int)i);
        put_value(s, out);
        lua_pop(s, 1);
    }
}

static void put_value(lua_State *s, struct buf *out)
{
    struct str text;
    switch (lua_type(s, -1)) {
    case LUA_TSTRING:
        text.ptr = lua_tolstring(s, -1, &text.len);
        mini_put_bulk(out, text);
        break;
    case LUA_TNUMBER:
        mini_put_int(out, (int64_t)lua_tonumber(s, -1));
        break;
    case LUA_TBOOLEAN:
        if (lua_toboolean(s, -1))
            mini_put_int(out, 1);
        else
            mini_put_nil(out);
        break;
    case LUA_TTABLE:
        put_table(s, out);
        break;
    default:
        mini_put_nil(out);
    }
}

// ---- running ----

static void push_words(lua_State *s, size_t n, const struct str *words)
{
    lua_createtable(s, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushlstring(s, words[i].ptr, words[i].len);
        lua_rawseti(s, -2, (int)i + 1);
    }
}

static int function_of(const struct mini_lua *l, const char *name)
{
    for (size_t i = 0; i < l->n_scripts; i++)
        if (strcmp(l->scripts[i].name, name) == 0)
            return l->scripts[i].function;
    return LUA_NOREF;
}

bool mini_lua_knows(const struct mini_lua *l, const char *name)
{
    return function_of(l, name) != LUA_NOREF;
}

static void set_raw_global(lua_State *s, const char *name) // of the value on top
{
    lua_pushstring(s, name);
    lua_insert(s, -2);
    lua_rawset(s, LUA_GLOBALSINDEX);
}

static void put_failure(lua_State *s, struct buf *out)
{
    const char *why = lua_tostring(s, -1);
    buf_puts(out, "-ERR ");
    for (const char *at = why ? why : "error that is no text"; *at; at++)
        buf_putc(out, *at == '\r' || *at == '\n' ? ' ' : *at);
    buf_puts(out, "\r\n");
}

void mini_lua_run(struct mini_lua *l, const char *name, size_t n, const struct str *args, struct buf *out)
{
    lua_State *s = l->state;
    CHECK(n > 0);
    l->prefix = args[0];
    push_words(s, 1, args);
    set_raw_global(s, "KEYS");
    push_words(s, n - 1, args + 1);
    set_raw_global(s, "ARGV");
    lua_rawgeti(s, LUA_REGISTRYINDEX, function_of(l, name));
    if (lua_pcall(s, 0, 1, 0) == 0)
        put_value(s, out);
    else
        put_failure(s, out);
    lua_settop(s, 0);
    // Much garbage and little memory: rarely, and then whole, costs the least.
    if (++l->runs % RUNS_PER_COLLECTION == 0)
        (void)lua_gc(s, LUA_GCCOLLECT, 0);
}

bool mini_lua_load(struct mini_lua *l, const char *name, const char *body, struct err *e)
{
    lua_State *s = l->state;
    char chunk[48];
    (void)snprintf(chunk, sizeof chunk, "@%s", name);
    if (luaL_loadbuffer(s, body, strlen(body), chunk) != 0) {
        (void)err_set(e, ERR_INPUT, "%s", lua_tostring(s, -1));
        lua_settop(s, 0);
        return false;
    }
    int function = luaL_ref(s, LUA_REGISTRYINDEX);
    for (size_t i = 0; i < l->n_scripts; i++) {
        if (strcmp(l->scripts[i].name, name) == 0) {
            luaL_unref(s, LUA_REGISTRYINDEX, l->scripts[i].function);
            l->scripts[i].function = function;
            return true;
        }
    }
    CHECK(l->n_scripts < SCRIPTS_MAX);
    (void)snprintf(l->scripts[l->n_scripts].name, sizeof l->scripts[0].name, "%s", name);
    l->scripts[l->n_scripts++].function = function;
    return true;
}

// ---- the state ----

static int refuse_global(lua_State *s)
{
    return luaL_error(s, "Script attempted to access nonexistent global variable '%s'",
                      lua_isstring(s, 2) ? lua_tostring(s, 2) : "?");
}

static void set_function(struct mini_lua *l, const char *table, const char *name, lua_CFunction f)
{
    lua_State *s = l->state;
    lua_createtable(s, 0, 1);
    lua_pushlightuserdata(s, l);
    lua_pushcclosure(s, f, 1);
    lua_setfield(s, -2, name);
    lua_setglobal(s, table);
}

static void open_library(lua_State *s, lua_CFunction open, const char *name)
{
    lua_pushcfunction(s, open);
    lua_pushstring(s, name);
    lua_call(s, 1, 0);
}

static void forbid(lua_State *s, const char *name)
{
    lua_pushnil(s);
    lua_setglobal(s, name);
}

static void seal_globals(lua_State *s)
{
    lua_createtable(s, 0, 2);
    lua_pushcfunction(s, refuse_global);
    lua_setfield(s, -2, "__index");
    lua_pushcfunction(s, refuse_global);
    lua_setfield(s, -2, "__newindex");
    lua_setmetatable(s, LUA_GLOBALSINDEX);
}

struct mini_lua *mini_lua_create(struct mini_redis *m)
{
    struct mini_lua *l = calloc(1, sizeof *l);
    CHECK(l);
    l->m = m;
    l->state = luaL_newstate();
    CHECK(l->state);
    buf_init(&l->reply, REPLY_MAX);
    buf_init(&l->text, REPLY_MAX);
    open_library(l->state, luaopen_base, "");
    open_library(l->state, luaopen_table, LUA_TABLIBNAME);
    open_library(l->state, luaopen_string, LUA_STRLIBNAME);
    open_library(l->state, luaopen_math, LUA_MATHLIBNAME);
    set_function(l, "redis", "call", call);
    set_function(l, "cjson", "encode", encode);
    static const char *const NOT_IN_REDIS[] = {"dofile", "loadfile", "print", "require", "module"};
    for (size_t i = 0; i < ARRAY_LEN(NOT_IN_REDIS); i++)
        forbid(l->state, NOT_IN_REDIS[i]);
    lua_settop(l->state, 0);
    seal_globals(l->state);
    lua_settop(l->state, 0);
    (void)lua_gc(l->state, LUA_GCSTOP, 0);
    return l;
}

void mini_lua_destroy(struct mini_lua *l)
{
    lua_close(l->state);
    buf_fini(&l->reply);
    buf_fini(&l->text);
    free(l);
}
