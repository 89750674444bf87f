// Watches how much of what a socket brings is junk. When it is a flood, has the kernel refuse what it can
// tell (JunkFilter) for a second; then takes all again for a moment, to see whether the flood goes on.
//
// What is lost by that while a flood lasts: answers to other versions; and senders that this node has not
// heard yet, if their address shares a place (of 32) with one that floods. Each time the places are dealt
// anew.
//
// Thread-safety: none; one per socket.
#ifndef MURKY_RAIN_FLOOD_GUARD_H_
#define MURKY_RAIN_FLOOD_GUARD_H_

#include <array>

#include "rain/engine.h"
#include "rain/junk_filter.h"
#include "rain/seam.h"

namespace murky::rain {

constexpr Micros kFloodWatch = 10'000;
// Junk that is refused by the engine as before: about as many as it tries keys for at most.
constexpr uint64_t kFloodDatagramsPerSecond = 20'000;
constexpr Micros kFilterTime = 1'000'000;

class FloodGuard {
 public:
  // `random` must outlive the guard, `fd` be open as long.
  FloodGuard(int fd, Random& random);

  // A datagram came that the engine refused.
  void Junk(const Address& from, Micros now);
  // Does what is due, and returns when it wants to be called next (at the latest).
  Micros OnTime(const Engine& engine, Micros now);
  bool filtering() const { return filtering_; }

 private:
  bool Flooded(Micros now) const;
  bool Filter(const Engine& engine);
  void Relax();

  const int fd_;
  Random& random_;
  bool filtering_ = false;
  Micros due_ = kNever;
  Micros since_ = 0;  // of what follows
  uint64_t junk_ = 0;
  std::array<uint64_t, kFilterPlaces> junk_of_{};
  uint32_t salt_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_FLOOD_GUARD_H_
