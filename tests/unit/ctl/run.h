// bundlectl, run as people run it.
#ifndef BUNDLE_TESTS_UNIT_CTL_RUN_H
#define BUNDLE_TESTS_UNIT_CTL_RUN_H

#include <stdio.h>
#include <sys/wait.h>

static char output[1 << 20];

// Runs bundlectl with `arguments` (for the shell); what it writes goes to `output`, its exit code is returned.
static inline int run_with(const char *arguments, const char *redirection)
{
    char command[4096];
    (void)snprintf(command, sizeof command, "%s %s %s", BUNDLECTL, arguments, redirection);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t len = fread(output, 1, sizeof output - 1, f);
    output[len] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#endif
