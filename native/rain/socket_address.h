// Addresses as the socket calls want them.
#ifndef MURKY_RAIN_SOCKET_ADDRESS_H_
#define MURKY_RAIN_SOCKET_ADDRESS_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include "rain/address.h"

namespace murky::rain {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// For a socket of `family` (AF_INET or AF_INET6; an IPv6 socket reaches IPv4 by mapped addresses). Returns
// the length, 0 where an IPv4 socket cannot reach the address.
socklen_t ToSocketAddress(const Address& address, int family, SocketAddress* out);
Address FromSocketAddress(const SocketAddress& address);

}  // namespace murky::rain

#endif  // MURKY_RAIN_SOCKET_ADDRESS_H_
