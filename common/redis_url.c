#include "common/redis.h"

#include "common/secret.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Percent-decoded copy; false when it does not fit or an escape is broken.
static bool url_copy(struct str part, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        if (c == '%') {
            if (i + 2 >= part.len || hex_value(part.ptr[i + 1]) < 0 || hex_value(part.ptr[i + 2]) < 0)
                return false;
            c = (char)(hex_value(part.ptr[i + 1]) * 16 + hex_value(part.ptr[i + 2]));
            i += 2;
        }
        if (n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

// Splits s at the first (or last) `at`: the head is returned, s becomes the tail. Without `at`: false.
static bool split(struct str *s, char at, bool last, struct str *head)
{
    const char *found = last ? memrchr(s->ptr, at, s->len) : memchr(s->ptr, at, s->len);
    if (!found)
        return false;
    *head = (struct str){s->ptr, (size_t)(found - s->ptr)};
    *s = (struct str){found + 1, s->len - head->len - 1};
    return true;
}

static bool take_prefix(struct str *s, const char *prefix)
{
    size_t len = strlen(prefix);
    if (s->len < len || memcmp(s->ptr, prefix, len) != 0)
        return false;
    *s = (struct str){s->ptr + len, s->len - len};
    return true;
}

static bool url_parse_db(struct str text, int *db)
{
    int64_t value = 0;
    if (text.len && (!str_to_int(text, &value) || value < 0 || value > 1000000))
        return false;
    *db = (int)value;
    return true;
}

static bool url_parse_unix(struct str rest, struct redis_url *u)
{
    struct str path = rest;
    struct str db = {"", 0};
    if (split(&rest, '?', false, &path)) {
        db = rest;
        if (!take_prefix(&db, "db="))
            return false;
    }
    return path.len > 0 && url_copy(path, u->path, sizeof u->path) && url_parse_db(db, &u->db);
}

static bool url_parse_tcp(struct str rest, struct redis_url *u)
{
    struct str credentials;
    if (split(&rest, '@', true, &credentials)) {
        struct str user = {"", 0};
        (void)split(&credentials, ':', false, &user);
        if (!url_copy(user, u->user, sizeof u->user) || !url_copy(credentials, u->password, sizeof u->password))
            return false;
    }
    struct str address = rest;
    struct str db = {"", 0};
    if (split(&rest, '/', false, &address))
        db = rest;
    struct str host = address;
    int64_t port = 6379;
    if (split(&address, ':', true, &host) && (!str_to_int(address, &port) || port < 1 || port > 65535))
        return false;
    u->port = (int)port;
    if (host.len > 1 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') // [::1]
        host = (struct str){host.ptr + 1, host.len - 2};
    return host.len > 0 && url_copy(host, u->host, sizeof u->host) && url_parse_db(db, &u->db);
}

bool redis_url_parse(const char *text, const char *password_file, struct redis_url *out, struct err *e)
{
    struct redis_url u = {0};
    struct str rest = str_of(text);
    bool ok;
    if (take_prefix(&rest, "unix://") || take_prefix(&rest, "redis+unix://"))
        ok = url_parse_unix(rest, &u);
    else if (take_prefix(&rest, "redis://"))
        ok = url_parse_tcp(rest, &u);
    else if (take_prefix(&rest, "rediss://"))
        ok = (u.is_tls = true) && url_parse_tcp(rest, &u);
    else
        ok = false;
    if (!ok)
        return err_set(
            e, ERR_CONFIG,
            "redis.url is not redis://[user:password@]host[:port][/db], rediss://... or unix:///path[?db=n]");
#ifndef BUNDLE_HAVE_HIREDIS_SSL
    if (u.is_tls)
        return err_set(e, ERR_CONFIG,
                       "redis.url asks for TLS, which this build has not (hiredis 1.x with hiredis_ssl, Debian 13); "
                       "use a unix socket, a TLS tunnel such as stunnel, or build on Debian 13");
#endif
    if (password_file && password_file[0] &&
        !secret_read("redis.password_file", password_file, u.password, sizeof u.password, e))
        return false;
    *out = u;
    return true;
}
