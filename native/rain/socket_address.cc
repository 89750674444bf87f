#include "rain/socket_address.h"

#include <arpa/inet.h>

#include <cstring>

namespace murky::rain {

socklen_t ToSocketAddress(const Address& address, int family, SocketAddress* out) {
  std::memset(out, 0, sizeof *out);
  if (family == AF_INET6) {
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(address.port);
    std::memcpy(&out->v6.sin6_addr, address.ip.data(), 16);
    return sizeof out->v6;
  }
  if (!address.is_v4()) return 0;
  out->v4.sin_family = AF_INET;
  out->v4.sin_port = htons(address.port);
  std::memcpy(&out->v4.sin_addr, address.ip.data() + 12, 4);
  return sizeof out->v4;
}

Address FromSocketAddress(const SocketAddress& address) {
  Address result;
  if (address.any.sa_family == AF_INET6) {
    std::memcpy(result.ip.data(), &address.v6.sin6_addr, 16);
    result.port = ntohs(address.v6.sin6_port);
  } else {
    result.ip[10] = result.ip[11] = 0xff;
    std::memcpy(result.ip.data() + 12, &address.v4.sin_addr, 4);
    result.port = ntohs(address.v4.sin_port);
  }
  return result;
}

}  // namespace murky::rain
