// One request by a program that has nothing else to do meanwhile: a loop and a client of its own, for as long as it
// takes.
#ifndef BUNDLE_WORKER_COPY_HTTP_ONCE_H
#define BUNDLE_WORKER_COPY_HTTP_ONCE_H

#include "worker/copy/http.h"

// false: it could not even be tried (a setting is wrong). Else on_answer has run when it returns.
bool http_once(const struct http_settings *s, const struct http_request *r, http_on_answer *on_answer, void *context,
               struct err *e) MUST_USE;

#endif
