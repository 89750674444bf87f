#include <cerrno>

#include "rain/datagram_io.h"
#include "rain/socket_address.h"

namespace murky::rain {

namespace {

class PortableIo : public DatagramIo {
 public:
  PortableIo(int fd, int family) : fd_(fd), family_(family) {}

  size_t Receive(Datagram* slots, size_t count, bool* drained) override {
    *drained = false;
    size_t filled = 0;
    while (filled < count) {
      SocketAddress from;
      socklen_t length = sizeof from;
      Datagram& slot = slots[filled];
      const ssize_t got = recvfrom(fd_, slot.bytes, slot.length, 0, &from.any, &length);
      if (got < 0) {
        // Nothing is there; or an ICMP message about an earlier datagram, which this call has consumed: a
        // poll tells whether anything follows it.
        *drained = true;
        break;
      }
      slot.address = FromSocketAddress(from);
      slot.length = static_cast<size_t>(got);
      filled++;
    }
    return filled;
  }

  size_t Send(const Datagram* datagrams, size_t count, uint64_t* lost) override {
    for (size_t i = 0; i < count; i++) {
      SocketAddress to;
      const socklen_t length = ToSocketAddress(datagrams[i].address, family_, &to);
      if (length == 0) {
        ++*lost;
        continue;
      }
      if (sendto(fd_, datagrams[i].bytes, datagrams[i].length, 0, &to.any, length) >= 0) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return i;
      ++*lost;  // no route, refused, too long, no memory: lost as on the network
    }
    return count;
  }

 private:
  const int fd_;
  const int family_;
};

}  // namespace

std::unique_ptr<DatagramIo> MakePortableIo(int fd, int family) {
  return std::make_unique<PortableIo>(fd, family);
}

}  // namespace murky::rain
