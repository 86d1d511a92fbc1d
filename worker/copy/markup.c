#include "worker/copy/markup.h"

#include "common/check.h"
#include "worker/copy/unicode.h"

enum { PHONE_DIGITS_MIN = 7, TOP_LEVEL_MAX = 16 };

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_alpha(c) || is_digit(c) || (unsigned char)c >= 0x80;
}

static char char_at(struct str s, size_t at)
{
    return at < s.len ? s.ptr[at] : '\0';
}

static struct str part(struct str s, size_t first, size_t end)
{
    return (struct str){s.ptr + first, (end < s.len ? end : s.len) - first};
}

static size_t run(struct str s, size_t at, bool (*is_part)(char c))
{
    while (at < s.len && is_part(s.ptr[at]))
        at++;
    return at;
}

// --- markup

static bool is_tag_at(struct str s, size_t at)
{
    char next = char_at(s, at + 1);
    return s.ptr[at] == '<' && (is_alpha(next) || next == '/' || next == '!' || next == '?');
}

static bool is_entity_at(struct str s, size_t at)
{
    if (s.ptr[at] != '&')
        return false;
    size_t first = char_at(s, at + 1) == '#' ? at + 2 : at + 1, end = run(s, first, is_alnum);
    return end > first && char_at(s, end) == ';';
}

static bool is_markdown_at(struct str s, size_t at)
{
    static const char *const MARKS[] = {"**", "__", "~~", "](", "`", "\\", "{", "}", "[["};
    for (size_t i = 0; i < ARRAY_LEN(MARKS); i++) {
        size_t len = strlen(MARKS[i]);
        if (s.len - at >= len && memcmp(s.ptr + at, MARKS[i], len) == 0)
            return true;
    }
    return at == 0 && strchr("#*->", s.ptr[0]) && (char_at(s, 1) == ' ' || char_at(s, 1) == '#');
}

static struct str find_ascii(struct str text, const char **what)
{
    for (size_t at = 0; at < text.len; at++) {
        if (is_alnum(text.ptr[at]) || text.ptr[at] == ' ')
            continue; // nothing begins so
        *what = is_tag_at(text, at)        ? "HTML"
                : is_entity_at(text, at)   ? "an HTML entity"
                : is_markdown_at(text, at) ? "markup"
                                           : NULL;
        if (*what)
            return part(text, at, at + 20);
    }
    return STR("");
}

// Some scripts need joiners inside their words (Persian, Hindi); Latin, Greek and Cyrillic don't.
static bool is_joiner(uint32_t c, uint32_t before)
{
    return (c == 0x200C || c == 0x200D) && before >= 0x600 && before < 0x2000;
}

static const char *what_is(uint32_t c, uint32_t before)
{
    if (c >= ' ' && c < 0x7F) // nearly all of them
        return NULL;
    if (unicode_is_control(c))
        return "a control character";
    if (c == UNICODE_BAD)
        return "a broken character";
    if (unicode_is_pictograph(c))
        return "a picture";
    return unicode_is_invisible(c) && !is_joiner(c, before) ? "an invisible character" : NULL;
}

struct str markup_find(struct str text, struct str names, const char **what)
{
    uint32_t before = 0;
    for (struct str left = text; left.len;) {
        const char *at = left.ptr;
        uint32_t c = unicode_next(&left);
        struct str found = {at, (size_t)(left.ptr - at)};
        *what = what_is(c, before);
        if (*what && !(unicode_is_pictograph(c) && memmem(names.ptr, names.len, found.ptr, found.len)))
            return found;
        before = c;
    }
    return find_ascii(text, what);
}

// --- links

static bool starts_with(struct str s, size_t at, const char *what)
{
    size_t len = strlen(what);
    return s.len - at >= len && str_eq_nocase((struct str){s.ptr + at, len}, str_of(what));
}

// Of countries, and of all others those that shops and those who send people to them use; words in one string.
static bool is_top_level(struct str s)
{
    static const char TOP[] =
        " ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw "
        "by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg es et "
        "eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie "
        "il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv "
        "ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr "
        "nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl "
        "sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz "
        "va vc ve vg vi vn vu wf ws ye yt za zm zw "
        "academy africa agency app art asia auction bar bargains beauty berlin best bet bid bio biz blog bond "
        "boutique buzz cafe cam capital care casa cash casino cat center cfd chat cheap church city click "
        "cloud club codes coffee com community company cool coop coupons credit cyou dad date deals delivery "
        "design dev digital direct directory discount download earth edu email energy enterprises events "
        "example exchange express fashion finance fish fit flowers foo forsale foundation fun fund fyi "
        "gallery game games garden gdn gift gifts global gmbh gold gov group guide guru hair help host "
        "hosting house icu info ink institute int international invalid investments jewelry jobs kaufen kids "
        "kim kitchen land ldn life limited limo link live loan loans local localhost lol london love ltd "
        "makeup market marketing markets media men mil mobi moda mom money monster mov movie museum name net "
        "network news ngo ninja nyc ong one online ooo org organic page paris parts party pet photo "
        "photography photos pics pictures pink pizza plus porn press pro productions promo properties pub "
        "quest racing realty recipes red rent repair report rest restaurant review reviews rip rocks run sale "
        "salon sarl sbs school science services sex sexy shoes shop shopping show site skin soccer social "
        "software solutions space sport storage store stream studio style supplies supply support surf "
        "systems team tech tel test theater tienda tips today tokyo tools top tours toys trade training "
        "travel university uno vacations ventures video vin vip vodka vote wang watch webcam website wien "
        "wiki win wine work works world wtf xin xxx xyz yachts yoga zip zone ";
    const char *at = memmem(TOP, sizeof TOP - 1, s.ptr, s.len);
    for (; at; at = memmem(at + 1, (size_t)(TOP + sizeof TOP - 2 - at), s.ptr, s.len)) {
        if (at[-1] == ' ' && at[s.len] == ' ')
            return true;
    }
    return false;
}

static bool is_host(char c)
{
    return is_alnum(c) || c == '-';
}

static bool goes_on(struct str s, size_t at)
{
    struct str left = {s.ptr + at, s.len - at};
    return at < s.len && (is_digit(s.ptr[at]) || s.ptr[at] == '-' || unicode_is_letter(unicode_next(&left)));
}

// "m.in.", Polish for "among others".
static bool is_abbreviation(struct str s, size_t at)
{
    return at > 0 && starts_with(s, at - 1, "m.in.") && (at == 1 || s.ptr[at - 2] == ' ');
}

// A dot with a name before and a top-level domain behind; small letters, or all large, for "tea.It" is a slip.
static bool is_domain_dot(struct str s, size_t at)
{
    char top[TOP_LEVEL_MAX];
    size_t end = run(s, at + 1, is_alpha), len = end - at - 1;
    if (s.ptr[at] != '.' || at == 0 || !is_host(s.ptr[at - 1]) || len < 2 || len >= sizeof top)
        return false;
    bool is_large = s.ptr[at + 1] < 'a';
    for (size_t i = 0; i < len; i++) {
        if ((s.ptr[at + 1 + i] < 'a') != is_large)
            return false;
        top[i] = (char)(s.ptr[at + 1 + i] | 0x20);
    }
    return !goes_on(s, end) && !is_abbreviation(s, at) && is_top_level((struct str){top, len});
}

static bool is_phone_char(char c)
{
    return is_digit(c) || (c && strchr(" -/()+", c));
}

// Digits as people write a phone number: beginning with + or 0, at least seven of them.
static bool is_phone_at(struct str s, size_t at)
{
    if (s.ptr[at] != '+' && s.ptr[at] != '0')
        return false;
    size_t n = 0, end = run(s, at, is_phone_char);
    if (at > 0 && (is_digit(s.ptr[at - 1]) || strchr(".,", s.ptr[at - 1])))
        return false;
    for (size_t i = at; i < end; i++)
        n += is_digit(s.ptr[i]);
    return n >= PHONE_DIGITS_MIN;
}

static bool is_link_at(struct str s, size_t at)
{
    switch (s.ptr[at]) {
    case '@':
        return is_alnum(char_at(s, at + 1));
    case '#':
        return is_alpha(char_at(s, at + 1));
    case ':':
        return starts_with(s, at, "://");
    case 'w':
    case 'W':
        return starts_with(s, at, "www.");
    case 'm':
    case 'M':
        return starts_with(s, at, "mailto:");
    case '.':
        return is_domain_dot(s, at);
    default:
        return is_phone_at(s, at);
    }
}

static bool is_link_char(char c)
{
    return c != ' ';
}

// As a browser reads an address: letters and signs of usual width, every dot a dot. Large letters stay large.
void markup_put_narrow(struct buf *out, struct str text)
{
    while (text.len) {
        uint32_t c = unicode_next(&text), folded = unicode_fold(c);
        if (c == 0x3002 || c == 0xFF61 || c == 0x2024 || c == 0xFE52)
            buf_putc(out, '.');
        else if (c >= 0xFF01 && c <= 0xFF5E)
            unicode_put(out, c - 0xFEE0);
        else if (unicode_is_space(c))
            buf_putc(out, ' ');
        else if (!unicode_is_invisible(c) && !unicode_is_mark(c))
            unicode_put(out, c < 0x80 ? c : folded);
    }
}

struct str markup_find_link(struct str text)
{
    for (size_t at = 0; at < text.len; at++) {
        if (!is_link_at(text, at))
            continue;
        size_t first = at;
        while (first > 0 && text.ptr[first - 1] != ' ')
            first--;
        return part(text, first, run(text, at + 1, is_link_char));
    }
    return STR("");
}
