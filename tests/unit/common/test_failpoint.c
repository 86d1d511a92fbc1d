// What a point does to the process that hits it. Each case is a child of ours: it is meant to die.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/failpoint.h"

static char log_path[] = "/tmp/failpoint.XXXXXX";

static pid_t start(const char *failpoints, const char *name, int hits)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)setenv("FAILPOINTS", failpoints, 1);
    (void)setenv("FAILPOINT_LOG", log_path, 1);
    (void)close(STDERR_FILENO); // what a wrong specification says
    for (int i = 0; i < hits; i++)
        failpoint_hit(name);
    _exit(42);
}

static int status_of(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return status;
}

static void assert_killed(const char *failpoints, const char *name, int hits, int signal)
{
    int status = status_of(start(failpoints, name, hits));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal);
}

static void assert_survives(const char *failpoints, const char *name, int hits)
{
    int status = status_of(start(failpoints, name, hits));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void test_kill(void **state)
{
    (void)state;
    assert_killed("task.after=kill", "task.after", 1, SIGKILL);
    assert_killed("beat.after=sleep:1,task.after=kill@3", "task.after", 3, SIGKILL);
    assert_survives("task.after=kill@3", "task.after", 2);
    assert_survives("task.after=kill@3", "task.before", 5);
    assert_survives("", "task.before", 1);
}

static void test_exit(void **state)
{
    (void)state;
    int status = status_of(start("task.after=exit@2", "task.after", 2));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void test_stop_until_continued(void **state)
{
    (void)state;
    int status;
    pid_t child = start("task.after=stop", "task.after", 1);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(WEXITSTATUS(status_of(child)), 42);
}

static void test_sleep(void **state)
{
    (void)state;
    int64_t begun_ms = clock_mono_ms();
    assert_survives("task.after=sleep:30", "task.after", 2);
    assert_true(clock_mono_ms() - begun_ms >= 60);
}

static void test_wrong_specifications_stop_the_process(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "no.such=kill",      "task.after",       "task.after=",        "task.after=die",      "task.after=kill@",
        "task.after=kill@0", "task.after=sleep", "task.after=stop:60", "task.after=sleep:-1", "task.after=kill@x"};
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++)
        assert_killed(WRONG[i], "task.before", 1, SIGABRT);
    assert_killed("", "no.such", 1, SIGABRT);
}

static void test_log(void **state)
{
    (void)state;
    char got[256] = "";
    assert_int_equal(truncate(log_path, 0), 0);
    assert_survives("", "task.before", 2);
    assert_killed("task.after=kill", "task.after", 1, SIGKILL);
    int fd = open(log_path, O_RDONLY);
    assert_true(fd >= 0);
    assert_true(read(fd, got, sizeof got - 1) >= 0);
    (void)close(fd);
    assert_string_equal(got, "task.before\ntask.before\ntask.after\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill),
                                       cmocka_unit_test(test_exit),
                                       cmocka_unit_test(test_stop_until_continued),
                                       cmocka_unit_test(test_sleep),
                                       cmocka_unit_test(test_wrong_specifications_stop_the_process),
                                       cmocka_unit_test(test_log)};
    int fd = mkstemp(log_path);
    if (fd < 0) {
        perror(log_path);
        return 1;
    }
    (void)close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(log_path);
    return failed;
}
