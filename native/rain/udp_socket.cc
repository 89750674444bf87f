#include "rain/udp_socket.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "rain/socket_address.h"
#include "rain/wire.h"

namespace murky::rain {

namespace {

// One byte more than any datagram, so that a longer one is seen to be too long though it is cut.
constexpr size_t kReceiveRoomBytes = kMaxDatagramBytes + 1;

const char* ErrorCode(int number) {
  switch (number) {
    case EACCES:
      return "EACCES";
    case EADDRINUSE:
      return "EADDRINUSE";
    case EADDRNOTAVAIL:
      return "EADDRNOTAVAIL";
    case EAFNOSUPPORT:
      return "EAFNOSUPPORT";
    case EINVAL:
      return "EINVAL";
    case EMFILE:
      return "EMFILE";
    case ENFILE:
      return "ENFILE";
    case ENOBUFS:
      return "ENOBUFS";
    case ENOMEM:
      return "ENOMEM";
    case EPERM:
      return "EPERM";
    default:
      return "EIO";
  }
}

Failure SystemFailure(const Address& bind, int number) {
  return {ErrorCode(number), "UDP " + bind.text() + " cannot be bound: " + std::strerror(number) + "."};
}

bool PrepareDescriptor(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

// A burst must wait in the kernel while this thread decodes; the default holds some 100 datagrams.
void RaiseBuffer(int fd, int forced, int plain, int bytes) {
  if (forced != 0 && setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) == 0) return;
  setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);  // the kernel cuts it to what it allows
}

int BufferBytes(int fd, int option) {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  return getsockopt(fd, SOL_SOCKET, option, &bytes, &length) == 0 ? bytes : 0;
}

}  // namespace

std::unique_ptr<UdpSocket> UdpSocket::Open(const Address& bind, bool portable, Failure* failure) {
  const int family = bind.is_v4() ? AF_INET : AF_INET6;
  const int fd = ::socket(family, SOCK_DGRAM, 0);
  if (fd < 0) {
    *failure = SystemFailure(bind, errno);
    return nullptr;
  }
  std::unique_ptr<UdpSocket> made(new UdpSocket(fd, family, portable));
  SocketAddress address;
  socklen_t length = ToSocketAddress(bind, family, &address);
  const int v6_only = 0;
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (!PrepareDescriptor(fd) || ::bind(fd, &address.any, length) != 0 ||
      getsockname(fd, &address.any, &(length = sizeof address)) != 0) {
    *failure = SystemFailure(bind, errno);
    return nullptr;
  }
  made->local_ = FromSocketAddress(address);
  return made;
}

UdpSocket::UdpSocket(int fd, int family, bool portable)
    : fd_(fd), receive_room_(kMaxBatchDatagrams * kReceiveRoomBytes), send_room_(kSendQueueBytes) {
#if defined(__linux__)
  RaiseBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, kWantedReceiveBufferBytes);
  RaiseBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, kWantedSendBufferBytes);
#else
  RaiseBuffer(fd, 0, SO_RCVBUF, kWantedReceiveBufferBytes);
  RaiseBuffer(fd, 0, SO_SNDBUF, kWantedSendBufferBytes);
#endif
  const char* asked = std::getenv("MURKY_SOCKET");
  if (!portable && !(asked && std::strcmp(asked, "portable") == 0)) io_ = MakeBatchedIo(fd, family);
  batched_ = io_ != nullptr;
  if (!io_) io_ = MakePortableIo(fd, family);
}

UdpSocket::~UdpSocket() { ::close(fd_); }

int UdpSocket::receive_buffer_bytes() const { return BufferBytes(fd_, SO_RCVBUF); }
int UdpSocket::send_buffer_bytes() const { return BufferBytes(fd_, SO_SNDBUF); }

bool UdpSocket::Receive(const Taker& take) {
  Datagram slots[kMaxBatchDatagrams];
  for (size_t i = 0; i < kMaxBatchDatagrams; i++) {
    slots[i].bytes = receive_room_.data() + i * kReceiveRoomBytes;
    slots[i].length = kReceiveRoomBytes;
  }
  bool drained = false;
  const size_t got = io_->Receive(slots, kMaxBatchDatagrams, &drained);
  for (size_t i = 0; i < got; i++) take(slots[i].address, slots[i].bytes, slots[i].length);
  return !drained;
}

void UdpSocket::Send(const Address& to, const uint8_t* bytes, size_t length) {
  if (length == 0) return;
  if (queue_.size() >= kMaxBatchDatagrams && !blocked_) Flush();
  if (send_used_ + length > send_room_.size()) {
    lost_++;
    return;
  }
  uint8_t* at = send_room_.data() + send_used_;
  std::memcpy(at, bytes, length);
  send_used_ += length;
  queue_.push_back({to, at, length});
}

void UdpSocket::Flush() {
  const size_t done = io_->Send(queue_.data(), queue_.size(), &lost_);
  blocked_ = done < queue_.size();
  if (!blocked_) {
    queue_.clear();
    send_used_ = 0;
    return;
  }
  if (done == 0) return;
  // What is left moves to the front; the pointers with it.
  const size_t gone = static_cast<size_t>(queue_[done].bytes - send_room_.data());
  std::memmove(send_room_.data(), send_room_.data() + gone, send_used_ - gone);
  send_used_ -= gone;
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(done));
  for (Datagram& datagram : queue_) datagram.bytes -= gone;
}

}  // namespace murky::rain
