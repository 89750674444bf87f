#include "rain/outbox.h"

namespace murky::rain {

void Outbox::Send(const Address& to, size_t inner_bytes) {
  if (!MaySendTo(to)) return;
  // Sealed in any case: a drop on purpose stands for one on the way.
  const size_t length = seal_.Write(inner(), inner_bytes, datagram_.data());
  SendClear(to, datagram_.data(), length);
}

void Outbox::Send(const Address& to, const InnerPieces& inner) {
  if (!MaySendTo(to)) return;
  uint8_t* room = sink_.Room(DatagramBytes(inner.bytes()));
  uint8_t* datagram = room ? room : datagram_.data();
  const size_t length = seal_.Write(inner, datagram);
  SendClear(to, datagram, length);
}

bool Outbox::SealShared(const InnerPieces& inner, uint8_t* datagram) {
  return seal_.WriteShared(inner, datagram) > 0;
}

void Outbox::SendClear(const Address& to, const uint8_t* datagram, size_t length) {
  if (!MaySendTo(to) || DroppedOnPurpose()) return;
  counters_.datagrams_out++;
  counters_.bytes_out += length;
  sink_.Send(to, datagram, length);
}

bool Outbox::MaySendTo(const Address& to) {
  if (!loopback_only_ || to.is_loopback()) return true;
  counters_.dropped_not_loopback++;
  return false;
}

bool Outbox::DroppedOnPurpose() {
  if (drop_fraction_ <= 0) return false;
  const double uniform = static_cast<double>(random_.Next() >> 11) * 0x1p-53;
  if (uniform >= drop_fraction_) return false;
  counters_.dropped_on_purpose++;
  return true;
}

}  // namespace murky::rain
