#include "worker/copy/claims.h"

#include "common/check.h"

// One thing for nothing: true where the offer says so.
static const char *const FREE[] = {"free",          "gratis",    "for nothing",     "complimentary", "on the house",
                                   "bogo",          "bogof",     "buy one get one", "two for one",   "2 for 1",
                                   "kostenlos*",    "umsonst",   "kostenfrei*",     "geschenkt",     "gratuit*",
                                   "offert",        "offerte",   "offerts",         "offertes",      "gratuita",
                                   "de regalo con", "sin coste", "sin costo",       "omaggio",       "kosteloos",
                                   "kosteloze",     "brinde",    "gratisowo",       "darmow*",       "zdarma",
                                   "ingyen*",       "besplatn*", "бесплатн*",       "в подарок",     "kostnadsfri*",
                                   "bedava",        "ucretsiz*"};
// What "free" has before or behind it where it is about something else.
static const char *const FREE_BEFORE[] = {"feel", "hassle", "worry", "stress", "mess",
                                          "fuss", "hands",  "care",  "effort"};
static const char *const FREE_BEHIND[] = {"time",    "hand",    "hands",    "hour",      "hours",   "moment",
                                          "moments", "evening", "evenings", "afternoon", "weekend", "weekends",
                                          "day",     "days",    "to",       "up"};

static const char *const CLAIMS[] = {
    // en: promises, origins, effects
    "guarantee*", "warranty", "certified", "certificate*", "organic", "organically", "sustainab*", "eco friendly",
    "biodegradable", "carbon neutral", "fair trade", "fairtrade", "cruelty free", "bestseller*", "best seller*",
    "best selling", "bestselling", "top rated", "five star*", "5 star*", "award*", "prize winning", "number one",
    "no 1", "number 1", "world s best", "world class", "clinically", "scientifically", "dermatolog*",
    "doctor recommended", "proven", "approved by", "recommended by", "loved by thousands", "thousands of customers",
    "customers love", "heals", "cures", "weight loss", "lose weight", "anti aging", "anti ageing", "detox*",
    "boosts your immun*", "boost your immun*", "unbeatable", "best price*", "best value", "lowest price*", "cheapest",
    "money back", "risk free", "free shipping", "free delivery", "next day delivery", "same day delivery",
    "ships today",
    // ... and haste
    "limited time", "limited edition*", "limited offer", "limited stock", "limited quantit*", "while stock*",
    "while supplies", "today only", "only today", "hurry", "last chance", "last few", "few left", "selling fast",
    "sells out", "ends soon", "ending soon", "act now", "act fast", "don t miss", "once in a lifetime",
    "before it s gone", "before they re gone",
    // ... and why the shop does it
    "slow mover*", "slow moving", "overstock*", "clearance", "dead stock", "old stock", "must go",
    // de
    "garantie*", "garantiert*", "zertifizier*", "bio", "biologisch*", "nachhaltig*", "testsieger*", "preisgekront*",
    "klinisch", "wissenschaftlich*", "dermatologisch*", "vom arzt", "heilt", "heilend*", "wissenschaftlich",
    "nummer eins", "nummer 1", "gunstigste*", "bester preis", "beste preis*", "besten preis*", "tiefstpreis*",
    "geld zuruck*", "versandkostenfrei*", "fur kurze zeit", "kurze zeit", "nur heute", "nur solange",
    "solange der vorrat", "solange vorrat", "limitiert*", "letzte chance", "restposten", "ladenhuter*", "ausverkauf*",
    "raumungs*",
    // fr
    "garanti", "garantis", "garantie", "garanties", "certifie*", "biologique*", "ecologique*", "meilleure vente",
    "meilleures ventes", "prime", "primee", "primes", "numero 1", "numero un", "cliniquement", "scientifiquement",
    "meilleur prix", "meilleurs prix", "satisfait ou rembourse", "livraison offerte", "livraison gratuite",
    "duree limitee", "temps limite", "edition limitee", "offre limitee", "derniere chance", "aujourd hui seulement",
    "jusqu a epuisement", "destockage", "liquidation", "guerit", "invendus",
    // es
    "garantiza*", "garantia*", "garantizad*", "certificad*", "organico*", "organica*", "ecologico*", "ecologica*",
    "mas vendido*", "mas vendida*", "superventas", "premiad*", "galardonad*", "clinicamente", "cientificamente",
    "mejor precio", "mejores precios", "envio gratis", "tiempo limitado", "edicion limitada", "oferta limitada",
    "solo hoy", "ultima oportunidad", "hasta agotar", "liquidacion",
    // it
    "garantit*", "garanzia", "certificat*", "biologico", "biologica", "biologici", "biologiche", "piu venduto",
    "piu venduti", "premiato", "premiata", "miglior prezzo", "spedizione gratuita", "tempo limitato",
    "edizione limitata", "solo oggi", "ultima occasione", "fino ad esaurimento",
    // nl
    "gegarandeerd*", "gecertificeerd*", "biologische", "duurzaam", "duurzame", "bekroond*", "beste prijs",
    "laagste prijs", "gratis verzending", "beperkte tijd", "alleen vandaag", "op is op", "laatste kans"};

static bool is_one_of(struct str word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(word, str_of(words[i])))
            return true;
    }
    return false;
}

static bool is_idiom(const struct lexicon_text *t, size_t at)
{
    return str_eq(t->words[at], STR("free")) &&
           ((at > 0 && is_one_of(t->words[at - 1], FREE_BEFORE, ARRAY_LEN(FREE_BEFORE))) ||
            (at + 1 < t->n && is_one_of(t->words[at + 1], FREE_BEHIND, ARRAY_LEN(FREE_BEHIND))));
}

struct str claims_find(const struct lexicon_text *text, const struct subject *s)
{
    struct str found;
    for (size_t at = 0; (found = lexicon_find(text, CLAIMS, ARRAY_LEN(CLAIMS), &at)).len > 0; at++) {
        if (!subject_names(s, found))
            return found;
    }
    for (size_t at = 0; (found = lexicon_find(text, FREE, ARRAY_LEN(FREE), &at)).len > 0; at++) {
        if (!s->is_free && !subject_names(s, found) && !is_idiom(text, at))
            return found;
    }
    return STR("");
}

// --- reductions

// By the percentage that they say; others are no offer's to the tenth of a per cent.
static const char *const HALF[] = {"half price",       "half off",       "half the price",     "half the usual price",
                                   "halben preis",     "halber preis",   "halfte des preises", "halfte gunstiger",
                                   "moitie prix",      "moitie du prix", "moitie moins cher",  "mitad de precio",
                                   "mitad del precio", "meta prezzo",    "halve prijs",        "metade do preco"};
static const char *const QUARTER[] = {"a quarter off",     "one quarter off",     "a quarter less",
                                      "viertel gunstiger", "viertel weniger",     "viertel rabatt",
                                      "viertel billiger",  "quart de remise",     "quart de moins",
                                      "quart moins cher",  "cuarto de descuento", "cuarta parte menos"};
static const char *const OTHERS[] = {
    "third off",         "thirds off",          "third less",          "third cheaper",   "quarters off",
    "fifth off",         "tenth off",           "drittel gunstiger",   "drittel weniger", "drittel rabatt",
    "drittel billiger",  "funftel gunstiger",   "zehntel gunstiger",   "tiers de remise", "tiers de moins",
    "tiers moins cher",  "cinquieme de remise", "tercio de descuento", "tercio menos",    "tercera parte menos",
    "quinta parte menos"};

struct str claims_find_reduction(const struct lexicon_text *text, const struct subject *s)
{
    enum { PERCENT_E4 = 10000 };
    static const struct {
        int64_t percent;
        const char *const *phrases;
        size_t n;
    } ROWS[] = {{50, HALF, ARRAY_LEN(HALF)}, {25, QUARTER, ARRAY_LEN(QUARTER)}, {-1, OTHERS, ARRAY_LEN(OTHERS)}};
    for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
        int64_t value = ROWS[i].percent * PERCENT_E4;
        const struct number n = {.kind = NUMBER_PERCENT, .values = {value, value}};
        struct str found;
        for (size_t at = 0; (found = lexicon_find(text, ROWS[i].phrases, ROWS[i].n, &at)).len > 0; at++) {
            if (!subject_allows(s, &n) && !subject_names(s, found))
                return found;
        }
    }
    return STR("");
}
