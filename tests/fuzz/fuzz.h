// What the fuzz targets share. A target takes bytes (LLVMFuzzerTestOneInput, called by libFuzzer) and writes its own
// seeds; what must hold of any bytes it says with CHECK().
//
//     fuzz_TARGET --seeds DIR          writes the seeds and exits
//     fuzz_TARGET [libFuzzer's options] DIR...
#ifndef BUNDLE_TESTS_FUZZ_H
#define BUNDLE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "common/check.h"
#include "common/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

// Of each target: gives its seeds to fuzz_seed().
void fuzz_put_seeds(void);
void fuzz_seed(const char *name, struct str bytes);

#endif
