#include "common/redis_internal.h"

// hiredis wraps a connection into TLS but verifies the chain only, never whose certificate it is: the OpenSSL session
// is made here, with the server's name to be checked, and handed to it. Files are read for every connection, so that
// certificates can be renewed under a running worker.

#ifdef BUNDLE_HAVE_HIREDIS_SSL

#include <arpa/inet.h>
#include <sys/stat.h>

#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/check.h"

static void ctx_freep(SSL_CTX **ctx)
{
    SSL_CTX_free(*ctx);
}

static bool refuse(struct err *e, const char *what, const char *file)
{
    char cause[256] = "no reason given";
    unsigned long code = ERR_get_error();
    if (code)
        ERR_error_string_n(code, cause, sizeof cause);
    ERR_clear_error();
    return err_set(e, ERR_CONFIG, "TLS to Redis: %s%s%s: %s", what, file[0] ? " " : "", file, cause);
}

static bool trust(SSL_CTX *ctx, const char *ca, struct err *e)
{
    struct stat info;
    if (!ca[0])
        return SSL_CTX_set_default_verify_paths(ctx) == 1 || refuse(e, "the system's certificates", "");
    bool is_directory = stat(ca, &info) == 0 && S_ISDIR(info.st_mode);
    return SSL_CTX_load_verify_locations(ctx, is_directory ? NULL : ca, is_directory ? ca : NULL) == 1 ||
           refuse(e, "redis.tls_ca_file", ca);
}

static bool identify(SSL_CTX *ctx, const struct redis_url *url, struct err *e)
{
    if (!url->tls_cert[0])
        return true;
    if (SSL_CTX_use_certificate_chain_file(ctx, url->tls_cert) != 1)
        return refuse(e, "redis.tls_cert_file", url->tls_cert);
    return (SSL_CTX_use_PrivateKey_file(ctx, url->tls_key, SSL_FILETYPE_PEM) == 1 &&
            SSL_CTX_check_private_key(ctx) == 1) ||
           refuse(e, "redis.tls_key_file", url->tls_key);
}

static bool expect_server(SSL *ssl, const char *server)
{
    unsigned char address[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
    if (inet_pton(AF_INET, server, address) == 1 || inet_pton(AF_INET6, server, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(rules, server) == 1;
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(rules, server, 0) == 1 && SSL_set_tlsext_host_name(ssl, server) == 1;
}

static bool refused(const SSL *ssl, struct err *e)
{
    long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK)
        (void)err_set(
            e, ERR_CONFIG,
            "TLS to Redis: its certificate is refused: %s (check redis.tls_ca_file and the name in redis.url)",
            X509_verify_cert_error_string(verdict));
    return verdict != X509_V_OK;
}

static bool begin(redisContext *c, SSL *take_ssl, struct redis_tls **session, struct err *e)
{
    if (redisInitiateSSL(c, take_ssl) != REDIS_OK) {
        if (!refused(take_ssl, e))
            (void)err_set(e, ERR_REDIS_AWAY, "TLS to Redis: %s", c->errstr);
        SSL_free(take_ssl); // hiredis took it only if it came to something
        return false;
    }
    if (session) {
        CHECK(SSL_up_ref(take_ssl) == 1);
        *session = (struct redis_tls *)take_ssl;
    }
    return true;
}

bool redis_start_tls(redisContext *c, const struct redis_url *url, const char *server, struct redis_tls **session,
                     struct err *e)
{
    if (!url->is_tls)
        return true;
    __attribute__((cleanup(ctx_freep))) SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    CHECK(ctx);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    CHECK(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
    if (!trust(ctx, url->tls_ca, e) || !identify(ctx, url, e))
        return false;
    SSL *ssl = SSL_new(ctx); // counts a reference to ctx
    CHECK(ssl);
    if (!expect_server(ssl, server)) {
        SSL_free(ssl);
        return err_set(e, ERR_CONFIG, "TLS to Redis: %s cannot be a server's name", server);
    }
    return begin(c, ssl, session, e);
}

bool redis_tls_refused(const struct redis_tls *session, struct err *e)
{
    return session && refused((const SSL *)session, e);
}

void redis_tls_free(struct redis_tls *session)
{
    SSL_free((SSL *)session);
}

#else

bool redis_start_tls(redisContext *c, const struct redis_url *url, const char *server, struct redis_tls **session,
                     struct err *e)
{
    (void)c, (void)url, (void)server, (void)session, (void)e; // redis_url_parse refuses rediss:// in such a build
    return true;
}

bool redis_tls_refused(const struct redis_tls *session, struct err *e)
{
    (void)session, (void)e;
    return false;
}

void redis_tls_free(struct redis_tls *session)
{
    (void)session;
}

#endif
