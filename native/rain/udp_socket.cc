#include "rain/udp_socket.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "rain/shared_port.h"
#include "rain/socket_address.h"
#include "rain/socket_setup.h"

namespace murky::rain {

namespace {

Failure SystemFailure(const Address& bind, int number) {
  return {ErrorCode(number), "UDP " + bind.text() + " cannot be bound: " + std::strerror(number) + "."};
}

int BufferBytes(int fd, int option) {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  return getsockopt(fd, SOL_SOCKET, option, &bytes, &length) == 0 ? bytes : 0;
}

SocketKind EnvironmentsMost() {
  const char* asked = std::getenv("MURKY_SOCKET");
  if (asked && std::strcmp(asked, "portable") == 0) return SocketKind::kPortable;
  if (asked && std::strcmp(asked, "batched") == 0) return SocketKind::kBatched;
  return SocketKind::kSegmented;
}

}  // namespace

std::unique_ptr<UdpSocket> UdpSocket::Open(const Address& bind, SocketKind most, Failure* failure) {
  return Bound(bind, most, false, failure);
}

std::vector<std::unique_ptr<UdpSocket>> UdpSocket::OpenShared(const Address& bind, size_t count,
                                                              SocketKind most, Failure* failure) {
  std::vector<std::unique_ptr<UdpSocket>> sockets;
  auto first = Open(bind, most, failure);
  if (!first) return sockets;
  const int fd = first->fd();
  const Address local = first->local();
  sockets.push_back(std::move(first));
  if (count == 1 || !SharePort(fd)) return sockets;
  Failure ignored;
  while (sockets.size() < count) {
    auto next = Bound(local, most, true, &ignored);
    if (!next) break;
    sockets.push_back(std::move(next));
  }
  // The kernel's own choice would bring answers to threads that did not ask.
  if (sockets.size() < count || !SteerBySender(fd, count)) sockets.resize(1);
  return sockets;
}

std::unique_ptr<UdpSocket> UdpSocket::Bound(const Address& bind, SocketKind most, bool joins,
                                            Failure* failure) {
  const int family = bind.is_v4() ? AF_INET : AF_INET6;
  const int fd = ::socket(family, SOCK_DGRAM, 0);
  if (fd < 0) {
    *failure = SystemFailure(bind, errno);
    return nullptr;
  }
  std::unique_ptr<UdpSocket> made(new UdpSocket(fd, family, most));
  SocketAddress address;
  socklen_t length = ToSocketAddress(bind, family, &address);
  const int v6_only = 0;
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  if (!PrepareDescriptor(fd) || (joins && !SharePort(fd)) || ::bind(fd, &address.any, length) != 0 ||
      getsockname(fd, &address.any, &(length = sizeof address)) != 0) {
    *failure = SystemFailure(bind, errno);
    return nullptr;
  }
  made->local_ = FromSocketAddress(address);
  return made;
}

UdpSocket::UdpSocket(int fd, int family, SocketKind most)
    : fd_(fd),
      io_(MakeDatagramIo(fd, family, std::min(most, EnvironmentsMost()))),
      send_room_(kSendQueueBytes) {
  RaiseReceiveBuffer(fd);
  RaiseSendBuffer(fd);
}

UdpSocket::~UdpSocket() { ::close(fd_); }

int UdpSocket::receive_buffer_bytes() const { return BufferBytes(fd_, SO_RCVBUF); }
int UdpSocket::send_buffer_bytes() const { return BufferBytes(fd_, SO_SNDBUF); }

uint8_t* UdpSocket::Room(size_t length) {
  const auto fits = [&] { return send_used_ + length <= send_room_.size(); };
  if ((queue_.size() >= kMaxBatchDatagrams || !fits()) && !blocked_) Flush();
  return fits() ? send_room_.data() + send_used_ : nullptr;
}

void UdpSocket::Send(const Address& to, const uint8_t* bytes, size_t length) {
  if (length == 0) return;
  uint8_t* at = Room(length);
  if (!at) {
    lost_++;
    return;
  }
  if (bytes != at) std::memcpy(at, bytes, length);
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
