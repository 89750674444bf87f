// Spreads datagrams in time so that their mean rate keeps to a limit: the generic cell rate algorithm (ITU-T
// I.371), the same limit as a token bucket's, kept as the time at which the next datagram is due.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_PACER_H_
#define MURKY_RAIN_PACER_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "rain/seam.h"

namespace murky::rain {

// What a burst may hold at most: so much time at the rate, and so many datagrams.
constexpr Micros kBurstMicros = 1'000;
constexpr int kBurstDatagrams = 64;

class Pacer {
 public:
  explicit Pacer(uint64_t bits_per_second) { SetRate(bits_per_second); }

  void SetRate(uint64_t bits_per_second) {
    bits_per_micro_ = std::max<double>(static_cast<double>(bits_per_second), 1.0) / 1e6;
  }

  // The time from which the next datagram may go out.
  Micros due() const { return static_cast<Micros>(std::ceil(due_)); }
  bool Ready(Micros now) const { return due_ <= static_cast<double>(now); }

  // Lets `bits` go out back to back before the pace begins.
  void Allow(size_t bits, Micros now) {
    due_ = static_cast<double>(now) - static_cast<double>(bits) / bits_per_micro_;
    catch_up_ = std::max(kCatchUpMicros, static_cast<double>(now) - due_);
  }

  // Counts a datagram that goes out now. Time lost to a late wake-up is made up for, to a bound.
  void Spend(size_t bits, Micros now) {
    const double earliest = static_cast<double>(now) - catch_up_;
    if (due_ < earliest) due_ = earliest;
    due_ += static_cast<double>(bits) / bits_per_micro_;
    if (static_cast<double>(now) - due_ < kCatchUpMicros) catch_up_ = kCatchUpMicros;
  }

  // When to wake so that a burst is worth a wake-up: `bits` is the size of a datagram.
  Micros BurstDue(size_t bits) const {
    const double interval = static_cast<double>(bits) / bits_per_micro_;
    const double burst = std::min<double>(kBurstMicros, interval * kBurstDatagrams);
    return static_cast<Micros>(std::ceil(due_ + std::max(0.0, burst - interval)));
  }

 private:
  static constexpr double kCatchUpMicros = 2'000;

  double bits_per_micro_ = 1;
  double due_ = 0;
  double catch_up_ = kCatchUpMicros;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_PACER_H_
