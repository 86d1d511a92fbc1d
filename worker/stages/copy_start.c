#include "worker/stages/stages.h"

#include "worker/copy/copywriter.h"
#include "worker/copy/locale.h"

// After so many failures in a row nobody asks for so long, up to a minute when it goes on.
enum { FAILURES_MAX = 5, CLOSED_MS = 5000, CLOSED_MAX_MS = 60000 };

void stages_copy_settings(const struct settings *s, struct copywriter_settings *out)
{
    *out = (struct copywriter_settings){
        .http = {.in_flight_max = (unsigned)s->copy_in_flight,
                 .timeout_ms = s->copy_timeout_ms,
                 .connect_ms = s->copy_connect_ms,
                 .response_max = (size_t)s->copy_response_max,
                 .is_http2 = s->copy_http2,
                 .blocks_private = s->copy_block_private,
                 .ca_file = s->copy_ca_file,
                 .user_agent = "bundle-worker"},
        .url = s->copy_url,
        .key = s->copy_key,
        .key_file = s->copy_key_file,
        .organization = s->copy_organization,
        .project = s->copy_project,
        .structured = (enum copy_structured)s->copy_structured,
        .cache_ttl_s = s->copy_cache_ttl_s,
        .gate = {.requests_per_min = s->copy_requests_per_min,
                 .units_per_min = s->copy_tokens_per_min,
                 .failures_max = FAILURES_MAX,
                 .closed_ms = CLOSED_MS,
                 .closed_max_ms = CLOSED_MAX_MS,
                 .probe_ms = s->copy_connect_ms + s->copy_timeout_ms},
        .redis_timeout_ms = s->redis_timeout_ms,
    };
}

bool stages_check(const struct settings *s, struct err *e)
{
    return locale_is_tag(str_of(s->copy_locale)) ||
           err_set(e, ERR_CONFIG, "copy.locale = \"%s\" is no language tag: en, en-GB, zh-Hant-TW", s->copy_locale);
}

bool stages_copy_start(struct stages_env *env, struct err *e)
{
    const struct settings *s = env->settings;
    struct copywriter_settings writer;
    if (!s->copy_key[0] && !s->copy_key_file[0])
        return true;
    stages_copy_settings(s, &writer);
    return http_global_init(e) && copywriter_create(&env->copywriter, &writer, env->queue, env->redis_url, e);
}

void stages_copy_stop(struct stages_env *env)
{
    if (!env->copywriter)
        return;
    copywriter_destroy(env->copywriter);
    env->copywriter = NULL;
    http_global_cleanup();
}

void *stages_io_open(void *env)
{
    return env;
}

void stages_io_close(void *env)
{
    stages_copy_stop(env);
}
