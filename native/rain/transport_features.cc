#include "rain/transport_features.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "rain/crypto.h"
#include "rain/udp_socket.h"

namespace murky::rain {

namespace {

// The values of linux/udp.h, which older headers lack though the kernel may have them.
constexpr int kUdpSegment = 103;
constexpr int kUdpGro = 104;

bool Takes(int fd, int option) {
#if defined(__linux__)
  const int off = 0;
  return setsockopt(fd, IPPROTO_UDP, option, &off, sizeof off) == 0;
#else
  (void)fd;
  (void)option;
  return false;
#endif
}

}  // namespace

TransportFeatures ProbeTransport() {
  TransportFeatures features;
  utsname system;
  if (uname(&system) == 0) {
    features.platform = std::string(system.sysname) + " " + system.release + " " + system.machine;
  }
  features.crypto = CryptoVersion();
  Address loopback;
  Failure failure;
  Address::Parse("127.0.0.1", 0, &loopback);
  const auto socket = UdpSocket::Open(loopback, false, &failure);
  if (!socket) return features;
  features.batched_socket = socket->batched();
  features.gso = Takes(socket->fd(), kUdpSegment);
  features.gro = Takes(socket->fd(), kUdpGro);
  features.receive_buffer_bytes = socket->receive_buffer_bytes();
  features.send_buffer_bytes = socket->send_buffer_bytes();
  return features;
}

}  // namespace murky::rain
