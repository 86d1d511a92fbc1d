#include "worker/copy/http_address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "common/check.h"

struct range {
    uint8_t bits, bytes[16]; // the first `bits` of an address are these
};

static const struct range IPV4[] = {
    {8, {0}},             // this network
    {8, {10}},            // private
    {10, {100, 64}},      // carrier's NAT
    {8, {127}},           // loopback
    {16, {169, 254}},     // link-local: the metadata service of clouds
    {12, {172, 16}},      // private
    {24, {192, 0, 0}},    // protocol assignments
    {24, {192, 0, 2}},    // documentation
    {16, {192, 168}},     // private
    {15, {198, 18}},      // benchmarks
    {24, {198, 51, 100}}, // documentation
    {24, {203, 0, 113}},  // documentation
    {4, {224}},           // multicast
    {4, {240}},           // reserved, broadcast
};

static const struct range IPV6[] = {
    {48, {0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}}, // NAT64 of one's own network
    {64, {0x01}},                               // discard
    {32, {0x20, 0x01, 0x00, 0x00}},             // Teredo: an IPv4 address in disguise
    {32, {0x20, 0x01, 0x0d, 0xb8}},             // documentation
    {7, {0xfc}},                                // unique local
    {10, {0xfe, 0x80}},                         // link-local
    {10, {0xfe, 0xc0}},                         // site-local
    {8, {0xff}},                                // multicast
};

// IPv6 addresses that hold an IPv4 address, and where.
static const struct {
    struct range range;
    uint8_t at;
} HOLDS_IPV4[] = {
    {{96, {0}}, 12},                        // compatible; unspecified and ::1 among them
    {{96, {[10] = 0xff, [11] = 0xff}}, 12}, // mapped
    {{96, {0x00, 0x64, 0xff, 0x9b}}, 12},   // NAT64
    {{16, {0x20, 0x02}}, 2},                // 6to4
};

static bool is_in(const struct range *r, const uint8_t *address)
{
    unsigned whole = r->bits / 8, rest = r->bits % 8;
    if (memcmp(r->bytes, address, whole) != 0)
        return false;
    return rest == 0 || (r->bytes[whole] ^ address[whole]) >> (8 - rest) == 0;
}

static bool is_in_any(const struct range *ranges, size_t n, const uint8_t *address)
{
    for (size_t i = 0; i < n; i++)
        if (is_in(&ranges[i], address))
            return true;
    return false;
}

static bool ipv6_is_private(const uint8_t *address)
{
    for (size_t i = 0; i < ARRAY_LEN(HOLDS_IPV4); i++)
        if (is_in(&HOLDS_IPV4[i].range, address))
            return is_in_any(IPV4, ARRAY_LEN(IPV4), address + HOLDS_IPV4[i].at);
    return is_in_any(IPV6, ARRAY_LEN(IPV6), address);
}

bool http_address_is_private(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, a, sizeof v4);
        return is_in_any(IPV4, ARRAY_LEN(IPV4), (const uint8_t *)&v4.sin_addr);
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, a, sizeof v6);
        return ipv6_is_private(v6.sin6_addr.s6_addr);
    }
    return true;
}
