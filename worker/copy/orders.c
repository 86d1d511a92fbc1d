#include "worker/copy/orders.h"

#include "common/check.h"
#include "worker/copy/lexicon.h"
#include "worker/copy/unicode.h"

enum { TEXT_BYTES_MAX = 1 << 20, APART_MAX = 6, SPELLED_MIN = 3, PATTERN_MAX = 64 };

// Words end in '*' where more may follow. One of the first within APART_MAX words of one of the second, in any order:
// "ignore all previous instructions", "your rules: forget them".
static const char *const DROP[] = {
    "ignor*",   "disregard*", "forget",   "forgets",   "override*", "overrule*", "bypass*",   "neglect",   "discard",
    "cancel*",  "violate",    "vergiss",  "vergesse*", "missacht*", "verwirf",   "oublie*",   "ignorez",   "olvid*",
    "descart*", "dimentic*",  "scorda*",  "negeer*",   "vergeet",   "esquec*",   "zignoruj*", "zapomnij*", "glom",
    "glem",     "unohda",     "игнорир*", "забуд*",    "отмен*",    "yoksay",    "gormezden"};
static const char *const RULES[] = {
    "instruc*",   "instruk*",   "istruz*",  "prompt*",    "guideline*", "rules",     "previous*",  "preceding",
    "directive*", "anweisung*", "vorgabe*", "befehl*",    "regeln",     "vorherig*", "bisherig*",  "obige*",
    "consigne*",  "precedent*", "reglas",   "anterior*",  "ordenes",    "regole",    "precedenti", "regels",
    "vorige",     "opdracht*",  "regras",   "polecen*",   "instrukc*",  "инструкц*", "правил*",    "предыдущ*",
    "указани*",   "talimat*",   "above",    "guardrail*", "constraints"};

// As they stand, one after the other.
static const char *const PHRASES[] = {
    // en
    "system prompt*", "system message*", "system instruct*", "developer mode", "developer message", "you are now",
    "you are an ai", "you are an assistant", "you are a helpful", "you must now", "you will now", "new instruct*",
    "your instruct*", "your prompt", "the instruct* above", "following instruct*", "from now on you", "act as a",
    "act as an", "act as if", "pretend to be", "pretend you", "pretend that", "roleplay as", "jailbreak*",
    "do anything now", "as an ai", "ai assistant", "language model", "prompt injection", "dan mode", "respond with",
    "respond only", "reply with", "reply only", "answer with", "answer only", "output only", "output the", "and write",
    "and say", "and output", "and respond", "instead write", "instead say", "write instead", "say instead",
    "write only", "write that", "write in all", "write this in", "say that", "repeat after me", "print your",
    "reveal your", "tell the customer*", "tell customers", "tell the shopper*", "all other bundles", "other bundles",
    "every bundle", "all bundles", "all descriptions", "every description", "all titles", "every title",
    "the title must", "the description must", "the copy must", "end of data", "end of input",

    // de
    "ignoriere*", "antworte", "antworten sie", "schreibe", "schreiben sie", "du bist jetzt", "du bist nun",
    "neue anweisung*", "systemnachricht",

    // fr
    "ignorez", "ignore les", "ignore toutes", "reponds", "repondez", "ecris", "ecrivez", "tu es maintenant",
    "vous etes maintenant", "nouvelles instructions",

    // es, it
    "ignora las", "ignora todas", "ignora tus", "ignora le", "ignora tutte", "responde con", "escribe", "escriba",
    "ahora eres", "eres ahora", "nuevas instrucciones", "rispondi", "scrivi", "ora sei", "nuove istruzioni",

    // nl, pt, pl
    "schrijf", "antwoord met", "je bent nu", "nieuwe instructies", "escreva", "responda", "voce agora",
    "novas instrucoes", "napisz", "odpowiedz",

    // ru
    "игнорируй*", "игнорировать", "напиши*", "ответь*", "ты теперь", "новые инструкции", "системн* сообщен*"};

// Anywhere in the text as it is, in small letters and without spaces.
static const char *const SIGNS[] = {
    // turns of a talk, and what stands around data
    "system:", "assistant:", "user:", "human:", "developer:", "</", "<|", "|>", "```", "[inst", "[/inst", "<<sys",
    "<system", "<script", "###", "{{", "}}", "\"role\"",

    // orders in one word
    "ignorepreviousinstruc", "ignoreallprevious", "ignoreyourinstruc", "ignoretheinstruc", "ignoreallinstruc",
    "previousinstruc", "yourinstruc", "systemprompt",

    // zh, ja, ko, ar: where words are not parted, or change at both ends
    "忽略", "无视", "無視", "忘记", "指令", "系统提示", "指示に", "指示を", "命令", "무시", "지시", "تجاهل", "تعليمات"};

static bool is_one_of(struct str word, const char *const *patterns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (lexicon_is_like(word, str_of(patterns[i])))
            return true;
    }
    return false;
}

static bool drops_rules(const struct lexicon_text *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (!is_one_of(t->words[i], DROP, ARRAY_LEN(DROP)))
            continue;
        size_t first = i > APART_MAX ? i - APART_MAX : 0;
        for (size_t k = first; k < t->n && k <= i + APART_MAX; k++) {
            if (is_one_of(t->words[k], RULES, ARRAY_LEN(RULES)))
                return true;
        }
    }
    return false;
}

static bool has_sign(struct str text)
{
    AUTO(buf_fini) struct buf dense;
    bool is_found = false;
    buf_init(&dense, TEXT_BYTES_MAX);
    while (text.len) {
        uint32_t c = unicode_next(&text);
        bool is_seen = !unicode_is_space(c) && !unicode_is_invisible(c) && !unicode_is_control(c);
        if (is_seen && !unicode_is_mark(c))
            unicode_put(&dense, unicode_fold(c));
    }
    for (size_t i = 0; i < ARRAY_LEN(SIGNS) && dense.len; i++)
        is_found |= memmem(dense.data, dense.len, SIGNS[i], strlen(SIGNS[i])) != NULL;
    return is_found;
}

// Letters of Cyrillic and Greek that look like Latin ones; 0: it does not.
static uint32_t latin_look(uint32_t c)
{
    static const uint16_t ALIKE[][2] = {{0x430, 'a'}, {0x435, 'e'}, {0x43E, 'o'}, {0x440, 'p'}, {0x441, 'c'},
                                        {0x443, 'y'}, {0x445, 'x'}, {0x456, 'i'}, {0x458, 'j'}, {0x455, 's'},
                                        {0x4CF, 'l'}, {0x501, 'd'}, {0x3B1, 'a'}, {0x3B5, 'e'}, {0x3B9, 'i'},
                                        {0x3BF, 'o'}, {0x3BD, 'v'}, {0x3C1, 'p'}, {0x3C5, 'u'}, {0x3C7, 'x'}};
    for (size_t i = 0; i < ARRAY_LEN(ALIKE); i++) {
        if (c == ALIKE[i][0])
            return ALIKE[i][1];
    }
    return 0;
}

static bool has_latin(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] >= 'a' && word.ptr[i] <= 'z')
            return true;
    }
    return false;
}

static size_t count_single_letters(struct str words)
{
    size_t n = 0;
    for (struct str word; (word = lexicon_next_word(&words)).len > 0; n++) {
        if (!unicode_is_letter(unicode_next(&word)) || word.len)
            break;
    }
    return n;
}

// Words that mix alphabets are put as what they look like.
static void put_plain_word(struct buf *out, struct str word)
{
    bool is_mixed = has_latin(word);
    while (word.len) {
        uint32_t c = unicode_next(&word), look = is_mixed ? latin_look(c) : 0;
        unicode_put(out, look ? look : c);
    }
    buf_putc(out, ' ');
}

static bool holds(struct str text, const char *pattern)
{
    char dense[PATTERN_MAX];
    size_t n = 0;
    for (; *pattern; pattern++) {
        if (*pattern != ' ' && *pattern != '*')
            dense[n++] = *pattern;
    }
    return memmem(text.ptr, text.len, dense, n) != NULL;
}

static bool holds_one_of(struct str text, const char *const *patterns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (holds(text, patterns[i]))
            return true;
    }
    return false;
}

// "i g n o r e  a l l  r u l e s": where its words end is lost, so the patterns count wherever they stand.
static bool put_spelled(struct buf *out, struct str *words, size_t n)
{
    AUTO(buf_fini) struct buf joined;
    size_t begin = out->len;
    buf_init(&joined, TEXT_BYTES_MAX);
    while (n-- > 0) {
        struct str letter = lexicon_next_word(words);
        buf_put(&joined, letter.ptr, letter.len);
    }
    put_plain_word(out, buf_str(&joined));
    struct str word = {out->data + begin, out->len - begin};
    return (holds_one_of(word, DROP, ARRAY_LEN(DROP)) && holds_one_of(word, RULES, ARRAY_LEN(RULES))) ||
           holds_one_of(word, PHRASES, ARRAY_LEN(PHRASES));
}

// Folded words; letters that stand alone joined. true: these are an order by themselves.
static bool put_plain_words(struct buf *out, struct str text)
{
    AUTO(buf_fini) struct buf words;
    bool is_order = false;
    buf_init(&words, TEXT_BYTES_MAX);
    unicode_put_words(&words, text);
    struct str left = buf_str(&words);
    for (struct str word, rest = left; (word = lexicon_next_word(&rest)).len > 0; left = rest) {
        size_t n = count_single_letters(left);
        if (n >= SPELLED_MIN) {
            is_order |= put_spelled(out, &left, n);
            rest = left;
        } else {
            put_plain_word(out, word);
        }
    }
    return is_order;
}

bool orders_in(struct str text)
{
    AUTO(arena_fini) struct arena memory;
    AUTO(buf_fini) struct buf plain;
    struct lexicon_text words;
    size_t at = 0;
    arena_init(&memory, 0);
    buf_init(&plain, TEXT_BYTES_MAX);
    if (put_plain_words(&plain, text))
        return true;
    lexicon_split(buf_str(&plain), &memory, &words);
    return drops_rules(&words) || lexicon_find(&words, PHRASES, ARRAY_LEN(PHRASES), &at).len || has_sign(text);
}
