// Words: '|'-separated lists of what to recognise in a product's name, matched without (ASCII) case and only as whole
// words, so that "tip" never finds "tipi".
//
// SERVICE LISTS  An entry of several words matches anywhere in a name ("bank charges" in "Bank charges May"). An entry
//                of a single word must be the whole name, because real products contain such words ("FRENCH CARRIAGE
//                LANTERN", "Discount Card Holder"); written with a leading '~' it matches anywhere, too ("~postage").
// SEASON LISTS   An entry is a season; '=' parts the words for it ("christmas=xmas|easter"). A word may stand for
//                several seasons ("christmas=winter|new year=winter"). From the SEASONS_MAX-th on they count as one.
// THREADS        Read-only once made. Texts are views into the list.
#ifndef BUNDLE_WORKER_DATASET_WORDS_H
#define BUNDLE_WORKER_DATASET_WORDS_H

#include "common/arena.h"
#include "common/str.h"

enum words_mode { WORDS_WHOLE, WORDS_SERVICE, WORDS_SEASONS };
enum { SEASONS_MAX = 32 };

struct word {
    struct str text;
    bool is_anywhere;
    unsigned season;
};

struct words {
    struct word *entries;
    size_t n;
};

void words_init(struct words *w, struct str list, enum words_mode mode, struct arena *memory);
bool words_match(const struct words *w, struct str name);
uint32_t words_seasons(const struct words *w, struct str name); // a bit per season that `name` has a word of

// "Gift Card", "$25 gift voucher", "Gift card - Birthday"; but "Gift Card Holder" is a product.
bool words_are_gift_card(struct str name);
bool words_are_gift_card_type(struct str type); // product types "Gift Card", "gift cards", "Gift Vouchers", ...

#endif
