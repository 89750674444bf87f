#include <algorithm>
#include <cerrno>

#include "rain/datagram_io.h"
#include "rain/socket_address.h"

namespace murky::rain {

namespace {

class PortableIo : public DatagramIo {
 public:
  PortableIo(int fd, int family) : fd_(fd), family_(family) {}

  bool Receive(const Taker& take) override {
    SocketAddress from;
    socklen_t length = sizeof from;
    calls_.receive++;
    const ssize_t got = recvfrom(fd_, room_, sizeof room_, 0, &from.any, &length);
    // Nothing is there; or an ICMP message about an earlier datagram, which this call has consumed: a poll
    // tells whether anything follows it.
    if (got < 0) return false;
    take(FromSocketAddress(from), room_, static_cast<size_t>(got));
    return true;
  }

  size_t Send(const Datagram* datagrams, size_t count, uint64_t* lost) override {
    for (size_t i = 0; i < count; i++) {
      SocketAddress to;
      const socklen_t length = ToSocketAddress(datagrams[i].address, family_, &to);
      if (length == 0) {
        ++*lost;
        continue;
      }
      calls_.send++;
      if (sendto(fd_, datagrams[i].bytes, datagrams[i].length, 0, &to.any, length) >= 0) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return i;
      ++*lost;  // no route, refused, too long, no memory: lost as on the network
    }
    return count;
  }

  SocketKind kind() const override { return SocketKind::kPortable; }

 private:
  const int fd_;
  const int family_;
  uint8_t room_[kReceivedBytes];
};

}  // namespace

std::unique_ptr<DatagramIo> MakePortableIo(int fd, int family) {
  return std::make_unique<PortableIo>(fd, family);
}

std::unique_ptr<DatagramIo> MakeDatagramIo(int fd, int family, SocketKind most) {
  std::unique_ptr<DatagramIo> made;
  if (most != SocketKind::kPortable) made = MakeBatchedIo(fd, family, most == SocketKind::kSegmented);
  return made ? std::move(made) : MakePortableIo(fd, family);
}

}  // namespace murky::rain
