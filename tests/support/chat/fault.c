#include "tests/support/chat/fault.h"

#include <string.h>

#define FAULT_ROW(constant, of, name, what) [constant] = {FAULT_OF_##of, name, what},
static const struct {
    enum fault_kind kind;
    const char *name, *what;
} TABLE[FAULT_COUNT] = {FAULTS(FAULT_ROW)};

const char *fault_name(enum fault f)
{
    return TABLE[f].name;
}

enum fault_kind fault_kind(enum fault f)
{
    return TABLE[f].kind;
}

bool fault_find(const char *name, enum fault *out)
{
    for (int f = 0; f < FAULT_COUNT; f++) {
        if (strcmp(TABLE[f].name, name) == 0) {
            *out = (enum fault)f;
            return true;
        }
    }
    return false;
}

void fault_list(FILE *out)
{
    for (int f = 0; f < FAULT_COUNT; f++)
        (void)fprintf(out, "%-20s %s\n", TABLE[f].name, TABLE[f].what);
}
