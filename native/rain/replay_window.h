// A sliding window of counters seen, as in RFC 6479: a ring of words, so that moving ahead clears whole words
// and shifts nothing.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_REPLAY_WINDOW_H_
#define MURKY_RAIN_REPLAY_WINDOW_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace murky::rain {

// Remembers the highest counter taken and which of the kWidth - 63 or more below it were taken too.
template <size_t kWidth>
class ReplayWindow {
  static_assert(kWidth >= 128 && kWidth % 64 == 0);

 public:
  // False for a counter taken before, and for one so old that the window cannot tell.
  bool Fresh(uint64_t counter) const {
    if (empty_) return true;
    const uint64_t word = counter / 64;
    const uint64_t top = highest_ / 64;
    if (word > top) return true;
    if (top - word >= kWords) return false;
    return (words_[word % kWords] >> (counter % 64) & 1) == 0;
  }

  // Takes a counter; only for one that is Fresh and whose datagram was genuine, so that a forger cannot move
  // the window.
  void Take(uint64_t counter) {
    const uint64_t word = counter / 64;
    const uint64_t top = highest_ / 64;
    if (empty_) {
      empty_ = false;
      highest_ = counter;
    } else if (counter > highest_) {
      const uint64_t ahead = word - top < kWords ? word - top : kWords;
      for (uint64_t i = 0; i < ahead; i++) words_[(word - i) % kWords] = 0;
      highest_ = counter;
    }
    words_[word % kWords] |= uint64_t{1} << (counter % 64);
  }

 private:
  static constexpr size_t kWords = kWidth / 64;
  bool empty_ = true;
  uint64_t highest_ = 0;
  std::array<uint64_t, kWords> words_{};
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_REPLAY_WINDOW_H_
