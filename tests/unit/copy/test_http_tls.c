// The HTTP client over TLS: certificates, what is no TLS, HTTP/2. The servers are openssl's own and Node.js', where
// they are installed; the certificate is made here.

#include "worker/copy/http.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "http_test.h"

struct certificate {
    char dir[64], file[96], key[96];
    bool is_made;
};

static bool certificate_make(struct certificate *c)
{
    char command[512];
    const char *dir = getenv("TEST_DIR");
    *c = (struct certificate){0};
    (void)snprintf(c->dir, sizeof c->dir, "%.40s/http_tls.XXXXXX", dir ? dir : "/tmp");
    assert_non_null(mkdtemp(c->dir));
    (void)snprintf(c->file, sizeof c->file, "%s/cert.pem", c->dir);
    (void)snprintf(c->key, sizeof c->key, "%s/key.pem", c->dir);
    (void)snprintf(command, sizeof command,
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout %s -out %s "
                   "-days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 2>/dev/null",
                   c->key, c->file);
    c->is_made = system(command) == 0;
    return c->is_made;
}

static void certificate_remove(struct certificate *c)
{
    (void)unlink(c->key);
    (void)unlink(c->file);
    (void)rmdir(c->dir);
}

struct program {
    pid_t pid;
    int port;
};

static void become(const char *const *argv, int out)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // also where a test fails
    (void)dup2(out, STDOUT_FILENO);
    (void)execvp(argv[0], (char *const *)argv);
    _exit(127);
}

// A server that says "ACCEPT 127.0.0.1:PORT" when it is there. false: this machine has no such program.
static bool program_start(struct program *p, const char *const *argv)
{
    static const char SAID[] = "ACCEPT 127.0.0.1:";
    char line[256];
    int ends[2];
    *p = (struct program){0};
    assert_int_equal(pipe(ends), 0);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0)
        become(argv, ends[1]);
    (void)close(ends[1]);
    FILE *said = fdopen(ends[0], "r");
    assert_non_null(said);
    while (p->port == 0 && fgets(line, sizeof line, said))
        if (strncmp(line, SAID, sizeof SAID - 1) == 0)
            p->port = (int)strtol(line + sizeof SAID - 1, NULL, 10);
    (void)fclose(said);
    return p->port > 0;
}

static void program_stop(struct program *p)
{
    (void)kill(p->pid, SIGKILL);
    assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
}

// Leaves the test where what it needs is not there.
static void skip_without(struct certificate *c, struct program *p, const char *what)
{
    if (p)
        program_stop(p);
    certificate_remove(c);
    print_message("no %s command here\n", what);
    skip();
}

static struct got ask(struct surroundings *s, const struct program *p, const char *host, const char *ca_file)
{
    char url[64];
    s->settings.ca_file = ca_file;
    http_test_client(s);
    (void)snprintf(url, sizeof url, "https://%s:%d/", host, p->port);
    struct got g = http_test_ask_at(s, url, "");
    print_message("%-20s %-10s %s\n", url, http_result_name(g.result), g.error);
    return g;
}

static void a_certificate_counts_that_ca_file_trusts(void **state)
{
    (void)state;
    struct certificate c;
    struct program p;
    struct surroundings s;
    if (!certificate_make(&c))
        skip_without(&c, NULL, "openssl");
    const char *const server[] = {"openssl", "s_server", "-accept", "127.0.0.1:0", "-cert",
                                  c.file,    "-key",     c.key,     "-www",        NULL};
    assert_true(program_start(&p, server));
    http_test_open(&s, NULL, NULL);
    assert_int_equal(ask(&s, &p, "127.0.0.1", c.file).status, 200);
    s.settings.is_http2 = true; // which this server does not speak
    assert_int_equal(ask(&s, &p, "127.0.0.1", c.file).status, 200);
    struct got g = ask(&s, &p, "127.0.0.1", "");
    assert_int_equal(g.result, HTTP_TLS);
    assert_non_null(strstr(g.error, "certificate"));
    assert_int_equal(ask(&s, &p, "localhost", c.file).result, HTTP_TLS); // another name
    http_test_close(&s);
    program_stop(&p);
    certificate_remove(&c);
}

static void http2_has_one_connection_for_all(void **state)
{
    (void)state;
    enum { N = 40, AT_ONCE = 20 };
    static struct got got[N];
    struct certificate c;
    struct program p;
    struct surroundings s;
    char url[64];
    if (!certificate_make(&c))
        skip_without(&c, NULL, "openssl");
    static const char SCRIPT[] = BUNDLE_SOURCE_DIR "/tests/unit/copy/http2_server.mjs";
    const char *const server[] = {"node", SCRIPT, c.file, c.key, NULL};
    if (!program_start(&p, server))
        skip_without(&c, &p, "node");
    http_test_open(&s, NULL, NULL);
    s.settings.ca_file = c.file;
    s.settings.is_http2 = true;
    s.settings.in_flight_max = AT_ONCE;
    http_test_client(&s);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", p.port);
    for (int i = 0; i < N; i++)
        (void)http_test_send_to(&s, url, "{}", &got[i]);
    HTTP_TEST_AWAIT(&s, s.n_got == N);
    for (int i = 0; i < N; i++)
        assert_string_equal(got[i].body, "2.0 1"); // its version, and how many connections there were
    s.settings.is_http2 = false;
    http_test_client(&s);
    struct got g = http_test_ask_at(&s, url, "{}");
    assert_int_equal(g.result, HTTP_ANSWERED);
    assert_int_equal(strncmp(g.body, "1.1", 3), 0);
    http_test_close(&s);
    program_stop(&p);
    certificate_remove(&c);
}

static void greet_as_mail(struct http_peer *p)
{
    http_peer_raw(p, STR("220 mail.test ESMTP\r\n"));
}

static void what_is_no_tls_is_said_to_be_none(void **state)
{
    (void)state;
    struct surroundings s;
    char url[64];
    http_test_open(&s, NULL, NULL);
    s.settings.connect_ms = 300;
    http_test_client(&s);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%d/", http_server_port(s.server));
    assert_int_equal(http_test_ask_at(&s, url, "{}").result, HTTP_NO_CONNECT); // the server waits too
    s.settings.connect_ms = 10000;
    http_test_client(&s);
    http_server_greet(s.server, greet_as_mail);
    assert_int_equal(http_test_ask_at(&s, url, "{}").result, HTTP_TLS);
    http_server_greet(s.server, http_peer_close); // worth another try: it may be overloaded
    assert_int_equal(http_test_ask_at(&s, url, "{}").result, HTTP_RESET);
    http_server_greet(s.server, http_peer_reset);
    assert_int_equal(http_test_ask_at(&s, url, "{}").result, HTTP_RESET);
    http_test_close(&s);
}

int main(void)
{
    static const char *const PROXIES[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(PROXIES); i++)
        (void)unsetenv(PROXIES[i]);
    CHECK(http_global_init(&e));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_counts_that_ca_file_trusts),
        cmocka_unit_test(http2_has_one_connection_for_all),
        cmocka_unit_test(what_is_no_tls_is_said_to_be_none),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_cleanup();
    return failed;
}
