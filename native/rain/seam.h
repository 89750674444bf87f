// The seam: time, randomness and datagrams as the transport sees them. Real ones drive a socket; simulated
// ones drive the same engine in virtual time from a seed.
#ifndef MURKY_RAIN_SEAM_H_
#define MURKY_RAIN_SEAM_H_

#include <cstddef>
#include <cstdint>

#include "rain/address.h"

namespace murky::rain {

using Micros = int64_t;  // monotonic microseconds; only differences mean anything

constexpr Micros kNever = INT64_MAX;

class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;  // 64 uniform bits; the real one is fit for secrets
};

class DatagramSink {
 public:
  virtual ~DatagramSink() = default;
  // Sends one datagram, or drops it as a network may. The bytes are copied before this returns.
  virtual void Send(const Address& to, const uint8_t* bytes, size_t length) = 0;
  // Where a datagram may be written that is sent next, so that Send need not copy it; null: there is no such
  // place. The address of it is valid until the next call.
  virtual uint8_t* Room(size_t length) {
    static_cast<void>(length);
    return nullptr;
  }
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SEAM_H_
