#include "rain/outbox.h"

namespace murky::rain {

void Outbox::Send(const Address& to, size_t inner_bytes) {
  if (loopback_only_ && !to.is_loopback()) {
    counters_.dropped_not_loopback++;
    return;
  }
  // Sealed in any case: a drop on purpose stands for one on the way.
  const size_t length = seal_.Write(inner(), inner_bytes, datagram_.data());
  if (drop_fraction_ > 0) {
    const double uniform = static_cast<double>(random_.Next() >> 11) * 0x1p-53;
    if (uniform < drop_fraction_) {
      counters_.dropped_on_purpose++;
      return;
    }
  }
  counters_.datagrams_out++;
  counters_.bytes_out += length;
  sink_.Send(to, datagram_.data(), length);
}

}  // namespace murky::rain
