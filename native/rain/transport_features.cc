#include "rain/transport_features.h"

#include <sys/utsname.h>

#include "rain/crypto.h"
#include "rain/udp_socket.h"

namespace murky::rain {

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
  const auto socket = UdpSocket::Open(loopback, SocketKind::kSegmented, &failure);
  if (!socket) return features;
  features.batched_socket = socket->io().kind() != SocketKind::kPortable;
  features.gso = socket->io().cuts();
  features.gro = socket->io().joins();
  features.receive_buffer_bytes = socket->receive_buffer_bytes();
  features.send_buffer_bytes = socket->send_buffer_bytes();
  return features;
}

}  // namespace murky::rain
