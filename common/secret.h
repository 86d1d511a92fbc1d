// A secret from a file: its first line, without the white space around it.
// FAILURE  ERR_CONFIG that names the setting and the file, never the content.
#ifndef BUNDLE_COMMON_SECRET_H
#define BUNDLE_COMMON_SECRET_H

#include <stddef.h>

#include "common/err.h"

bool secret_read(const char *setting, const char *path, char *out, size_t size, struct err *e) MUST_USE;

#endif
