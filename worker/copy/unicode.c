#include "worker/copy/unicode.h"

#include "common/check.h"

struct range {
    uint32_t first, last;
};

// The ranges rise.
static bool is_in(const struct range *ranges, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n && c >= ranges[i].first; i++) {
        if (c <= ranges[i].last)
            return true;
    }
    return false;
}

uint32_t unicode_next(struct str *text)
{
    size_t len = str_utf8_len(*text);
    const unsigned char *p = (const unsigned char *)text->ptr;
    uint32_t c = UNICODE_BAD;
    if (len == 1)
        c = p[0];
    else if (len > 1)
        c = p[0] & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (p[i] & 0x3FU);
    text->ptr += len ? len : 1;
    text->len -= len ? len : 1;
    return c;
}

void unicode_put(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_putc(out, (char)c);
        return;
    }
    unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    buf_putc(out, (char)((0xF00U >> (more + 1) & 0xF0U) | c >> (6 * more)));
    while (more-- > 0)
        buf_putc(out, (char)(0x80U | (c >> (6 * more) & 0x3FU)));
}

void unicode_copy(struct str text, char *out, size_t size)
{
    size_t len = 0;
    for (size_t n; len < text.len; len += n) {
        n = str_utf8_len((struct str){text.ptr + len, text.len - len});
        if (n == 0 || len + n >= size)
            break;
    }
    memcpy(out, text.ptr, len);
    out[len] = '\0';
}

// --- folding

// Letters of Latin without what stands on or through them, as small capitals or raised: block by block; '*' is none.
static const char LATIN_1[] = "aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo*ouuuuyty";
static const char LATIN_A_B[] =
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrr"
    "ssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"
    "bbbb***cc*ddd****ffg***ikkl**nnooo**pp*****ttttuu*vyyzz*************dddlllnnnaaiioouuuuuuuuuu*aa"
    "aa**ggggkkoooo**jdddgg**nnaa**ooaaaaeeeeiiiioooorrrruuuusstt**hhnd**zzaaeeooooooooyylntj**acclts"
    "z**b**eejj*qrryy";
static const char PHONETIC[] =
    "*a*b*cdd********ggg***h*iiilll***mnnn*******rrr*r*s*****t**v***yzz*******b*ghj*lq***************"
    "hhjr***wy****************************************lsx****";
static const char PHONETIC_MORE[] =
    "a***cd*e**jklm*o********p**tu***vwz*********a*b*de*ghijklmn*o*prtuwa***bde***g*km*o***ptu**v****"
    "**iruv******bdfmnprrstz****i*pu*bdfgklmnprs*vxza*de***i**u**cc**";
static const char LATIN_MORE[] =
    "aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnnoooooooopppprrrrrrrr"
    "ssssssssssttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzhtwyassss*aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
    "eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy****yy";
static const struct alphabet {
    uint32_t first;
    const char *letters;
    size_t n;
} ALPHABETS[] = {{0xC0, LATIN_1, 64},          {0x100, LATIN_A_B, 336},   {0x250, PHONETIC, 152},
                 {0x1D00, PHONETIC_MORE, 160}, {0x1E00, LATIN_MORE, 256}, {0xA730, "fs", 2}};
_Static_assert(sizeof LATIN_1 == 65 && sizeof LATIN_A_B == 337 && sizeof PHONETIC == 153 &&
                   sizeof PHONETIC_MORE == 161 && sizeof LATIN_MORE == 257,
               "one letter each");

static uint32_t fold_latin(uint32_t c)
{
    for (size_t i = 0; i < ARRAY_LEN(ALPHABETS); i++) {
        const struct alphabet *a = &ALPHABETS[i];
        if (c >= a->first && c - a->first < a->n && a->letters[c - a->first] != '*')
            return (unsigned char)a->letters[c - a->first];
    }
    return c >= 0x1E00 && c <= 0x1EFF ? c | 1 : c;
}

static uint32_t fold_greek(uint32_t c)
{
    static const uint16_t ACCENTED[][2] = {{0x386, 0x3B1}, {0x388, 0x3B5}, {0x389, 0x3B7}, {0x38A, 0x3B9},
                                           {0x38C, 0x3BF}, {0x38E, 0x3C5}, {0x38F, 0x3C9}, {0x3AC, 0x3B1},
                                           {0x3AD, 0x3B5}, {0x3AE, 0x3B7}, {0x3AF, 0x3B9}, {0x3C2, 0x3C3},
                                           {0x3CC, 0x3BF}, {0x3CD, 0x3C5}, {0x3CE, 0x3C9}};
    for (size_t i = 0; i < ARRAY_LEN(ACCENTED); i++) {
        if (c == ACCENTED[i][0])
            return ACCENTED[i][1];
    }
    return c >= 0x391 && c <= 0x3A9 ? c + 0x20 : c;
}

static uint32_t fold_cyrillic(uint32_t c)
{
    if (c == 0x401 || c == 0x451)
        return 0x435; // yo as ye, as most people write it
    if (c <= 0x40F)
        return c + 0x50;
    if (c <= 0x42F)
        return c + 0x20;
    return c >= 0x460 && c != 0x482 && (c <= 0x4BF || c >= 0x4D0) ? c | 1 : c;
}

// The letters of Latin for mathematicians (bold, italic, script ...), thirteen alphabets of 26 large and 26 small.
static uint32_t fold_mathematical(uint32_t c)
{
    if (c >= 0x1D7CE)
        return c <= 0x1D7FF ? '0' + (c - 0x1D7CE) % 10 : c;
    return c <= 0x1D6A3 ? 'a' + (c - 0x1D400) % 52 % 26 : c;
}

// The digits 0 of the scripts of the basic plane.
static uint32_t fold_digit(uint32_t c)
{
    static const uint32_t ZEROS[] = {0x660,  0x6F0,  0x7C0,  0x966,  0x9E6,  0xA66,  0xAE6,  0xB66,  0xBE6,
                                     0xC66,  0xCE6,  0xD66,  0xDE6,  0xE50,  0xED0,  0xF20,  0x1040, 0x1090,
                                     0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
                                     0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0};
    for (size_t i = 0; i < ARRAY_LEN(ZEROS) && c >= ZEROS[i]; i++) { // they rise
        if (c <= ZEROS[i] + 9)
            return '0' + c - ZEROS[i];
    }
    return c;
}

uint32_t unicode_fold(uint32_t c)
{
    if (c >= 0xFF01 && c <= 0xFF5E) // of full width
        c -= 0xFEE0;
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if ((c >= 0xC0 && c < 0x2E8) || (c >= 0x1D00 && c <= 0x1EFF) || c >> 1 == 0xA730 >> 1)
        return fold_latin(c);
    if (c >= 0x386 && c <= 0x3CE)
        return fold_greek(c);
    if (c >= 0x400 && c <= 0x52F)
        return fold_cyrillic(c);
    if (c >= 0x249C && c <= 0x24E9) // in brackets, in circles
        return 'a' + (c - 0x249C) % 26;
    if (c >= 0x1D400 && c <= 0x1D7FF)
        return fold_mathematical(c);
    return fold_digit(c);
}

// --- kinds

bool unicode_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

bool unicode_is_space(uint32_t c)
{
    static const struct range SPACES[] = {{0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
                                          {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
                                          {0x205F, 0x205F}, {0x3000, 0x3000}};
    return is_in(SPACES, ARRAY_LEN(SPACES), c);
}

bool unicode_is_invisible(uint32_t c)
{
    static const struct range HIDDEN[] = {{0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},    {0x115F, 0x1160},
                                          {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x200B, 0x200F},  {0x202A, 0x202E},
                                          {0x2060, 0x206F}, {0x3164, 0x3164}, {0xFE00, 0xFE0F},  {0xFEFF, 0xFEFF},
                                          {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFC}, {0xE0000, 0xE0FFF}};
    return is_in(HIDDEN, ARRAY_LEN(HIDDEN), c);
}

bool unicode_is_mark(uint32_t c)
{
    static const struct range MARKS[] = {{0x300, 0x36F},   {0x483, 0x489},   {0x1AB0, 0x1AFF},
                                         {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F}};
    return is_in(MARKS, ARRAY_LEN(MARKS), c);
}

bool unicode_is_pictograph(uint32_t c)
{
    static const struct range PICTURES[] = {{0x20E3, 0x20E3}, {0x2190, 0x21FF}, {0x2300, 0x23FF},  {0x2460, 0x24B5},
                                            {0x24EA, 0x27BF}, {0x2900, 0x297F}, {0x2B00, 0x2BFF},  {0x303D, 0x303D},
                                            {0x3297, 0x3299}, {0xE000, 0xF8FF}, {0x1F000, 0x1FBFF}};
    return is_in(PICTURES, ARRAY_LEN(PICTURES), c);
}

bool unicode_is_digit(uint32_t c)
{
    c = unicode_fold(c);
    return c >= '0' && c <= '9';
}

bool unicode_is_letter(uint32_t c)
{
    static const struct range NONE[] = {{0xD7, 0xD7},     {0xF7, 0xF7},     {0x2000, 0x20CF}, {0x2100, 0x2BFF},
                                        {0x3000, 0x3004}, {0x3008, 0x3020}, {0x3030, 0x303F}, {0xD800, 0xF8FF},
                                        {0xFE10, 0xFE6F}, {0xFF5B, 0xFF65}, {0xFFE0, 0xFFFF}, {0x1F000, 0x1FBFF}};
    c = unicode_fold(c);
    if (c < 0x80)
        return c >= 'a' && c <= 'z';
    if (c < 0xC0)
        return c == 0xAA || c == 0xB5 || c == 0xBA;
    return !is_in(NONE, ARRAY_LEN(NONE), c) && !unicode_is_space(c) && !unicode_is_invisible(c) && !unicode_is_digit(c);
}

void unicode_put_words(struct buf *out, struct str text)
{
    bool is_between = true;
    buf_putc(out, ' ');
    while (text.len) {
        uint32_t c = unicode_next(&text);
        if (unicode_is_invisible(c) || unicode_is_mark(c))
            continue;
        bool is_part = unicode_is_letter(c) || unicode_is_digit(c);
        if (is_part)
            unicode_put(out, unicode_fold(c));
        else if (!is_between)
            buf_putc(out, ' ');
        is_between = !is_part;
    }
    if (!is_between)
        buf_putc(out, ' ');
}

void unicode_put_line(struct buf *out, struct str text)
{
    size_t begin = out->len;
    bool was_space = true;
    while (text.len) {
        uint32_t c = unicode_next(&text);
        bool is_space = unicode_is_space(c) || unicode_is_control(c);
        if (unicode_is_invisible(c))
            continue;
        if (is_space && !was_space)
            buf_putc(out, ' ');
        else if (!is_space)
            unicode_put(out, c);
        was_space = is_space;
    }
    if (out->len > begin && was_space)
        out->len--;
}
