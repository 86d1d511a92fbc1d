// The words of the model server's copy, by language and kind of offer. {names}: the products; {first}: one of them;
// {price}, {saving}, {percent}, {from}, {pick}, {buy}, {get}: of the offer, as the request names them.
#ifndef BUNDLE_TESTS_CHAT_VOICES_H
#define BUNDLE_TESTS_CHAT_VOICES_H

enum offer_kind { OFFER_TOGETHER, OFFER_SET, OFFER_VOLUME, OFFER_MIX, OFFER_GET, OFFER_FREE, OFFER_KINDS };

struct voice {
    const char *language, *and;
    struct {
        const char *title, *description, *value;
    } offers[OFFER_KINDS];
    const char *with_price; // a second sentence of the value proposition, where there is a price
    const char *features[2], *benefits[2];
};

extern const struct voice VOICES[];
extern const unsigned N_VOICES; // the first is English

#endif
