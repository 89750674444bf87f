// The one way out of an engine: seals a message where it was written and hands it to the network.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_OUTBOX_H_
#define MURKY_RAIN_OUTBOX_H_

#include <array>

#include "rain/engine.h"

namespace murky::rain {

constexpr size_t kUdpHeaderBytes = 8;  // RFC 768; part of the IP payload that rates count

class Outbox {
 public:
  Outbox(Seal& seal, Random& random, DatagramSink& sink, EngineCounters& counters)
      : seal_(seal), random_(random), sink_(sink), counters_(counters) {}

  void set_loopback_only(bool loopback_only) { loopback_only_ = loopback_only; }
  bool loopback_only() const { return loopback_only_; }
  void set_drop_fraction(double fraction) { drop_fraction_ = fraction; }

  // Room for the largest inner message; what is written here is what Send sends.
  uint8_t* inner() { return datagram_.data() + kOuterBytes; }
  void Send(const Address& to, size_t inner_bytes);
  // Sends a message whose pieces lie elsewhere: they are read once, and written where the system takes them.
  void Send(const Address& to, const InnerPieces& inner);
  // Seals for many readers, into `datagram`, which SendClear then sends. False if OpenSSL fails.
  bool SealShared(const InnerPieces& inner, uint8_t* datagram);
  // For one datagram that is kept nowhere; what is there goes with inner() and the next Send.
  uint8_t* room() { return datagram_.data(); }
  // Whether such a datagram, kept, may still be sent.
  bool Current(const uint8_t* shared_datagram) const { return seal_.Current(shared_datagram); }
  // Sends a whole datagram as it is, neither sealed nor numbered here.
  void SendClear(const Address& to, const uint8_t* datagram, size_t length);

  size_t DatagramBytes(size_t inner_bytes) const { return seal_.overhead_bytes() + inner_bytes; }
  // Bits of IP payload of a datagram with so long an inner message.
  size_t IpPayloadBits(size_t inner_bytes) const {
    return (kUdpHeaderBytes + seal_.overhead_bytes() + inner_bytes) * 8;
  }

 private:
  bool MaySendTo(const Address& to);
  bool DroppedOnPurpose();

  Seal& seal_;
  Random& random_;
  DatagramSink& sink_;
  EngineCounters& counters_;
  bool loopback_only_ = false;
  double drop_fraction_ = 0;
  std::array<uint8_t, kMaxDatagramBytes> datagram_{};
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_OUTBOX_H_
