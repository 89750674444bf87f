// How datagrams pass between a UDP socket and memory: one system call each, or many in one where the kernel
// can. Both behave alike, so that what runs elsewhere is tested on Linux too.
//
// Thread-safety: none; one per socket.
#ifndef MURKY_RAIN_DATAGRAM_IO_H_
#define MURKY_RAIN_DATAGRAM_IO_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "rain/address.h"

namespace murky::rain {

struct Datagram {
  Address address;
  uint8_t* bytes = nullptr;
  size_t length = 0;  // before a receive: the room
};

constexpr size_t kMaxBatchDatagrams = 64;

class DatagramIo {
 public:
  virtual ~DatagramIo() = default;
  // Fills the front of `slots` (at most kMaxBatchDatagrams) and returns how many. *drained: nothing is left
  // at the moment. A datagram longer than its room is cut.
  virtual size_t Receive(Datagram* slots, size_t count, bool* drained) = 0;
  // Returns how many of the front are done with: sent, or lost to an error of their own (*lost is raised).
  // Fewer than `count`: the socket takes no more at the moment.
  virtual size_t Send(const Datagram* datagrams, size_t count, uint64_t* lost) = 0;
};

// `family` is that of the socket, AF_INET or AF_INET6.
std::unique_ptr<DatagramIo> MakePortableIo(int fd, int family);
// recvmmsg and sendmmsg; null where the platform lacks them.
std::unique_ptr<DatagramIo> MakeBatchedIo(int fd, int family);

}  // namespace murky::rain

#endif  // MURKY_RAIN_DATAGRAM_IO_H_
