#include "common/redis.h"

#include <errno.h>
#include <unistd.h>

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

// "user:password@" in front of the rest; without a colon it is the password.
static bool url_parse_credentials(struct str *rest, struct redis_url *u)
{
    struct str credentials;
    struct str user = {"", 0};
    if (!split(rest, '@', true, &credentials))
        return true;
    (void)split(&credentials, ':', false, &user);
    return url_copy(user, u->user, sizeof u->user) && url_copy(credentials, u->password, sizeof u->password);
}

static bool url_parse_unix(struct str rest, struct redis_url *u)
{
    struct str path;
    struct str db = {"", 0};
    bool has_credentials = rest.len > 0 && rest.ptr[0] != '/'; // a path may contain @ too
    if (has_credentials && !url_parse_credentials(&rest, u))
        return false;
    path = rest;
    if (split(&rest, '?', false, &path)) {
        db = rest;
        if (!take_prefix(&db, "db="))
            return false;
    }
    return path.len > 0 && path.ptr[0] == '/' && url_copy(path, u->path, sizeof u->path) && url_parse_db(db, &u->db);
}

static bool url_parse_place(struct str address, char *host, size_t host_size, int default_port, int *port)
{
    struct str name = address;
    int64_t number = default_port;
    // The last colon parts the port, unless it is one of [::1].
    bool has_port = address.len > 0 && address.ptr[address.len - 1] != ']' && split(&address, ':', true, &name);
    if (has_port && (!str_to_int(address, &number) || number < 1 || number > 65535))
        return false;
    if (name.len > 1 && name.ptr[0] == '[' && name.ptr[name.len - 1] == ']')
        name = (struct str){name.ptr + 1, name.len - 2};
    *port = (int)number;
    return name.len > 0 && url_copy(name, host, host_size);
}

static bool url_parse_tcp(struct str rest, struct redis_url *u)
{
    if (!url_parse_credentials(&rest, u))
        return false;
    struct str address = rest;
    struct str db = {"", 0};
    if (split(&rest, '/', false, &address))
        db = rest;
    return url_parse_place(address, u->host, sizeof u->host, 6379, &u->port) && url_parse_db(db, &u->db);
}

static bool url_parse_sentinels(struct str list, struct redis_url *u)
{
    for (bool is_last = false; !is_last;) {
        struct str one = list;
        is_last = !split(&list, ',', false, &one);
        if (u->n_sentinels == REDIS_SENTINELS_MAX)
            return false;
        struct redis_place *place = &u->sentinels[u->n_sentinels++];
        if (!url_parse_place(one, place->host, sizeof place->host, 26379, &place->port))
            return false;
    }
    return true;
}

static bool url_parse_query(struct str query, struct redis_url *u)
{
    for (bool is_last = query.len == 0; !is_last;) {
        struct str one = query;
        is_last = !split(&query, '&', false, &one);
        bool ok = take_prefix(&one, "sentinel_user=") ? url_copy(one, u->sentinel_user, sizeof u->sentinel_user)
                  : take_prefix(&one, "sentinel_password=")
                      ? url_copy(one, u->sentinel_password, sizeof u->sentinel_password)
                      : false;
        if (!ok)
            return false;
    }
    return true;
}

static bool url_parse_sentinel(struct str rest, struct redis_url *u)
{
    struct str head = rest;
    if (split(&rest, '?', false, &head) && !url_parse_query(rest, u))
        return false;
    if (!url_parse_credentials(&head, u))
        return false;
    struct str sentinels, master;
    if (!split(&head, '/', false, &sentinels))
        return false;
    master = head;
    struct str db = {"", 0};
    if (split(&head, '/', false, &master))
        db = head;
    return url_parse_sentinels(sentinels, u) && master.len > 0 && url_copy(master, u->master, sizeof u->master) &&
           url_parse_db(db, &u->db);
}

static bool url_parse(struct str rest, struct redis_url *u)
{
    if (take_prefix(&rest, "unix://"))
        return url_parse_unix(rest, u);
    if (take_prefix(&rest, "redis://"))
        return url_parse_tcp(rest, u);
    if (take_prefix(&rest, "redis+sentinel://"))
        return url_parse_sentinel(rest, u);
    u->is_tls = true;
    if (take_prefix(&rest, "rediss://"))
        return url_parse_tcp(rest, u);
    return take_prefix(&rest, "rediss+sentinel://") && url_parse_sentinel(rest, u);
}

bool redis_url_parse(const char *text, const char *password_file, struct redis_url *out, struct err *e)
{
    struct redis_url u = {0};
    if (!url_parse(str_of(text), &u))
        return err_set(
            e, ERR_CONFIG,
            "redis.url is not redis://[user:password@]host[:port][/db], rediss://..., "
            "unix://[user:password@]/path[?db=n] or "
            "redis+sentinel://[user:password@]host[:port],.../master[/db][?sentinel_password=...] (at most %d "
            "Sentinels)",
            REDIS_SENTINELS_MAX);
#ifndef BUNDLE_HAVE_HIREDIS_SSL
    if (u.is_tls)
        return err_set(e, ERR_CONFIG,
                       "redis.url asks for TLS, which this build has not (hiredis 1.x with hiredis_ssl, Debian 13); "
                       "use a unix socket, a TLS tunnel such as stunnel, or build on Debian 13");
#endif
    if (password_file && password_file[0]) {
        if (strlen(password_file) >= sizeof u.password_file)
            return err_set(e, ERR_CONFIG, "redis.password_file: its name has more than %zu bytes",
                           sizeof u.password_file - 1);
        if (!secret_read("redis.password_file", password_file, u.password, sizeof u.password, e))
            return false;
        memcpy(u.password_file, password_file, strlen(password_file) + 1);
    }
    *out = u;
    return true;
}

static bool set_file(const char *setting, const char *path, char out[REDIS_FILE_MAX], struct err *e)
{
    if (!path || !path[0])
        return true;
    if (strlen(path) >= REDIS_FILE_MAX)
        return err_set(e, ERR_CONFIG, "%s: its name has more than %d bytes", setting, REDIS_FILE_MAX - 1);
    if (access(path, R_OK) != 0)
        return err_set(e, ERR_CONFIG, "%s = %s: %s", setting, path, strerror(errno));
    memcpy(out, path, strlen(path) + 1);
    return true;
}

bool redis_url_set_tls(struct redis_url *u, const char *ca, const char *cert, const char *key, struct err *e)
{
    struct redis_url with = *u;
    bool ok = set_file("redis.tls_ca_file", ca, with.tls_ca, e) &&
              set_file("redis.tls_cert_file", cert, with.tls_cert, e) &&
              set_file("redis.tls_key_file", key, with.tls_key, e);
    if (ok && !with.tls_cert[0] != !with.tls_key[0])
        ok = err_set(e, ERR_CONFIG, "redis.tls_cert_file and redis.tls_key_file go together: set both or none");
    if (ok && !with.is_tls && (with.tls_ca[0] || with.tls_cert[0]))
        ok = err_set(e, ERR_CONFIG, "redis.tls_* files are set, but redis.url asks for no TLS (rediss://)");
    if (ok)
        *u = with;
    redis_url_forget(&with);
    return ok;
}

void redis_url_forget(struct redis_url *u)
{
    explicit_bzero(u, sizeof *u);
}
