// What producers pushed, MessagePack or JSON or neither, for people.
#ifndef BUNDLE_WORKER_CTL_PAYLOAD_H
#define BUNDLE_WORKER_CTL_PAYLOAD_H

#include "common/json_out.h"

// One JSON value: the payload itself; a text where it is neither JSON nor MessagePack (bytes that are not UTF-8 as
// U+FFFD).
void payload_put(struct json_out *j, struct str payload);

#endif
