// What producers pushed, MessagePack or JSON, for people and to be pushed again.
#ifndef BUNDLE_WORKER_CTL_PAYLOAD_H
#define BUNDLE_WORKER_CTL_PAYLOAD_H

#include "common/json_out.h"

// One JSON value: the payload itself; a text where it is neither JSON nor MessagePack (bytes that are not UTF-8 as
// U+FFFD).
void payload_put(struct json_out *j, struct str payload);

// The same request once more, as a new job and at once: without job, at and delay_s. ERR_CODEC where it is no map.
bool payload_repeat(struct str payload, struct buf *message, struct err *e) MUST_USE;

#endif
