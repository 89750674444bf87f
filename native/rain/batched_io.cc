#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "rain/datagram_io.h"
#include "rain/socket_address.h"

namespace murky::rain {

#if defined(__linux__)

namespace {

class BatchedIo : public DatagramIo {
 public:
  BatchedIo(int fd, int family) : fd_(fd), family_(family) {}

  size_t Receive(Datagram* slots, size_t count, bool* drained) override {
    for (size_t i = 0; i < count; i++) {
      parts_[i] = {slots[i].bytes, slots[i].length};
      messages_[i].msg_hdr = {};
      messages_[i].msg_hdr.msg_name = &addresses_[i].any;
      messages_[i].msg_hdr.msg_namelen = sizeof addresses_[i];
      messages_[i].msg_hdr.msg_iov = &parts_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = recvmmsg(fd_, messages_.data(), static_cast<unsigned>(count), 0, nullptr);
    // Below zero: nothing is there; or an ICMP message about an earlier datagram, which this call has
    // consumed: a poll tells whether anything follows it.
    *drained = got < static_cast<int>(count);
    if (got < 0) return 0;
    for (int i = 0; i < got; i++) {
      slots[i].address = FromSocketAddress(addresses_[i]);
      slots[i].length = messages_[i].msg_len;
    }
    return static_cast<size_t>(got);
  }

  size_t Send(const Datagram* datagrams, size_t count, uint64_t* lost) override {
    size_t done = 0;
    while (done < count) {
      const size_t prepared = Prepare(datagrams + done, count - done);
      if (prepared == 0) {  // the first cannot be reached from this socket
        ++*lost;
        done++;
        continue;
      }
      const int sent = sendmmsg(fd_, messages_.data(), static_cast<unsigned>(prepared), 0);
      if (sent >= 0) {
        done += static_cast<size_t>(sent);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      } else if (errno != EINTR) {
        ++*lost;  // the error is the first one's: no route, refused, too long; lost as on the network
        done++;
      }
    }
    return done;
  }

 private:
  // Fills messages_ up to the first datagram that this socket cannot reach; returns how many.
  size_t Prepare(const Datagram* datagrams, size_t count) {
    size_t prepared = 0;
    for (; prepared < count && prepared < kMaxBatchDatagrams; prepared++) {
      const Datagram& datagram = datagrams[prepared];
      const socklen_t length = ToSocketAddress(datagram.address, family_, &addresses_[prepared]);
      if (length == 0) break;
      parts_[prepared] = {datagram.bytes, datagram.length};
      messages_[prepared].msg_hdr = {};
      messages_[prepared].msg_hdr.msg_name = &addresses_[prepared].any;
      messages_[prepared].msg_hdr.msg_namelen = length;
      messages_[prepared].msg_hdr.msg_iov = &parts_[prepared];
      messages_[prepared].msg_hdr.msg_iovlen = 1;
    }
    return prepared;
  }

  const int fd_;
  const int family_;
  std::array<mmsghdr, kMaxBatchDatagrams> messages_{};
  std::array<iovec, kMaxBatchDatagrams> parts_{};
  std::array<SocketAddress, kMaxBatchDatagrams> addresses_{};
};

}  // namespace

std::unique_ptr<DatagramIo> MakeBatchedIo(int fd, int family) {
  return std::make_unique<BatchedIo>(fd, family);
}

#else

std::unique_ptr<DatagramIo> MakeBatchedIo(int, int) { return nullptr; }

#endif

}  // namespace murky::rain
