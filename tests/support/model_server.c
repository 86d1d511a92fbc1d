// model_server: a language model to test against, and to play with: the chat completions API in front of a "model" that
// writes decent copy without thinking, obeys titles that it should not, and misbehaves as it is told.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <event2/event.h>

#include "common/check.h"
#include "tests/support/chat/service.h"

static const char USAGE[] =
    "model_server [options]\n"
    "\n"
    "Listens on 127.0.0.1 and says \"listening on 127.0.0.1:PORT\" as its first line, until SIGTERM or SIGINT. Paths "
    "may\n"
    "have any prefix (/v1):\n"
    "\n"
    "  POST /chat/completions  OpenAI's API; the last message is {\"locale\": \"en\", \"bundles\": [...]}: copy for "
    "each\n"
    "  GET /models\n"
    "  GET /stats              what it has seen, as JSON; DELETE: counts from 0 again\n"
    "  PUT /behaviour          JSON, see below\n"
    "\n"
    "  --port N           default 0: any that is free\n"
    "  --key K            who does not send this key gets 401 (default: anybody may ask); --key-file F: it stands "
    "there\n"
    "  --structured WHAT  the best response_format that it knows: schema (default), json, none; more is refused by "
    "400\n"
    "  --refuses WHAT     max_tokens, temperature or both (max_tokens,temperature), by 400, as newer models do\n"
    "  --latency LOW-HIGH milliseconds, drawn evenly (default 0-0)\n"
    "  --seed S           of what is drawn (default 1)\n"
    "  --behaviour JSON   at the start; what is left out stays as it is:\n"
    "      {\"latency_ms\": [300, 900], \"seed\": 1, \"requests_per_min\": 60, \"tokens_per_min\": 10000,\n"
    "       \"obeys\": [\"abracadabra\"],     further words after which a title is obeyed\n"
    "       \"faults\": [{\"do\": NAME, \"times\": N, \"p\": P, \"mentions\": TEXT, \"bundles_min\": N,\n"
    "                   \"retry_after\": \"SECONDS\" or \"date\"}, ...]}\n"
    "      Of the faults the first that applies: to the next N requests, with probability P, to requests in which "
    "that\n"
    "      text occurs (of copy, only the bundles in which it does), to requests for so many bundles or more. [] ends "
    "them.\n"
    "      A limit lets a tenth of it through at once.\n"
    "  --list             the names of faults, and what they do\n";

static char key[512];

static _Noreturn void usage_error(const char *what, const char *value)
{
    (void)fprintf(stderr, "model_server: %s: %s (--help explains)\n", what, value);
    exit(2);
}

static int64_t number_of(const char *text, int64_t high, const char *what)
{
    int64_t value;
    if (!str_to_int(str_of(text), &value) || value < 0 || value > high)
        usage_error(what, text);
    return value;
}

static void read_key(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file || !fgets(key, sizeof key, file))
        usage_error(path, file ? "no key is in it" : strerror(errno));
    (void)fclose(file);
    key[strcspn(key, "\r\n")] = '\0';
}

static enum api_structured structured_of(const char *text)
{
    static const char *const NAMES[] = {[API_NONE] = "none", [API_JSON] = "json", [API_SCHEMA] = "schema"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        if (strcmp(text, NAMES[i]) == 0)
            return (enum api_structured)i;
    }
    usage_error("--structured", text);
}

static void set_refused(struct api_dialect *d, const char *text)
{
    char names[64], *rest = names;
    if (snprintf(names, sizeof names, "%s", text) >= (int)sizeof names)
        usage_error("--refuses", text);
    for (const char *name; (name = strsep(&rest, ","));) {
        if (strcmp(name, "max_tokens") == 0)
            d->refuses_max_tokens = true;
        else if (strcmp(name, "temperature") == 0)
            d->refuses_temperature = true;
        else
            usage_error("--refuses", text);
    }
}

static void change(struct behaviour *b, const char *json, const char *what)
{
    struct err e;
    if (!behaviour_change(b, str_of(json), &e))
        usage_error(what, e.message);
}

static void set_latency(struct behaviour *b, const char *text)
{
    char json[128];
    const char *dash = strchr(text, '-');
    struct str low = {text, dash ? (size_t)(dash - text) : strlen(text)};
    (void)snprintf(json, sizeof json, "{\"latency_ms\":[" STR_FMT ",%s]}", STR_ARG(low), dash ? dash + 1 : text);
    change(b, json, "--latency");
}

static void take_option(struct service_options *o, struct behaviour *b, int c)
{
    switch (c) {
    case 'p':
        o->port = (uint16_t)number_of(optarg, UINT16_MAX, "--port");
        break;
    case 'k':
        if (snprintf(key, sizeof key, "%s", optarg) >= (int)sizeof key)
            usage_error("--key", "too long");
        break;
    case 'K':
        read_key(optarg);
        break;
    case 's':
        o->dialect.knows = structured_of(optarg);
        break;
    case 'r':
        set_refused(&o->dialect, optarg);
        break;
    case 'l':
        set_latency(b, optarg);
        break;
    case 'S':
        random_init(&b->random, (uint64_t)number_of(optarg, INT64_MAX, "--seed"));
        break;
    case 'b':
        change(b, optarg, "--behaviour");
        break;
    case 'L':
        fault_list(stdout);
        exit(0);
    case 'h':
        exit(fputs(USAGE, stdout) < 0);
    default:
        exit(2);
    }
}

static void parse(int argc, char **argv, struct service_options *o, struct behaviour *b)
{
    static const struct option OPTIONS[] = {{"port", required_argument, NULL, 'p'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"key-file", required_argument, NULL, 'K'},
                                            {"structured", required_argument, NULL, 's'},
                                            {"refuses", required_argument, NULL, 'r'},
                                            {"latency", required_argument, NULL, 'l'},
                                            {"seed", required_argument, NULL, 'S'},
                                            {"behaviour", required_argument, NULL, 'b'},
                                            {"list", no_argument, NULL, 'L'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    for (int c; (c = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1;)
        take_option(o, b, c);
    if (optind < argc)
        usage_error("unexpected argument", argv[optind]);
    o->key = *key ? key : NULL;
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)number, (void)what;
    (void)event_base_loopbreak(context);
}

static struct event *end_on(struct event_base *base, int number)
{
    struct event *e = evsignal_new(base, number, on_signal, base);
    CHECK(e && event_add(e, NULL) == 0);
    return e;
}

static void raise_file_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return; // it has what it has
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    struct service_options options = {.dialect.knows = API_SCHEMA};
    struct behaviour behaviour;
    behaviour_init(&behaviour);
    parse(argc, argv, &options, &behaviour);
    raise_file_limit();
    struct event_base *base = event_base_new();
    CHECK(base);
    struct event *term = end_on(base, SIGTERM), *interrupt = end_on(base, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    struct service *service = service_create(base, &options, &behaviour);
    if (!service) {
        (void)fprintf(stderr, "model_server: 127.0.0.1:%u: %s\n", options.port, strerror(errno));
        return 1;
    }
    (void)printf("listening on 127.0.0.1:%u\n", service_port(service));
    (void)fflush(stdout);
    (void)event_base_dispatch(base);
    service_destroy(service);
    event_free(term);
    event_free(interrupt);
    event_base_free(base);
    behaviour_fini(&behaviour);
    libevent_global_shutdown();
    return 0;
}
