#include "rain/group_pour.h"

#include <algorithm>

namespace murky::rain {

namespace {

// Before a block is poured anew: those who listened have it, or have asked for the rest meanwhile.
constexpr Micros kPouredPause = 500'000;
constexpr Micros kLookInterval = 5'000;
// Blocks of a listener's that are looked at: it takes them in order.
constexpr uint32_t kBlocksOfAWish = 16;
// In the schedule: of those due at the same time the group comes first.
constexpr uint64_t kNumber = 0;

}  // namespace

GroupPour::GroupPour(const EngineLimits& limits, BlockCache& cache, Outbox& outbox, EngineCounters& counters,
                     uint32_t first_esi)
    : group_(limits.group),
      bits_per_second_(limits.group_rate_bits_per_second),
      cache_(cache),
      outbox_(outbox),
      counters_(counters),
      peer_(kNumber, limits.group_rate_bits_per_second),
      next_esi_(kFirstGroupEsi | (first_esi & (kFirstGroupEsi - 1))) {}

void GroupPour::Listen(SendSchedule& schedule, uint64_t listener, const Wish& wish, Micros now) {
  if (group_.port == 0 || wish.symbol_bytes > kMostGroupSymbolBytes) return;
  wishes_[listener] = wish;
  unlooked_ = true;
  if (now >= look_at_) Prepare(schedule, now);
}

size_t GroupPour::Lacking(Micros now) const {
  Machines lacking;
  for (const auto& [listener, wish] : wishes_) {
    const bool same = KeyOf(wish, block_) == KeyOf(of_, block_);
    if (wish.until > now && same && wish.first <= block_ && block_ <= wish.last) lacking.insert(wish.machine);
  }
  return lacking.size();
}

bool GroupPour::Choose(Micros now) {
  for (auto at = poured_.begin(); at != poured_.end();) {
    at = now - at->second >= kPouredPause ? poured_.erase(at) : std::next(at);
  }
  for (auto at = wishes_.begin(); at != wishes_.end();) {
    at = at->second.until <= now ? wishes_.erase(at) : std::next(at);
  }
  if (wishes_.size() < kListenersToPour) return false;
  std::map<Key, Machines> lacking;
  size_t most = kListenersToPour - 1;
  for (const auto& [listener, wish] : wishes_) {
    const uint32_t last = wish.first + std::min(wish.last - wish.first, kBlocksOfAWish - 1);
    for (uint64_t block = wish.first; block <= last; block++) {
      const Key key = KeyOf(wish, static_cast<uint32_t>(block));
      if (poured_.count(key)) continue;
      Machines& machines = lacking[key];
      machines.insert(wish.machine);
      most = std::max(most, machines.size());
    }
  }
  if (most < kListenersToPour) return false;
  const auto chosen = std::find_if(lacking.begin(), lacking.end(),
                                   [most](const auto& each) { return each.second.size() == most; });
  block_ = std::get<uint32_t>(chosen->first);
  of_ = std::find_if(wishes_.begin(), wishes_.end(), [&](const auto& each) {
          return KeyOf(each.second, block_) == chosen->first;
        })->second;
  sent_ = 0;
  const size_t bits = outbox_.IpPayloadBits(kSymbolHeaderBytes + of_.symbol_bytes);
  flow_ = std::make_unique<SendSchedule::Flow>(kNumber, &peer_, bits);
  flow_->pacer.SetRate(bits_per_second_);
  return true;
}

void GroupPour::Finish(Micros now) {
  poured_[KeyOf(of_, block_)] = now;
  flow_.reset();
}

void GroupPour::OnRefused(SendSchedule& schedule, const BlockId& id, Micros now) {
  if (!flow_ || !(id == Id())) return;
  schedule.Stop(*flow_);
  Finish(now);
}

void GroupPour::Prepare(SendSchedule& schedule, Micros now) {
  unlooked_ = false;
  look_at_ = now + kLookInterval;
  if (flow_ && Lacking(now) < kListenersToPour) {
    schedule.Stop(*flow_);
    Finish(now);
  }
  if (!flow_ && !Choose(now)) return;
  if (cache_.Find(Id(), of_.symbol_bytes)) {
    schedule.Start(*flow_, now);
  } else {
    schedule.Stop(*flow_);
    cache_.Ask(Id(), of_.symbol_bytes, now);
  }
}

void GroupPour::TakeTurn(SendSchedule& schedule, Micros now) {
  ServedBlock* block = cache_.Find(Id(), of_.symbol_bytes);
  const uint32_t enough = block ? GroupSymbols(block->source_symbols()) : 0;
  for (int burst = 0; block && burst < kBurstDatagrams && sent_ < enough; burst++) {
    if (!schedule.MaySend(*flow_, now)) break;
    schedule.Sent(*flow_, now);
    const ServedBlock::Shared shared = cache_.SharedSymbol(*block, {of_.stream, next_esi_, block_}, outbox_);
    if (shared.length > 0) outbox_.SendClear(group_, shared.datagram, shared.length);
    counters_.group_symbols_sent++;
    next_esi_ = kFirstGroupEsi | ((next_esi_ + 1) & (kFirstGroupEsi - 1));
    sent_++;
  }
  schedule.EndTurn(*flow_, now);
  if (block && sent_ >= enough) Finish(now);
  Prepare(schedule, now);
}

}  // namespace murky::rain
