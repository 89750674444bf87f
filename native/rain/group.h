// What both sides of a multicast group (RFC 1112, RFC 4291) take as agreed: docs/rain.md, "Multicast".
#ifndef MURKY_RAIN_GROUP_H_
#define MURKY_RAIN_GROUP_H_

#include <cstddef>
#include <cstdint>

#include "rain/seam.h"

namespace murky::rain {

// From here up ESIs are a group's: nobody asks for them, and everybody lacks them.
constexpr uint32_t kFirstGroupEsi = 1u << 23;
// No path MTU can be probed for a group; this fits an Ethernet frame with all headers.
constexpr size_t kMostGroupSymbolBytes = 1344;
// Of one fetch: for less it is not worth to join.
constexpr size_t kLeastGroupBytes = 4u << 20;
constexpr Micros kListenInterval = 100'000;  // between LISTENs, at the latest

// How many symbols of a block the group is sent. All are repair symbols, of which K and two decode a block
// nearly always; the rest is for losses.
constexpr uint32_t GroupSymbols(uint32_t k) { return k + 2 + k / 16; }

}  // namespace murky::rain

#endif  // MURKY_RAIN_GROUP_H_
