// How datagrams pass between a UDP socket and memory: one system call each, many in one call, or many in one
// message that the kernel (or the network card) cuts and joins. All behave alike, so that what runs elsewhere
// is tested on Linux too.
//
// Thread-safety: none; one per socket.
#ifndef MURKY_RAIN_DATAGRAM_IO_H_
#define MURKY_RAIN_DATAGRAM_IO_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "rain/address.h"
#include "rain/wire.h"

namespace murky::rain {

struct Datagram {
  Address address;
  uint8_t* bytes = nullptr;
  size_t length = 0;
};

enum class SocketKind {
  kPortable,   // recvfrom and sendto
  kBatched,    // recvmmsg and sendmmsg
  kSegmented,  // and UDP segmentation offload: UDP_SEGMENT to send (GSO), UDP_GRO to receive
};

struct SocketCalls {
  uint64_t send = 0;
  uint64_t receive = 0;
};

constexpr size_t kMaxBatchDatagrams = 64;
// As much of a datagram as is handed over: one byte more than any may have, so that a longer one is seen to
// be too long.
constexpr size_t kReceivedBytes = kMaxDatagramBytes + 1;

class DatagramIo {
 public:
  using Taker = std::function<void(const Address& from, const uint8_t* bytes, size_t length)>;

  virtual ~DatagramIo() = default;
  // Hands over what one system call brings: all of it had arrived before the first is handed over. True if
  // there may be more. A datagram longer than kReceivedBytes is cut to that.
  virtual bool Receive(const Taker& take) = 0;
  // Returns how many of the front are done with: sent, or lost to an error of their own (*lost is raised).
  // Fewer than `count`: the socket takes no more at the moment.
  virtual size_t Send(const Datagram* datagrams, size_t count, uint64_t* lost) = 0;
  // What is in use of this platform; kSegmented also where the kernel only joins or only cuts.
  virtual SocketKind kind() const = 0;
  virtual bool cuts() const { return false; }   // GSO
  virtual bool joins() const { return false; }  // GRO

  const SocketCalls& calls() const { return calls_; }

 protected:
  SocketCalls calls_;
};

// The best that this platform has, at most `most`. `family` is that of the socket, AF_INET or AF_INET6.
std::unique_ptr<DatagramIo> MakeDatagramIo(int fd, int family, SocketKind most);

std::unique_ptr<DatagramIo> MakePortableIo(int fd, int family);
// Null where the platform has no recvmmsg and sendmmsg. Without UDP_SEGMENT or UDP_GRO it does what is there.
std::unique_ptr<DatagramIo> MakeBatchedIo(int fd, int family, bool segmented);

}  // namespace murky::rain

#endif  // MURKY_RAIN_DATAGRAM_IO_H_
