#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "rain/datagram_io.h"
#include "rain/socket_address.h"

namespace murky::rain {

#if defined(__linux__)

namespace {

// The values of linux/udp.h, which older headers lack though the kernel may have them.
constexpr int kUdpSegment = 103;
constexpr int kUdpGro = 104;

// The kernel's limits of one cut message: UDP_MAX_SEGMENTS of its first version, and an IPv4 datagram.
constexpr size_t kMaxSegments = 64;
constexpr size_t kMaxCutBytes = 65'507;
constexpr size_t kJoinedBytes = 65'536;  // room for a message that may hold joined datagrams
// Fewer than kMaxBatchDatagrams, so that their room (2 MiB) stays near the processor; each may hold 64.
constexpr size_t kJoinedMessages = 32;

bool IsZeroTaken(int fd, int option) {
  const int zero = 0;
  return setsockopt(fd, IPPROTO_UDP, option, &zero, sizeof zero) == 0;
}

// What the kernel says of a message that it cannot cut: no checksum offload in the device (EIO), a segment
// over the device's MTU (EINVAL, EMSGSIZE), a socket or kernel that cannot.
bool MayBlameCutting(int error) {
  return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP || error == ENOPROTOOPT;
}

class BatchedIo : public DatagramIo {
 public:
  BatchedIo(int fd, int family, bool segmented) : fd_(fd), family_(family), segmented_(segmented) {
    if (segmented && IsZeroTaken(fd, kUdpSegment)) cut_limit_ = kMaxDatagramBytes;
    const int on = 1;
    joins_ = segmented && setsockopt(fd, IPPROTO_UDP, kUdpGro, &on, sizeof on) == 0;
    room_bytes_ = joins_ ? kJoinedBytes : kReceivedBytes;
    receive_messages_ = joins_ ? kJoinedMessages : kMaxBatchDatagrams;
    // Not cleared: pages that are never filled are never there.
    room_.reset(new uint8_t[receive_messages_ * room_bytes_]);
  }

  bool Receive(const Taker& take) override {
    for (size_t i = 0; i < receive_messages_; i++) {
      parts_[i] = {room_.get() + i * room_bytes_, room_bytes_};
      SetMessage(i, sizeof addresses_[i], &parts_[i], 1);
      if (joins_) Control(i);
    }
    calls_.receive++;
    const int got = recvmmsg(fd_, messages_.data(), static_cast<unsigned>(receive_messages_), 0, nullptr);
    // Below zero: nothing is there; or an ICMP message about an earlier datagram, which this call has
    // consumed: a poll tells whether anything follows it.
    if (got < 0) return false;
    for (size_t i = 0; i < static_cast<size_t>(got); i++) {
      const Address from = FromSocketAddress(addresses_[i]);
      const size_t length = messages_[i].msg_len;
      const size_t segment = SegmentBytes(messages_[i].msg_hdr, length);
      size_t at = 0;
      do {
        const size_t bytes = std::min(segment, length - at);
        take(from, room_.get() + i * room_bytes_ + at, std::min(bytes, kReceivedBytes));
        at += bytes;
      } while (at < length);
    }
    return static_cast<size_t>(got) == receive_messages_;
  }

  size_t Send(const Datagram* datagrams, size_t count, uint64_t* lost) override {
    size_t done = 0;
    size_t apart = 0;  // so many go one by one, because as one message they were refused
    size_t refused_bytes = 0;
    int refusal = 0;
    while (done < count) {
      const size_t prepared = Prepare(datagrams + done, count - done, apart);
      if (prepared == 0) {  // the first cannot be reached from this socket
        ++*lost;
        done++;
        continue;
      }
      calls_.send++;
      const int sent = sendmmsg(fd_, messages_.data(), static_cast<unsigned>(prepared), 0);
      size_t settled = 0;
      if (sent > 0) {
        for (int i = 0; i < sent; i++) settled += parts_of_[static_cast<size_t>(i)];
        // Alone they go, so it was the cutting.
        if (apart > 0) StopCutting(refused_bytes, refusal);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      } else if (errno == EINTR) {
        continue;
      } else if (parts_of_[0] > 1) {
        refusal = errno;
        apart = parts_of_[0];
        refused_bytes = datagrams[done].length;
        continue;
      } else {
        ++*lost;  // the error is the first one's: no route, refused, too long; lost as on the network
        settled = 1;
      }
      done += settled;
      apart -= std::min(apart, settled);
    }
    return done;
  }

  SocketKind kind() const override {
    return segmented_ && (cuts() || joins_) ? SocketKind::kSegmented : SocketKind::kBatched;
  }
  bool cuts() const override { return cut_limit_ > 0; }
  bool joins() const override { return joins_; }

 private:
  void SetMessage(size_t message, socklen_t address_length, iovec* parts, size_t count) {
    msghdr& header = messages_[message].msg_hdr;
    header = {};
    header.msg_name = &addresses_[message].any;
    header.msg_namelen = address_length;
    header.msg_iov = parts;
    header.msg_iovlen = count;
  }

  cmsghdr* Control(size_t message) {
    msghdr& header = messages_[message].msg_hdr;
    header.msg_control = controls_[message].bytes;
    header.msg_controllen = sizeof controls_[message].bytes;
    return CMSG_FIRSTHDR(&header);
  }

  // Of a message that may be several datagrams in one: all but the last are so long.
  static size_t SegmentBytes(msghdr& header, size_t length) {
    for (cmsghdr* control = CMSG_FIRSTHDR(&header); control; control = CMSG_NXTHDR(&header, control)) {
      if (control->cmsg_level != IPPROTO_UDP || control->cmsg_type != kUdpGro) continue;
      int segment = 0;
      std::memcpy(&segment, CMSG_DATA(control), sizeof segment);
      if (segment > 0) return static_cast<size_t>(segment);
    }
    return std::max<size_t>(length, 1);
  }

  // How many of the front can be one message: of one length to one address; the last may be shorter.
  size_t RunLength(const Datagram* datagrams, size_t count) const {
    const size_t segment = datagrams[0].length;
    if (segment == 0 || segment > cut_limit_) return 1;
    const size_t most = std::min({count, kMaxSegments, kMaxCutBytes / segment});
    size_t run = 1;
    while (run < most && datagrams[run - 1].length == segment && datagrams[run].length <= segment &&
           datagrams[run].length > 0 && datagrams[run].address == datagrams[0].address) {
      run++;
    }
    return run;
  }

  // Fills messages_ up to the first datagram that this socket cannot reach; returns how many messages.
  size_t Prepare(const Datagram* datagrams, size_t count, size_t apart) {
    const size_t most = std::min(count, kMaxBatchDatagrams);
    size_t prepared = 0;
    for (size_t at = 0; at < most; prepared++) {
      const socklen_t length = ToSocketAddress(datagrams[at].address, family_, &addresses_[prepared]);
      if (length == 0) break;
      const size_t run = at < apart ? 1 : RunLength(datagrams + at, most - at);
      for (size_t i = at; i < at + run; i++) parts_[i] = {datagrams[i].bytes, datagrams[i].length};
      SetMessage(prepared, length, &parts_[at], run);
      if (run > 1) {
        cmsghdr* control = Control(prepared);
        control->cmsg_level = IPPROTO_UDP;
        control->cmsg_type = kUdpSegment;
        control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        const auto segment = static_cast<uint16_t>(datagrams[at].length);
        std::memcpy(CMSG_DATA(control), &segment, sizeof segment);
        messages_[prepared].msg_hdr.msg_controllen = CMSG_SPACE(sizeof segment);
      }
      parts_of_[prepared] = run;
      at += run;
    }
    return prepared;
  }

  void StopCutting(size_t length, int refusal) {
    if (!MayBlameCutting(refusal)) return;
    const bool too_long = refusal == EINVAL || refusal == EMSGSIZE;  // for this device; shorter ones may go
    cut_limit_ = too_long ? std::min(cut_limit_, length - 1) : 0;
  }

  union alignas(cmsghdr) ControlBytes {
    uint8_t bytes[CMSG_SPACE(sizeof(int))];
  };

  const int fd_;
  const int family_;
  const bool segmented_;
  size_t cut_limit_ = 0;  // the longest segment that the kernel is believed to cut; 0: it cuts nothing
  bool joins_ = false;
  size_t room_bytes_;
  size_t receive_messages_;
  std::unique_ptr<uint8_t[]> room_;
  std::array<mmsghdr, kMaxBatchDatagrams> messages_{};
  std::array<size_t, kMaxBatchDatagrams> parts_of_{};  // datagrams in each message to send
  std::array<iovec, kMaxBatchDatagrams> parts_{};
  std::array<SocketAddress, kMaxBatchDatagrams> addresses_{};
  std::array<ControlBytes, kMaxBatchDatagrams> controls_{};
};

}  // namespace

std::unique_ptr<DatagramIo> MakeBatchedIo(int fd, int family, bool segmented) {
  return std::make_unique<BatchedIo>(fd, family, segmented);
}

#else

std::unique_ptr<DatagramIo> MakeBatchedIo(int, int, bool) { return nullptr; }

#endif

}  // namespace murky::rain
