// Queueing delay of a path: one-way delay above its least, as in LEDBAT (RFC 6817). The clocks of both ends
// need not agree; only their difference over half a minute counts.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_QUEUE_DELAY_H_
#define MURKY_RAIN_QUEUE_DELAY_H_

#include <algorithm>

#include "rain/seam.h"
#include "rain/sequence_window.h"

namespace murky::rain {

class QueueDelay {
 public:
  // `sent` is the sender's time, 24 bits of microseconds. Returns the queueing delay of this datagram.
  Micros Add(uint32_t sent, Micros now) {
    const uint32_t raw = (static_cast<uint32_t>(now) - sent) & 0xffffff;
    if (!started_) {
      started_ = true;
      reference_ = raw;
      current_ = previous_ = 0;
      rotated_ = now;
    }
    const Micros delay = Difference24(raw, reference_);
    // Two buckets: the base is the least of 30 to 60 s. A shorter memory loses it beside a standing queue.
    if (now - rotated_ >= kBucketMicros) {
      const Micros before = base();
      previous_ = current_;
      current_ = delay;
      rotated_ = now;
      risen_ += std::max<Micros>(0, base() - before);
    }
    current_ = std::min(current_, delay);
    return delay - base();
  }

  // The sender is another one now.
  void Restart() { started_ = false; }

  // By how much the base has risen in all: the path became longer.
  Micros risen() const { return risen_; }

 private:
  static constexpr Micros kBucketMicros = 30'000'000;

  Micros base() const { return std::min(current_, previous_); }

  bool started_ = false;
  uint32_t reference_ = 0;
  Micros current_ = 0;
  Micros previous_ = 0;
  Micros rotated_ = 0;
  Micros risen_ = 0;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_QUEUE_DELAY_H_
