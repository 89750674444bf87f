// What a client has asked of one server and still expects: ranges in the order the server sends them, and the
// gaps that later arrivals left, which count as lost once reordering no longer explains them.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_ASKED_RANGES_H_
#define MURKY_RAIN_ASKED_RANGES_H_

#include <deque>
#include <unordered_map>

#include "rain/seam.h"
#include "rain/wire.h"

namespace murky::rain {

struct AskedRange {
  Range range;
  uint32_t passed = 0;  // symbols of it that the server has sent, as far as known
  Micros asked_at = 0;
};

class AskedRanges {
 public:
  struct Match {
    Micros asked_at = kNever;  // of its range; kNever: it was not asked, or no longer
    bool ran_dry = false;      // nothing that the server knew of was left behind it
  };

  void Ask(uint32_t block, uint32_t from, uint32_t count, Micros now);
  // `round_trip` tells what the server cannot have known yet when it sent this symbol.
  Match OnSymbol(uint32_t block, uint32_t esi, Micros now, Micros round_trip);
  // Gives up gaps that are older than this.
  void ExpireGaps(Micros older_than);
  void CancelBlock(uint32_t block);
  void CancelAll();
  // Cancels from the end until at most `most` are left to come.
  void CancelBeyond(uint32_t most);

  const std::deque<AskedRange>& ranges() const { return ranges_; }
  // As much as one SUBSCRIBE can list; what else is wanted is asked for when some of it has come.
  bool full() const { return ranges_.size() >= kMostRangesSent; }
  uint32_t outstanding() const { return outstanding_; }  // asked, and not sent as far as known
  uint32_t Expected(uint32_t block) const {
    const auto found = expected_.find(block);
    return found == expected_.end() ? 0 : found->second;
  }

 private:
  struct Gap {
    uint32_t block;
    uint32_t from;
    uint32_t count;
    uint32_t missing;
    Micros at;
  };

  void Pass(AskedRange& range, uint32_t up_to, Micros now);
  void Unexpect(uint32_t block, uint32_t count);

  uint32_t next_number_ = 1;
  uint32_t outstanding_ = 0;
  std::deque<AskedRange> ranges_;
  std::deque<Gap> gaps_;                             // oldest first
  std::unordered_map<uint32_t, uint32_t> expected_;  // by block: outstanding, and in gaps
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_ASKED_RANGES_H_
