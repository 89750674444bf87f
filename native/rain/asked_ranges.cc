#include "rain/asked_ranges.h"

#include <algorithm>

namespace murky::rain {

void AskedRanges::Ask(uint32_t block, uint32_t from, uint32_t count, Micros now) {
  AskedRange asked;
  asked.range = Range{next_number_++, block, from, count};
  asked.asked_at = now;
  ranges_.push_back(asked);
  outstanding_ += count;
  expected_[block] += count;
}

AskedRanges::Match AskedRanges::OnSymbol(uint32_t block, uint32_t esi, Micros now, Micros round_trip) {
  Match match;
  const auto found = std::find_if(ranges_.begin(), ranges_.end(), [=](const AskedRange& asked) {
    return asked.range.block == block && esi - asked.range.from < asked.range.count;
  });
  if (found != ranges_.end() && esi - found->range.from >= found->passed) {
    // The server sends in order: all before this one has been sent.
    while (ranges_.begin() != found && &ranges_.front() != &*found) {
      Pass(ranges_.front(), ranges_.front().range.count, now);
      ranges_.pop_front();
    }
    AskedRange& asked = ranges_.front();
    const uint32_t offset = esi - asked.range.from;
    Pass(asked, offset, now);
    match.asked_at = asked.asked_at;
    asked.passed = offset + 1;
    outstanding_--;
    Unexpect(block, 1);
    if (asked.passed == asked.range.count) {
      ranges_.pop_front();
      match.ran_dry = ranges_.empty() || ranges_.front().asked_at > now - round_trip;
    }
    return match;
  }
  for (auto gap = gaps_.rbegin(); gap != gaps_.rend(); ++gap) {
    if (gap->block != block || esi - gap->from >= gap->count || gap->missing == 0) continue;
    gap->missing--;
    Unexpect(block, 1);
    break;
  }
  return match;
}

// The symbols of a range before `up_to` have been sent; those that have not arrived leave a gap.
void AskedRanges::Pass(AskedRange& asked, uint32_t up_to, Micros now) {
  const uint32_t missing = up_to - asked.passed;
  if (missing == 0) return;
  gaps_.push_back(Gap{asked.range.block, asked.range.from + asked.passed, missing, missing, now});
  asked.passed = up_to;
  outstanding_ -= missing;
}

void AskedRanges::Unexpect(uint32_t block, uint32_t count) {
  const auto found = expected_.find(block);
  found->second -= count;
  if (found->second == 0) expected_.erase(found);
}

void AskedRanges::ExpireGaps(Micros older_than) {
  while (!gaps_.empty() && gaps_.front().at < older_than) {
    if (gaps_.front().missing > 0) Unexpect(gaps_.front().block, gaps_.front().missing);
    gaps_.pop_front();
  }
}

void AskedRanges::CancelBlock(uint32_t block) {
  for (const AskedRange& asked : ranges_) {
    if (asked.range.block == block) outstanding_ -= asked.range.count - asked.passed;
  }
  const auto of_block = [block](const AskedRange& asked) { return asked.range.block == block; };
  ranges_.erase(std::remove_if(ranges_.begin(), ranges_.end(), of_block), ranges_.end());
  const auto gap_of_block = [block](const Gap& gap) { return gap.block == block; };
  gaps_.erase(std::remove_if(gaps_.begin(), gaps_.end(), gap_of_block), gaps_.end());
  expected_.erase(block);
}

void AskedRanges::CancelAll() {
  ranges_.clear();
  gaps_.clear();
  expected_.clear();
  outstanding_ = 0;
}

void AskedRanges::CancelBeyond(uint32_t most) {
  while (outstanding_ > most && !ranges_.empty()) {
    const AskedRange& last = ranges_.back();
    const uint32_t left = last.range.count - last.passed;
    Unexpect(last.range.block, left);
    outstanding_ -= left;
    ranges_.pop_back();
  }
}

}  // namespace murky::rain
