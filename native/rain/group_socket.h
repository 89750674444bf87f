// IP multicast on the system's sockets (RFC 1112 and RFC 3493): sending to a group from a node's socket, and
// hearing it on another one, which is open only while somebody fetches.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_GROUP_SOCKET_H_
#define MURKY_RAIN_GROUP_SOCKET_H_

#include <memory>

#include "rain/datagram_io.h"
#include "rain/failure.h"

namespace murky::rain {

struct GroupOptions {
  Address group;      // port 0: there is none
  Address interface;  // one of this machine's addresses; unspecified: as the system routes
  int hops = 1;       // TTL, or hop limit

  // False and *failure set where there is a group that a node bound there cannot have.
  bool Usable(const Address& bind, bool loopback_only, Failure* failure) const;
};

// Lets what the socket sends to the group leave by the interface, with so many hops, and come back to other
// sockets of this machine. False and *failure set where the system refuses.
bool PrepareToPour(int fd, const GroupOptions& options, Failure* failure);

class GroupSocket {
 public:
  // Joins. Null and *failure set where that fails.
  static std::unique_ptr<GroupSocket> Open(const GroupOptions& options, SocketKind most, Failure* failure);
  ~GroupSocket();  // leaves
  GroupSocket(const GroupSocket&) = delete;
  GroupSocket& operator=(const GroupSocket&) = delete;

  int fd() const { return fd_; }
  // As DatagramIo's.
  bool Receive(const DatagramIo::Taker& take) { return io_->Receive(take); }

 private:
  explicit GroupSocket(int fd) : fd_(fd) {}
  const int fd_;
  std::unique_ptr<DatagramIo> io_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_GROUP_SOCKET_H_
