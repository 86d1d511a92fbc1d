// The words of template copy, a row per language: sentences with slots, which template.c fills with a bundle's figures.
// A new language is one more row.
//
// SLOTS  {names} {first} {rest} {n} {pick}    products: all by name, the first, how many more, how many, how many to
// take
//        {buy} {get} {off}                    BXGY: what is bought, what one gets, its reduction
//        {price} {before} {saving} {percent}  of the whole
//        {from} {tier} {each} {list}          VOLUME: a step's quantity, percent, price of one; the price without it
#ifndef BUNDLE_WORKER_COPY_TEMPLATE_WORDS_H
#define BUNDLE_WORKER_COPY_TEMPLATE_WORDS_H

#include "worker/offers/bundle.h"

enum template_sentence {
    TITLE_SET,
    TITLE_SET_MORE, // for when not all names fit
    TITLE_KIT,
    TITLE_KIT_MORE,
    TITLE_MIX,
    TITLE_MIX_MORE,
    TITLE_MIX_VARIANTS, // of one product
    TITLE_VOLUME,
    TITLE_GET_FREE,
    TITLE_GET_OFF,

    // Descriptions: without the full stop, for names may follow.
    OFFER_SET_PRICE,
    OFFER_SET_PERCENT, // no prices known
    OFFER_SET_SAME,    // no discount
    OFFER_SET,         // neither
    OFFER_KIT_PRICE,
    OFFER_KIT_PERCENT,
    OFFER_KIT_SAME,
    OFFER_KIT,
    OFFER_MIX,
    OFFER_TIER,
    OFFER_GET_FREE,
    OFFER_GET_OFF,

    VALUE_AMOUNT,
    VALUE_PERCENT,
    VALUE_NONE,
    VALUE_MIX,
    VALUE_TIER_PRICE,
    VALUE_TIER,
    VALUE_GET_FREE,
    VALUE_GET_OFF,

    LINE_TIER_PRICE, // features

    BENEFIT_SET,
    BENEFIT_KIT,
    BENEFIT_MIX,
    BENEFIT_VOLUME,
    BENEFIT_GET_FREE,
    BENEFIT_GET_OFF,
    TEMPLATE_SENTENCES
};

struct template_reason { // why: for products that are taken together, and for one product
    const char *together, *alone;
};

struct template_words {
    const char *language; // primary subtag
    const char *and, * or, *colon;
    const char *sentences[TEMPLATE_SENTENCES];
    const char *prefixes[OBJECTIVE_COUNT]; // of titles, where they fit
    struct template_reason openings[OBJECTIVE_COUNT], benefits[OBJECTIVE_COUNT];
};

extern const struct template_words TEMPLATE_WORDS[];
extern const size_t N_TEMPLATE_WORDS;

const struct template_words *template_words_of(struct str locale); // English where there is no row

#endif
