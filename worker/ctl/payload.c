#include "worker/ctl/payload.h"

#include <jansson.h>

#include "common/check.h"
#include "worker/stages/job_json.h"

static bool open_map(struct mp_doc **doc, struct str payload)
{
    struct err e;
    return payload.len && mp_open(doc, payload.ptr, payload.len, &MP_LIMITS_MESSAGE, &e) && mp_is_map(mp_root(*doc));
}

void payload_put(struct json_out *j, struct str payload)
{
    AUTO(mp_closep) struct mp_doc *doc = NULL;
    json_auto_t *v = json_loadb(payload.ptr, payload.len, 0, NULL);
    if (v)
        json_out_raw(j, str_trim(payload));
    else if (open_map(&doc, payload))
        job_json_put(j, mp_root(doc));
    else
        json_out_str(j, payload);
}
