#include "rain/group_socket.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "rain/socket_address.h"
#include "rain/socket_setup.h"

namespace murky::rain {

namespace {

constexpr char kUnusable[] = "MURKY_ADDRESS_UNUSABLE";

Failure GroupFailure(const GroupOptions& options, const char* what, int number) {
  const std::string at = options.interface.is_unspecified() ? "" : " at " + options.interface.host();
  return {kUnusable, "The multicast group " + options.group.text() + " cannot be " + what + at + ": " +
                         std::strerror(number) + "."};
}

in_addr V4(const Address& address) {
  if (address.is_unspecified()) return in_addr{htonl(INADDR_ANY)};
  SocketAddress out;
  ToSocketAddress(address, AF_INET, &out);
  return out.v4.sin_addr;
}

// IPv6 names an interface by its index; 0, the system's choice, where none has the address.
unsigned IndexOf(const Address& interface) {
  ifaddrs* all = nullptr;
  if (interface.is_unspecified() || getifaddrs(&all) != 0) return 0;
  unsigned index = 0;
  for (const ifaddrs* each = all; each && index == 0; each = each->ifa_next) {
    if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET6) continue;
    SocketAddress address;
    std::memcpy(&address.v6, each->ifa_addr, sizeof address.v6);
    if (FromSocketAddress(address).ip == interface.ip) index = if_nametoindex(each->ifa_name);
  }
  freeifaddrs(all);
  return index;
}

template <typename Value>
bool Set(int fd, int level, int option, const Value& value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

bool JoinGroup(int fd, const GroupOptions& options) {
  if (!options.group.is_v4()) {
    SocketAddress group;
    ToSocketAddress(options.group, AF_INET6, &group);
    return Set(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, ipv6_mreq{group.v6.sin6_addr, IndexOf(options.interface)});
  }
#if defined(IP_MULTICAST_ALL)
  Set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);  // only what this socket has joined
#endif
  return Set(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, ip_mreq{V4(options.group), V4(options.interface)});
}

bool Bind(int fd, const Address& group, int family) {
  SocketAddress address;
  const socklen_t length = ToSocketAddress(group, family, &address);
  // Other nodes of this machine hear the group too.
  if (!Set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return false;
#if defined(__APPLE__)
  if (!Set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return false;
#endif
  return ::bind(fd, &address.any, length) == 0;
}

}  // namespace

bool GroupOptions::Usable(const Address& bind, bool loopback_only, Failure* failure) const {
  if (group.port == 0) return true;
  if (loopback_only) {
    *failure = {"MURKY_INSECURE_REFUSED", "Only this machine is spoken to here, and the multicast group " +
                                              group.text() + " is heard by others."};
    return false;
  }
  if (bind.is_v4() && !group.is_v4()) {
    *failure = {kUnusable, "The multicast group " + group.text() + " cannot be reached from " + bind.host() +
                               ", which is an IPv4 address."};
    return false;
  }
  return true;
}

bool PrepareToPour(int fd, const GroupOptions& options, Failure* failure) {
  const bool v4 = options.group.is_v4();
  const bool prepared =
      v4 ? Set(fd, IPPROTO_IP, IP_MULTICAST_IF, V4(options.interface)) &&
               Set(fd, IPPROTO_IP, IP_MULTICAST_TTL, static_cast<unsigned char>(options.hops)) &&
               Set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, static_cast<unsigned char>(1))
         : Set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, IndexOf(options.interface)) &&
               Set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, options.hops) &&
               Set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
  if (!prepared) *failure = GroupFailure(options, "sent to", errno);
  return prepared;
}

std::unique_ptr<GroupSocket> GroupSocket::Open(const GroupOptions& options, SocketKind most,
                                               Failure* failure) {
  const int family = options.group.is_v4() ? AF_INET : AF_INET6;
  const int fd = ::socket(family, SOCK_DGRAM, 0);
  if (fd < 0) {
    *failure = GroupFailure(options, "joined", errno);
    return nullptr;
  }
  std::unique_ptr<GroupSocket> made(new GroupSocket(fd));
  if (!PrepareDescriptor(fd) || !Bind(fd, options.group, family) || !JoinGroup(fd, options)) {
    *failure = GroupFailure(options, "joined", errno);
    return nullptr;
  }
  RaiseReceiveBuffer(fd);
  made->io_ = MakeDatagramIo(fd, family, most);
  return made;
}

GroupSocket::~GroupSocket() { ::close(fd_); }

}  // namespace murky::rain
