// Part of answer.c: the objects without objects in them (a bundle's copy is one) in a text that should be JSON, one by
// one, so that what is wrong with one, around or behind it costs no other. Mends what models get wrong: comments,
// commas before a bracket, line ends within strings.
#ifndef BUNDLE_WORKER_COPY_ANSWER_OBJECTS_H
#define BUNDLE_WORKER_COPY_ANSWER_OBJECTS_H

#include "common/buf.h"
#include "common/str.h"

enum { ANSWER_OBJECT_MAX = 64 << 10 };

struct answer_objects {
    struct str text;
    size_t at;
    unsigned depth;    // of braces
    struct str word;   // the string read last, without its quotes
    bool is_key;       // a colon came after it, and nothing since
    bool is_open;      // `object` holds an innermost object's beginning
    struct str key;    // what stands before that object, as in {"b1": {...}}; "" else
    struct buf object; // mended
};

void answer_objects_init(struct answer_objects *o, struct str text);
void answer_objects_fini(struct answer_objects *o);
bool answer_objects_next(struct answer_objects *o); // false: no more; else `object` and `key`

#endif
