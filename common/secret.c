#include "common/secret.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"

bool secret_read(const char *setting, const char *path, char *out, size_t size, struct err *e)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(e, ERR_CONFIG, "%s = %s: %s", setting, path, strerror(errno));
    CHECK(setvbuf(file, NULL, _IONBF, 0) == 0); // a buffer would leave the secret in freed memory
    bool has_line = fgets(out, (int)size, file) != NULL;
    bool is_whole = has_line && (strchr(out, '\n') || fgetc(file) == EOF);
    (void)fclose(file);
    struct str line = str_trim(str_of(has_line ? out : ""));
    if (!is_whole || line.len == 0)
        return err_set(e, ERR_CONFIG, "%s = %s: its first line is %s", setting, path,
                       has_line && !is_whole ? "too long for a password" : "empty");
    memmove(out, line.ptr, line.len);
    out[line.len] = '\0';
    return true;
}
