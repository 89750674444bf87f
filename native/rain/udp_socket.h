// A bound, non-blocking UDP socket. Datagrams to send are gathered and go out in batches; what the kernel
// does not take at once waits in a queue of kSendQueueBytes, and what does not fit there is lost, as a
// network may lose it.
//
// Thread-safety: none; made on any thread, then used on one.
#ifndef MURKY_RAIN_UDP_SOCKET_H_
#define MURKY_RAIN_UDP_SOCKET_H_

#include <memory>
#include <string>
#include <vector>

#include "rain/datagram_io.h"
#include "rain/failure.h"
#include "rain/seam.h"
#include "rain/wire.h"

namespace murky::rain {

// A batch of the longest datagrams, so that a burst of them takes one system call.
constexpr size_t kSendQueueBytes = kMaxBatchDatagrams * kMaxDatagramBytes;

class UdpSocket : public DatagramSink {
 public:
  // Port 0 lets the system choose. `::` takes IPv4 too. Null and *failure set where that fails.
  static std::unique_ptr<UdpSocket> Open(const Address& bind, SocketKind most, Failure* failure);
  // `count` sockets of one port, each sent the datagrams of the senders whose PlaceOf is its index. One alone
  // where the system has no way to do that; none and *failure set where Open would fail.
  static std::vector<std::unique_ptr<UdpSocket>> OpenShared(const Address& bind, size_t count,
                                                            SocketKind most, Failure* failure);
  ~UdpSocket() override;
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  int fd() const { return fd_; }
  const Address& local() const { return local_; }
  const DatagramIo& io() const { return *io_; }
  int receive_buffer_bytes() const;  // as the kernel counts them, with its own overhead
  int send_buffer_bytes() const;

  // As DatagramIo's.
  bool Receive(const DatagramIo::Taker& take) { return io_->Receive(take); }

  void Send(const Address& to, const uint8_t* bytes, size_t length) override;
  uint8_t* Room(size_t length) override;
  // Sends what Send gathered, as far as the kernel takes it.
  void Flush();
  bool waiting() const { return !queue_.empty(); }  // for the socket to become writable
  uint64_t lost() const { return lost_; }           // refused by the kernel, or over the queue's limit

 private:
  UdpSocket(int fd, int family, SocketKind most);
  static std::unique_ptr<UdpSocket> Bound(const Address& bind, SocketKind most, bool joins, Failure* failure);

  const int fd_;
  std::unique_ptr<DatagramIo> io_;
  Address local_;
  std::vector<uint8_t> send_room_;  // the bytes of queue_, one behind the other
  size_t send_used_ = 0;
  std::vector<Datagram> queue_;
  bool blocked_ = false;  // since the last Flush
  uint64_t lost_ = 0;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_UDP_SOCKET_H_
