// The job as a producer sends it (common/PROTOCOL.md, "Job"), from the command line. `enqueue` sends it, what works
// without a server reads it back: all understand the same options.
#ifndef BUNDLE_WORKER_CTL_JOB_MESSAGE_H
#define BUNDLE_WORKER_CTL_JOB_MESSAGE_H

#include "worker/ctl/args.h"
#include "worker/stages/job_request.h"

// Rows for a command's table of options.
#define JOB_OPTION_ROWS                                                                                                \
    {"objective", "NAME", "only this objective; may be repeated",                                                      \
     "increase_aov|clear_slow_movers|seasonal_promo|new_launch|category_bundle|gift_box|subscription_push|"            \
     "margin_guard"},                                                                                                  \
        {"type", "NAME", "only this bundle type; may be repeated", "FBT|VOLUME_DISCOUNT|MIX_MATCH|BXGY|FIXED"},        \
    {                                                                                                                  \
        "option", "KEY=VALUE", "one option of the job: exclude, pin, max_discount, ...; may be repeated", NULL         \
    }

// The keys of --option, for --help.
#define JOB_OPTIONS_HELP                                                                                               \
    "Options of a job (--option KEY=VALUE):\n"                                                                         \
    "  exclude=A,B         products that must not be offered: variant ids, product ids, SKUs or titles, in any "       \
    "case;\n"                                                                                                          \
    "                      also exclude_types, exclude_vendors, exclude_tags\n"                                        \
    "  only=A,B            offer nothing but these; also only_types, only_vendors, only_tags\n"                        \
    "  pin=A,B             products that bundles must be built around\n"                                               \
    "  not_together=A,B    products of which no two may share a bundle; each --option is a list of its own\n"          \
    "  bundles=N           at most N bundles\n"                                                                        \
    "  max_discount=PCT    never more than PCT percent off\n"                                                          \
    "  min_margin=X        never below cost * (1 + X), where the cost is known\n"                                      \
    "  min_price=P         only products from this price on, in the shop's currency\n"                                 \
    "  max_price=P         ... and up to this one\n"                                                                   \
    "  season_words=A,B=C  words that mark a product as seasonal; words of one season are parted by =\n"               \
    "  locale=TAG          language of the copy: en, en-GB, de-AT, ...\n"                                              \
    "  as_of=DATE          what \"recent\" is measured from; the newest order by default\n"                            \
    "Lists may be given in several --option of the same key.\n"

// {"shop": ..., "upload": ..., "force": ..., "options": {...}} as JSON.
bool job_message_build(const struct args *a, const char *shop, const char *upload, bool is_forced, struct buf *out,
                       struct err *e) MUST_USE;
// The options alone: {...}.
bool job_message_options_json(const struct args *a, struct buf *out, struct err *e) MUST_USE;
// Through the reader that the worker uses; texts live in `memory`.
bool job_message_options(const struct args *a, struct arena *memory, struct job_request *out, struct err *e) MUST_USE;

#endif
