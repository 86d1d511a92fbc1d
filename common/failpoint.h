// Named points at which a test can make this very process die, freeze or dawdle: between a script's answer and what is
// made of it, between a COMMIT and its acknowledgement. In release builds a point is nothing at all.
//
//     FAILPOINTS="turn.after=kill@3,publish.committed=sleep:1500"     NAME=ACTION[:MS][@NTH], separated by commas
//
//     kill        SIGKILL to itself
//     stop        SIGSTOP to itself, until somebody sends SIGCONT
//     sleep:MS    this thread only
//     exit        _exit(1), no cleanup
//     @NTH        at that hit of the point in this process only, else at each
//
// FAILPOINT_LOG=FILE: each hit appends the point's name as a line, before the action, so that coverage can be counted.
//
// FAILURE   A wrong specification or an unknown name stops the process: a test that names nothing would always pass.
// THREADS   Any. The environment is read once, at the first hit.
#ifndef BUNDLE_COMMON_FAILPOINT_H
#define BUNDLE_COMMON_FAILPOINT_H

// X(name, where it is)
#define FAILPOINT_LIST(X)                                                                                              \
    X("intake.after", "the wait for a message has its answer: one may be in the intake, and nobody has looked at it")  \
    X("admit.before", "a message in the intake is about to become a job")                                              \
    X("admit.after", "it is a job, or joined one")                                                                     \
    X("reject.before", "a bad message is about to go to the dead")                                                     \
    X("reject.after", "it has gone there")                                                                             \
    X("cancel.before", "a cancellation is about to be carried out")                                                    \
    X("cancel.after", "the job is cancelled")                                                                          \
    X("sweep.before", "about to look for what time brings")                                                            \
    X("sweep.after", "it is done; messages and ends that came with the answer are not handled")                        \
    X("turn.before", "a turn is about to be sent")                                                                     \
    X("turn.after", "a turn is answered, its ends are still held, its claims not")                                     \
    X("turn.split.before", "a turn is about to be sent that splits a job into the tasks of its next stage")            \
    X("turn.split.after", "it is answered: the tasks are there")                                                       \
    X("turn.stage.before", "a turn is about to be sent that ends a stage of one task: prepare, merge, publish")        \
    X("turn.stage.after", "it is answered: the next stage is open, or the job final")                                  \
    X("turn.claimed", "tasks are this worker's, and no slot has them")                                                 \
    X("post.before", "an event from inside a task, or an artefact it shares, is about to be sent")                     \
    X("post.after", "that is answered")                                                                                \
    X("task.before", "a slot has taken a task, or it is about to begin as I/O")                                        \
    X("task.after", "a slot has run a task, or its I/O is over; its end is not posted")                                \
    X("once.before", "about to ask who makes an artefact")                                                             \
    X("once.after", "it is known who makes it")                                                                        \
    X("load.copy", "the COPY of a table has begun, its rows are on their way")                                         \
    X("mine.before", "the rows are loaded, nothing is counted")                                                        \
    X("mine.counted", "amid mining: the pairs are counted, nothing has answered yet")                                  \
    X("preliminary.before", "the preliminary bundles are made, nothing is sent to PostgreSQL")                         \
    X("preliminary.committed", "they are in PostgreSQL, no event says so")                                             \
    X("share.before", "an artefact is made, no other worker knows")                                                    \
    X("pair.before", "a pair has its artefact")                                                                        \
    X("pair.after", "a pair's offers are worked out, its end is not posted")                                           \
    X("merge.read", "amid merging: all pairs' results are read")                                                       \
    X("copy.begin", "a copy task is read, the copywriter does not have it yet")                                        \
    X("copy.answered", "the language model has answered a request, nothing is made of that yet")                       \
    X("copy.taken", "one with copy is taken: the gate and the cache are told, a request may go again")                 \
    X("copy.end", "a copy task's result is made, its end is not posted")                                               \
    X("publish.before", "the final rows are read, nothing is sent to PostgreSQL")                                      \
    X("publish.committed", "they are in PostgreSQL, the queue has no acknowledgement")                                 \
    X("told.before", "ends without a stage are in PostgreSQL, the queue still means to tell it")                       \
    X("told.after", "the queue knows")                                                                                 \
    X("reconcile.push", "a lost upload is touched in PostgreSQL and not pushed yet")                                   \
    X("beat.before", "about to renew leases")                                                                          \
    X("beat.after", "leases are renewed, what was lost is not cancelled yet")

#ifdef BUNDLE_FAILPOINTS
void failpoint_hit(const char *name);
#define FAILPOINT(name) failpoint_hit(name)
#else
#define FAILPOINT(name) ((void)0)
#endif

#endif
