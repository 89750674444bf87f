// What comes to one fetch from the multicast group: whether it does, how far it is, and how much of it is
// lost. The group has one pace for all, which a receiver can only leave.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_GROUP_FEED_H_
#define MURKY_RAIN_GROUP_FEED_H_

#include <algorithm>

#include "rain/group.h"

namespace murky::rain {

constexpr Micros kGroupPause = 100'000;      // after so long without a symbol nothing is expected any more
constexpr double kMostGroupLoss = 0.25;      // a path that loses more of it is too narrow for it
constexpr uint32_t kGroupLossWindow = 512;   // symbols; the share of them that was lost counts
constexpr Micros kFirstAbsence = 5'000'000;  // from the group; twice as long each further time
constexpr Micros kLongestAbsence = 300'000'000;

class GroupFeed {
 public:
  // A symbol of the group came that was new. `esi` goes up by one from symbol to symbol of a block.
  void OnSymbol(uint32_t block, uint32_t esi, Micros now) {
    last_ = now;
    if (block != block_ || esi - first_ > kFirstGroupEsi) {
      block_ = block;
      first_ = highest_ = esi;
    } else if (esi > highest_) {
      sent_ += esi - highest_;
      highest_ = esi;
    }
    received_++;
    if (sent_ >= kGroupLossWindow) Judge(now);
  }

  // True if symbols of this block come, or will when its turn comes: they need not be asked for.
  bool Feeds(uint32_t block, uint32_t k, Micros now) const {
    if (!Listens(now) || now - last_ >= kGroupPause) return false;
    return block > block_ || (block == block_ && highest_ - first_ + 1 < GroupSymbols(k));
  }
  bool Listens(Micros now) const { return now >= back_at_; }

 private:
  void Judge(Micros now) {
    const double lost = 1 - static_cast<double>(received_) / static_cast<double>(sent_);
    sent_ = received_ = 0;
    if (lost <= kMostGroupLoss || !Listens(now)) return;
    back_at_ = now + absence_;
    absence_ = std::min(2 * absence_, kLongestAbsence);
  }

  Micros last_ = -kGroupPause;
  Micros back_at_ = 0;
  Micros absence_ = kFirstAbsence;
  uint32_t block_ = 0;
  uint32_t first_ = 0;  // of the block's that came
  uint32_t highest_ = 0;
  uint32_t sent_ = 0;  // and received, within blocks, since loss was looked at last
  uint32_t received_ = 0;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_GROUP_FEED_H_
