// Follows the 24-bit sequence numbers of one sender: what was sent, what arrived, what arrived twice.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SEQUENCE_WINDOW_H_
#define MURKY_RAIN_SEQUENCE_WINDOW_H_

#include <algorithm>
#include <bitset>
#include <cstdint>

namespace murky::rain {

// The difference a - b of two numbers that are known modulo 2^24, from -2^23 up (RFC 1982 arithmetic).
inline int32_t Difference24(uint32_t a, uint32_t b) { return static_cast<int32_t>((a - b) << 8) >> 8; }

class SequenceWindow {
 public:
  enum class Arrival { kNewest, kLate, kDuplicate };

  // One came that bears no number of its own. It counts from the next number on that is known.
  void AddUnnumbered() { unnumbered_++; }

  // All numbers before `next` have been used. False if more are known to be.
  bool Advance(uint32_t next) {
    const uint32_t last = (next - 1) & 0xffffff;
    if (started_) {
      const int32_t ahead = Difference24(last, static_cast<uint32_t>(highest_ & 0xffffff));
      if (ahead <= kLongestGap && ahead > -kWindow) {
        const int64_t lost_before = lost();
        if (ahead > 0) MoveTo(highest_ + ahead);
        Fold(0);
        // Which of them were lost is not known: as if each fell alone.
        runs_ += std::max<int64_t>(lost() - lost_before, 0);
        return ahead >= 0;
      }
      Restart();
    }
    // What was sent before the first number that is known is not counted, nor what arrived of it.
    started_ = true;
    unnumbered_ = 0;
    seen_.reset();
    highest_ = static_cast<int64_t>(last) + (int64_t{1} << 24);
    first_ = highest_ + 1;
    return true;
  }

  // The sender may have begun anew: whatever comes next is the first.
  void Restart() {
    sent_before_ += started_ ? highest_ - first_ + 1 : 0;
    started_ = false;
  }

  Arrival Add(uint32_t sequence) {
    if (started_) {
      const int32_t ahead = Difference24(sequence, static_cast<uint32_t>(highest_ & 0xffffff));
      if (ahead > kLongestGap || ahead <= -kWindow) {
        Restart();
      } else if (ahead <= 0) {
        const auto bit = static_cast<size_t>((highest_ + ahead) % kWindow);
        if (seen_[bit] || highest_ + ahead < first_) return Arrival::kDuplicate;
        seen_[bit] = true;
        received_++;
        return Arrival::kLate;
      } else {
        if (ahead > 1) runs_++;
        MoveTo(highest_ + ahead);
        Fold(1);
      }
    }
    if (!started_) {
      started_ = true;
      unnumbered_ = 0;
      seen_.reset();
      first_ = highest_ = static_cast<int64_t>(sequence) + (int64_t{1} << 24);
    }
    seen_[highest_ % kWindow] = true;
    received_++;
    return Arrival::kNewest;
  }

  int64_t sent() const { return sent_before_ + (started_ ? highest_ - first_ + 1 : 0); }
  int64_t received() const { return received_; }
  int64_t lost() const { return sent() - received_; }
  // How many of the last so many numbers have not come. Nothing is known of those that have no number.
  int64_t MissingOfLast(int64_t count) const {
    count = std::min({count, run(), int64_t{kWindow}});
    int64_t missing = 0;
    for (int64_t at = highest_ - count + 1; at <= highest_; at++) {
      missing += seen_[static_cast<size_t>(at % kWindow)] ? 0 : 1;
    }
    return missing;
  }
  // How many runs of missing ones there are behind the first `from` that were sent, up to the first `to`.
  int64_t RunsOf(int64_t from, int64_t to) const {
    const int64_t begin = std::max({highest_ - (sent() - from) + 1, first_, highest_ - kWindow + 1});
    int64_t runs = 0;
    bool missing = false;
    for (int64_t at = begin; at <= highest_ - (sent() - to); at++) {
      const bool lacks = !seen_[static_cast<size_t>(at % kWindow)];
      runs += lacks && !missing ? 1 : 0;
      missing = lacks;
    }
    return runs;
  }
  // Runs of numbers that were passed over; what comes late after all is not taken off.
  int64_t runs() const { return runs_; }
  // How many were sent since the first of this run.
  int64_t run() const { return started_ ? highest_ - first_ + 1 : 0; }

 private:
  static constexpr int32_t kWindow = 4096;
  static constexpr int32_t kLongestGap = 1 << 20;

  void MoveTo(int64_t highest) {
    if (highest - highest_ >= kWindow) {
      seen_.reset();
    } else {
      for (int64_t at = highest_ + 1; at <= highest; at++) seen_[static_cast<size_t>(at % kWindow)] = false;
    }
    highest_ = highest;
  }
  // Those without a number came instead of numbers that did not come, `but` of which are counted otherwise;
  // there cannot be more.
  void Fold(int64_t but) {
    const int64_t missing = sent() - received_ - but;
    received_ += std::clamp<int64_t>(unnumbered_, 0, std::max<int64_t>(missing, 0));
    unnumbered_ = 0;
  }

  bool started_ = false;
  int64_t first_ = 0;
  int64_t highest_ = 0;
  int64_t sent_before_ = 0;
  int64_t received_ = 0;
  int64_t unnumbered_ = 0;
  int64_t runs_ = 0;
  std::bitset<kWindow> seen_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SEQUENCE_WINDOW_H_
