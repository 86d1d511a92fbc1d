// Characters of Unicode, as far as names and copy need them: reading them one by one, folding them so that "ＣＡＦÉ"
// and "cafe" compare equal, and telling letters, digits, white space and the invisible ones apart. Pure.
#ifndef BUNDLE_WORKER_COPY_UNICODE_H
#define BUNDLE_WORKER_COPY_UNICODE_H

#include <stdint.h>

#include "common/buf.h"
#include "common/str.h"

enum { UNICODE_BAD = 0xFFFD };

uint32_t unicode_next(struct str *text); // takes a character off a non-empty text; of malformed bytes UNICODE_BAD each
void unicode_put(struct buf *out, uint32_t c);
// As many whole characters as fit into `size` bytes with the NUL; ends at malformed bytes.
void unicode_copy(struct str text, char *out, size_t size);

// Small, without accents (Latin), of usual width, height and shape, digits of any script as ASCII. What has no other
// form stays.
uint32_t unicode_fold(uint32_t c);
bool unicode_is_letter(uint32_t c); // of any script; also marks that stand on letters
bool unicode_is_digit(uint32_t c);
bool unicode_is_space(uint32_t c);     // that a reader sees as a space: also tabs, line ends, no-break spaces
bool unicode_is_control(uint32_t c);   // C0, C1, DEL
bool unicode_is_invisible(uint32_t c); // zero-width, bidi marks and overrides, tags, variation selectors
bool unicode_is_mark(uint32_t c);      // combining accents of Latin, Greek, Cyrillic
bool unicode_is_pictograph(uint32_t c);

// The text on one line, of what can be seen, with single spaces.
void unicode_put_line(struct buf *out, struct str text);

// The text folded, in words of letters and digits with one space between and around them: " blue mug 12 ". Nothing
// invisible, no marks.
void unicode_put_words(struct buf *out, struct str text);

#endif
