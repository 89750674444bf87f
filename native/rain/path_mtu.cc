#include "rain/path_mtu.h"

#include <unistd.h>

#include "rain/socket_address.h"

namespace murky::rain {

#if defined(__linux__)

size_t KnownPathMtu(const Address& to) {
  const int family = to.is_v4() ? AF_INET : AF_INET6;
  const int fd = ::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  SocketAddress address;
  const socklen_t length = ToSocketAddress(to, family, &address);
  int mtu = 0;
  socklen_t bytes = sizeof mtu;
  // Connecting looks up the route, which is what knows.
  const bool told = connect(fd, &address.any, length) == 0 &&
                    (to.is_v4() ? getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &bytes)
                                : getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &bytes)) == 0;
  ::close(fd);
  return told && mtu > 0 ? static_cast<size_t>(mtu) : 0;
}

#else

size_t KnownPathMtu(const Address&) { return 0; }

#endif

}  // namespace murky::rain
