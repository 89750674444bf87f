// What the kernel knows of the MTU of a path, without a packet sent.
#ifndef MURKY_RAIN_PATH_MTU_H_
#define MURKY_RAIN_PATH_MTU_H_

#include <cstddef>

#include "rain/address.h"

namespace murky::rain {

// Bytes of the largest IP packet that the route to `to` takes as a whole: the MTU of the interface, or less
// where an ICMP message has told of a narrower link on the way (RFC 1191, RFC 8201). 0 where the system does
// not say. From any thread.
size_t KnownPathMtu(const Address& to);

}  // namespace murky::rain

#endif  // MURKY_RAIN_PATH_MTU_H_
