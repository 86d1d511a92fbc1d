#include "worker/copy/http_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/check.h"
#include "common/clock.h"
#include "worker/copy/http_address.h"

enum { HEADER_TOO_LARGE = 100 }; // CURLE_TOO_LARGE, since 8.6; before, it was out of memory then
enum { AGE_MAX_S = 60, LIFETIME_MAX_S = 600, KEEPALIVE_IDLE_S = 30, RETRY_AFTER_MAX_S = 86400, HEADERS_MAX = 65536 };

// ---- what the URL says ----

bool http_url_host(const char *url, char out[HTTP_HOST_MAX], const char **wrong)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    CURLU *u = curl_url();
    CHECK(u);
    CURLUcode code = curl_url_set(u, CURLUPART_URL, url, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OK)
        code = curl_url_get(u, CURLUPART_HOST, &host, 0);
    bool ok = code == CURLUE_OK && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    *wrong = ok                                                       ? NULL
             : code == CURLUE_OK || code == CURLUE_UNSUPPORTED_SCHEME ? "the URL is neither http nor https"
                                                                      : "that is no URL";
    if (ok) {
        (void)curl_url_get(u, CURLUPART_PORT, &port, 0); // none: NULL
        (void)snprintf(out, HTTP_HOST_MAX, "%s%s%s", host, port ? ":" : "", port ? port : "");
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return ok;
}

// ---- options in ----

// Before the first packet, and for each address that a name has.
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *a)
{
    (void)purpose;
    struct http_call *c = context;
    if (c->h->settings.blocks_private && http_address_is_private(&a->addr)) {
        c->is_private = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static size_t take_header(char *line, size_t size, size_t n, void *context)
{
    (void)line;
    struct http_call *c = context;
    c->headers_len += size * n;
    return c->headers_len > HEADERS_MAX ? 0 : size * n;
}

static size_t take_body(char *data, size_t size, size_t n, void *context)
{
    struct http_call *c = context;
    size_t len = size * n;
    buf_put(&c->answer, data, len);
    if (c->answer.is_over)
        return CURL_WRITEFUNC_ERROR;
    // Servers that think for long send white space meanwhile, so that nobody hangs up: that is no trickle.
    if (!c->has_text && str_trim((struct str){data, len}).len) {
        c->has_text = true;
        c->watched_ms = clock_mono_ms();
        c->watched_bytes = c->answer.len;
    }
    return len;
}

// They fail for want of memory, and for what the library has not been built with, which http_create has looked at.
#define SET(option, value) CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK)

static void set_limits(CURL *easy, struct http_call *c)
{
    const struct http_settings *s = &c->h->settings;
    SET(CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_ms);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)s->response_max); // by Content-Length; take_body sees the rest
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, c);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); // else ending a call waits for its DNS lookup, and the loop with it
    SET(CURLOPT_ERRORBUFFER, c->curl_error);
}

static void set_connection(CURL *easy, struct http_call *c)
{
    const struct http_settings *s = &c->h->settings;
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, c);
    SET(CURLOPT_MAXAGE_CONN, (long)AGE_MAX_S);
    SET(CURLOPT_MAXLIFETIME_CONN, (long)LIFETIME_MAX_S);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
    SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_IDLE_S);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_HTTP_VERSION, (long)(s->is_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    SET(CURLOPT_PIPEWAIT, s->is_http2 ? 1L : 0L);
    if (s->ca_file[0])
        SET(CURLOPT_CAINFO, s->ca_file);
}

CURL *http_transfer_begin(struct http_call *c)
{
    CURL *easy = curl_easy_init();
    CHECK(easy);
    SET(CURLOPT_PRIVATE, c);
    SET(CURLOPT_URL, c->url);
    SET(CURLOPT_USERAGENT, c->h->settings.user_agent);
    SET(CURLOPT_HTTPHEADER, c->headers);
    set_limits(easy, c);
    set_connection(easy, c);
    if (c->body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_len);
        SET(CURLOPT_POSTFIELDS, c->body);
    }
    return easy;
}

#undef SET

// ---- the result out ----

static int64_t microseconds(CURL *easy, CURLINFO what)
{
    curl_off_t us = 0;
    CHECK(curl_easy_getinfo(easy, what, &us) == CURLE_OK);
    return us;
}

// libcurl has one code for whatever took too long.
static enum http_result what_took_long(CURL *easy)
{
    if (microseconds(easy, CURLINFO_PRETRANSFER_TIME_T) > 0)
        return HTTP_TIMEOUT;
    return microseconds(easy, CURLINFO_NAMELOOKUP_TIME_T) == 0 ? HTTP_NO_NAME : HTTP_NO_CONNECT;
}

// A server that is overloaded hangs up in the handshake too; one whose TLS is wrong says so, as OpenSSL's "error:...".
static enum http_result handshake_result(const struct http_call *c)
{
    bool is_said = strstr(c->curl_error, "error:") && !strstr(c->curl_error, "unexpected eof");
    return is_said ? HTTP_TLS : HTTP_RESET;
}

static bool has_endless_headers(const struct http_call *c)
{
    return c->headers_len > HEADERS_MAX;
}

static enum http_result result_of(const struct http_call *c, CURLcode code)
{
    switch ((int)code) {
    case CURLE_OK:
        return HTTP_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return HTTP_NO_NAME;
    case CURLE_COULDNT_CONNECT:
        return c->is_private ? HTTP_REFUSED : HTTP_NO_CONNECT;
    case CURLE_PROXY:
        return HTTP_NO_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return what_took_long(c->easy);
    case CURLE_SSL_CONNECT_ERROR:
        return handshake_result(c);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
        return HTTP_TLS;
    case CURLE_FILESIZE_EXCEEDED:
        return HTTP_TOO_LARGE;
    case CURLE_WRITE_ERROR: // nothing else makes take_header and take_body refuse
        return has_endless_headers(c) ? HTTP_RESET : HTTP_TOO_LARGE;
    default:
        return HTTP_RESET;
    }
}

// libcurl's own words, unless they quote a proxy's URL with its password.
static const char *words(const struct http_call *c, CURLcode code)
{
    if (code == CURLE_UNSUPPORTED_PROTOCOL) // another one than http was refused before
        return "what it answers is not HTTP";
    return c->curl_error[0] && !strchr(c->curl_error, '@') ? c->curl_error : curl_easy_strerror(code);
}

static void describe(struct http_call *c, CURLcode code)
{
    struct err *e = &c->error;
    long os_error = 0;
    CHECK(curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_error) == CURLE_OK);
    (void)err_set(e, ERR_IO, "%s", words(c, code));
    if (has_endless_headers(c) || (int)code == HEADER_TOO_LARGE)
        (void)err_set(e, ERR_LIMIT, "the answer's headers are larger than %d bytes", HEADERS_MAX);
    else if (code == CURLE_OUT_OF_MEMORY)
        (void)err_set(e, ERR_LIMIT, "the answer's headers are larger than %d bytes, or libcurl has no memory",
                      HEADERS_MAX);
    else if (c->result == HTTP_TOO_LARGE)
        (void)err_set(e, ERR_LIMIT, "the answer is larger than %zu bytes (copy.response_bytes_max)",
                      c->h->settings.response_max);
    else if (c->result == HTTP_REFUSED)
        (void)err_set(e, ERR_CONFIG, "the address is private, and copy.block_private is set");
    else if (os_error && !strstr(e->message, strerror((int)os_error)))
        (void)err_set(e, ERR_IO, "%s (%s)", words(c, code), strerror((int)os_error));
    (void)err_wrap(e, "%s", c->host);
}

// CURLINFO_RETRY_AFTER is 0 without the header too, and for one that reads as nothing.
static int64_t retry_after_ms(CURL *easy)
{
    struct curl_header *header = NULL;
    curl_off_t s = 0;
    if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return -1;
    CHECK(curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &s) == CURLE_OK);
    int64_t zero;
    bool is_now = str_to_int(str_trim(str_of(header->value)), &zero) || curl_getdate(header->value, NULL) >= 0;
    if (s == 0 && !is_now)
        return -1;
    return (s < 0 ? 0 : s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : s) * 1000;
}

void http_transfer_result(struct http_call *c, CURLcode code)
{
    long status = 0;
    CHECK(curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
    c->status = (int)status;
    c->retry_after_ms = retry_after_ms(c->easy);
    c->result = result_of(c, code);
    if (c->result != HTTP_ANSWERED)
        describe(c, code);
}
