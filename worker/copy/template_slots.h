// Part of template.c: what a copy is being written of, and how its sentences are filled (slots: template_words.h).
#ifndef BUNDLE_WORKER_COPY_TEMPLATE_SLOTS_H
#define BUNDLE_WORKER_COPY_TEMPLATE_SLOTS_H

#include "common/json_out.h"
#include "worker/copy/template_words.h"
#include "worker/offers/offers.h"

enum { TEMPLATE_BYTES_MAX = 65536, TEMPLATE_UNCUT = 100000 };

enum template_name_form { NAME_WHOLE, NAME_PRODUCT, NAME_VARIANT }; // "Mug, blue", "Mug", "blue"

struct template_writer {
    const struct market *market;
    const struct bundle *bundle;
    const struct template_words *words;
    const struct tier *tier;
    const char *between, *last; // of a list of names
    enum template_name_form form;
    size_t name_max;
    bool is_title_whole; // it holds every name
    struct json_out json;
    struct buf text, cut;
};

// How names are written from here on: in which form, cut to how many characters, with what between them and before the
// last.
void template_form_names(struct template_writer *w, enum template_name_form form, size_t name_max, const char *between,
                         const char *last);
void template_put_name(struct template_writer *w, uint32_t item, struct buf *out);
void template_put_names(struct template_writer *w, struct buf *out); // all of them, as a list

void template_say(struct template_writer *w, enum template_sentence sentence); // into w->text

#endif
