#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char *seeds_dir;

void fuzz_seed(const char *name, struct str bytes)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", seeds_dir, name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len && fclose(f) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (*argc != 3 || strcmp((*argv)[1], "--seeds") != 0)
        return 0;
    seeds_dir = (*argv)[2];
    fuzz_put_seeds();
    exit(0);
}
