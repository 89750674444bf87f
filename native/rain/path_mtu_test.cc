#include "rain/path_mtu.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "testing/check.h"

namespace murky::rain {

namespace {

Address At(const char* host) {
  Address address;
  CHECK(Address::Parse(host, 9, &address));
  return address;
}

}  // namespace

#if defined(__linux__)

TEST(path_mtu_of_this_machine_is_that_of_its_loopback_interface) {
  ifreq request = {};
  std::strcpy(request.ifr_name, "lo");
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK_EQ(ioctl(fd, SIOCGIFMTU, &request), 0);
  close(fd);
  // The length of an IPv4 packet has 16 bits (RFC 791, section 3.1).
  CHECK_EQ(KnownPathMtu(At("127.0.0.1")), static_cast<size_t>(std::min(request.ifr_mtu, 65'535)));
  CHECK_EQ(KnownPathMtu(At("::1")), static_cast<size_t>(request.ifr_mtu));
}

#endif

}  // namespace murky::rain
