// Which addresses are not of the open internet: private, loopback, link-local (with the clouds' metadata service),
// carrier's NAT, multicast, reserved; IPv4 inside IPv6 (mapped, compatible, NAT64, 6to4) is judged as IPv4. IANA's
// special-purpose registries (RFC 6890) are the source.
#ifndef BUNDLE_WORKER_COPY_HTTP_ADDRESS_H
#define BUNDLE_WORKER_COPY_HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

bool http_address_is_private(const struct sockaddr *a); // of a family that is neither: true

#endif
