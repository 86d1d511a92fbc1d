#include "worker/ctl/progress_bar.h"

#include <string.h>

#include <jansson.h>

#include "common/check.h"

enum { STEP_COLUMNS = 12 };

void progress_bar_put(const struct term *t, double share, unsigned columns, struct buf *out)
{
    if (!(share > 0))
        share = 0;
    if (share > 1)
        share = 1;
    unsigned full = (unsigned)(share * columns + 0.5);
    for (unsigned i = 0; i < columns; i++)
        buf_puts(out, i < full ? (t->has_unicode ? "\xE2\x96\x88" : "#") : (t->has_unicode ? "\xE2\x96\x91" : "-"));
}

void progress_put_duration(struct buf *out, int64_t ms)
{
    if (ms < 1000)
        buf_printf(out, "%d ms", (int)ms);
    else if (ms < 60000)
        buf_printf(out, "%d.%d s", (int)(ms / 1000), (int)(ms % 1000 / 100));
    else if (ms < 3600000)
        buf_printf(out, "%d min %02d s", (int)(ms / 60000), (int)(ms / 1000 % 60));
    else
        buf_printf(out, "%lld h %02d min", (long long)(ms / 3600000), (int)(ms / 60000 % 60));
}

static struct str text_of(const json_t *event, const char *key)
{
    const json_t *v = json_object_get(event, key);
    return (struct str){json_is_string(v) ? json_string_value(v) : "", json_is_string(v) ? json_string_length(v) : 0};
}

static int64_t number_of(const json_t *event, const char *key, int64_t absent)
{
    const json_t *v = json_object_get(event, key);
    return json_is_number(v) ? (int64_t)json_number_value(v) : absent;
}

// Where a job ended without an answer, how it ended says more than the step that it was in.
static bool has_ended_badly(struct str status)
{
    return str_eq(status, STR("failed")) || str_eq(status, STR("cancelled")) || str_eq(status, STR("rejected"));
}

static enum term_style style_of(struct str status)
{
    if (str_eq(status, STR("final")))
        return TERM_GREEN;
    return has_ended_badly(status) ? TERM_RED : TERM_YELLOW;
}

static void put_figures(const json_t *event, struct buf *out)
{
    int64_t total = number_of(event, "pairs_total", 0), elapsed = number_of(event, "elapsed_ms", -1);
    int64_t left = number_of(event, "eta_ms", -1);
    if (total > 0)
        buf_printf(out, "  %lld/%lld pairs", (long long)number_of(event, "pairs_done", 0), (long long)total);
    if (elapsed >= 0) {
        buf_puts(out, "  ");
        progress_put_duration(out, elapsed);
    }
    if (left > 0 && !has_ended_badly(text_of(event, "status"))) {
        buf_puts(out, ", about ");
        progress_put_duration(out, left);
        buf_puts(out, " left");
    }
}

void progress_bar_event(const struct term *t, const json_t *event, struct buf *out)
{
    AUTO(buf_fini) struct buf tail;
    buf_init(&tail, 4096);
    int64_t percent = number_of(event, "progress", 0);
    struct str status = text_of(event, "status"), step = text_of(event, "step");
    term_put_padded(out, step.len && !has_ended_badly(status) ? step : status, STEP_COLUMNS, false);
    buf_putc(out, ' ');
    term_style_begin(t, style_of(status), out);
    progress_bar_put(t, (double)percent / 100, PROGRESS_BAR_COLUMNS, out);
    term_style_end(t, out);
    buf_printf(&tail, " %3d%%", (int)(percent < 0 ? 0 : percent > 100 ? 100 : percent));
    put_figures(event, &tail);
    buf_puts(&tail, "  ");
    term_put(&tail, text_of(event, "message"));
    unsigned used = STEP_COLUMNS + 1 + PROGRESS_BAR_COLUMNS;
    term_put_cut(out, str_trim(buf_str(&tail)).len ? buf_str(&tail) : STR(""),
                 t->columns - 1 > used ? t->columns - 1 - used : 0);
}
