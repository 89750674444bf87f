// Who counts as one where a server shares out what it has.
#ifndef MURKY_RAIN_PEER_H_
#define MURKY_RAIN_PEER_H_

#include <algorithm>

#include "rain/address.h"

namespace murky::rain {

// A peer is an IPv4 address or an IPv6 subnet, so that a client gains nothing by asking from many ports or,
// where an interface may take any of 2^64 identifiers (RFC 4291, section 2.5.1), from many addresses; on
// loopback, where all nodes of a machine share one, it is address and port.
inline Address PeerOf(const Address& client) {
  Address peer = client;
  if (client.is_loopback()) return peer;
  peer.port = 0;
  if (!client.is_v4()) std::fill(peer.ip.begin() + 8, peer.ip.end(), uint8_t{0});
  return peer;
}

}  // namespace murky::rain

#endif  // MURKY_RAIN_PEER_H_
