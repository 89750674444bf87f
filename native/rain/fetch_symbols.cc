// What a fetch does with symbols that arrive: docs/rain.md, "The client drives".
#include <algorithm>

#include "rain/fetch.h"

namespace murky::rain {

namespace {

// Memory of a decoder is bounded by twice the source symbols and these.
constexpr uint32_t kSymbolsBeyondAnyNeed = 256;

}  // namespace

ServerPath* Fetch::SenderOf(const Address& from, size_t symbol_bytes) {
  ServerPath* path = Find(from);
  if (!path) {
    counters_.dropped_unknown++;
  } else if (symbol_bytes != symbol_bytes_) {
    counters_.dropped_malformed++;
    path = nullptr;
  }
  return path;
}

void Fetch::OnSymbol(const Address& from, uint64_t boot, const SymbolHeader& header, const uint8_t* symbol,
                     size_t symbol_bytes, Micros now) {
  ServerPath* path = SenderOf(from, symbol_bytes);
  if (!path) return;
  OnBoot(*path, boot, now);
  bool late = false;
  if (!path->meter.OnSymbol(header.sequence, header.time, now, &late)) return;
  const AskedRanges::Match match = Arrived(*path, header.block, header.esi, true, now);
  if (match.asked_at != kNever) path->meter.OnRoundTrip(now - match.asked_at);
  Decode(*path, header.block, header.esi, symbol, now);
}

// Its seal says who made it, but neither for whom nor when: it may be one that somebody recorded. So it is no
// measure of time, and of arrival only as far as a mark tells of so many.
void Fetch::OnShared(const Address& from, const SharedHeader& header, const uint8_t* symbol,
                     size_t symbol_bytes, Micros now) {
  ServerPath* path = SenderOf(from, symbol_bytes);
  if (!path) return;
  path->meter.OnShared();
  Arrived(*path, header.block, header.esi, false, now);
  Decode(*path, header.block, header.esi, symbol, now);
}

// It neither was asked of the server nor tells anything of the path from it. Only what is new feeds: somebody
// may have recorded it.
void Fetch::OnGroupSymbol(const Address& from, const SharedHeader& header, const uint8_t* symbol,
                          size_t symbol_bytes, Micros now) {
  ServerPath* path = SenderOf(from, symbol_bytes);
  if (!path) return;
  counters_.group_symbols_received++;
  if (!by_number_.count(header.block)) return;
  path->symbols++;
  if (Decode(*path, header.block, header.esi, symbol, now)) feed_.OnSymbol(header.block, header.esi, now);
}

void Fetch::OnMark(const Address& from, uint64_t boot, const Mark& mark, Micros now) {
  ServerPath* path = Find(from);
  if (!path) {
    counters_.dropped_unknown++;
    return;
  }
  OnBoot(*path, boot, now);
  path->meter.OnMark(mark.sequence, mark.time, now);
  path->OnAnswer(now);
}

void Fetch::OnBoot(ServerPath& path, uint64_t boot, Micros now) {
  if (path.boot != 0 && path.boot != boot) {
    // The server was restarted and knows nothing of what was asked.
    path.meter.OnNewSender();
    path.asked.CancelAll();
    path.joined_at = -kJoinInterval;
    path.next_tick = now;
  }
  path.boot = boot;
}

AskedRanges::Match Fetch::Arrived(ServerPath& path, uint32_t block, uint32_t esi, bool fresh, Micros now) {
  counters_.symbols_received++;
  path.symbols++;
  const AskedRanges::Match match = path.asked.OnSymbol(block, esi, now, path.meter.round_trip());
  if (!fresh && match.asked_at == kNever) return match;
  if (match.ran_dry) path.meter.OnDry();
  path.OnSymbol(now);
  if (path.stalled || path.state != ServerState::kAlive) {
    path.stalled = false;
    path.next_tick = now;
    path.busy_pause = kFirstBusyPause;
    SetState(path, ServerState::kAlive);
  }
  if (path.law->starting() && path.meter.train_complete()) path.next_tick = now;
  // What was measured may make ticks more frequent than was thought before.
  path.next_tick = std::min(path.next_tick, now + path.TickAfter(now));
  return match;
}

bool Fetch::Decode(ServerPath& path, uint32_t number, uint32_t esi, const uint8_t* symbol, Micros now) {
  const auto found = by_number_.find(number);
  if (found == by_number_.end()) return false;  // decoded already
  Block& block = *found->second;
  if (!block.decoder) block.decoder = std::make_unique<lt::Decoder>(block.bytes, symbol_bytes_);
  const lt::AddResult result = block.decoder->Add(esi, symbol);
  // A contradiction proves that somebody's symbols are wrong. Such a decoder may never end, so it is given
  // up.
  const bool contradicted = result == lt::AddResult::kConflict;
  if (result != lt::AddResult::kNeedMore && result != lt::AddResult::kDecoded && !contradicted) return false;
  if (!contradicted) path.useful++;
  const auto server = static_cast<uint32_t>(by_address_[path.address]);
  block.from_servers.resize(paths_.size());
  block.from_servers[server]++;
  block.evidence.Add(digest_, esi, server, symbol, symbol_bytes_);
  // Symbols may be chosen so that they never suffice; honest ones do long before.
  const bool too_many = block.decoder->received() >= 2 * block.k + kSymbolsBeyondAnyNeed;
  if (result != lt::AddResult::kNeedMore || too_many) OnBlockEnd(found->second, now);
  return true;
}

void Fetch::OnBlockEnd(std::list<Block>::iterator block, Micros now) {
  const uint32_t number = block->number;
  // Shared because a notification must be copyable; handed on once.
  auto bytes = std::make_shared<gf2::Buffer>(block->decoder->Release());
  if (block->decoder->decoded()) {
    blocks_decoded_++;
    counters_.blocks_decoded++;
    source_symbols_ += block->k;
    decoding_symbols_ += block->decoder->received();
  }
  block->from_servers.resize(paths_.size());
  notifications_.Add([handle = handle_, number, bytes = std::move(bytes),
                      from = std::move(block->from_servers)](EngineHost& host) mutable {
    host.OnBlockDecoded(handle, number, std::move(*bytes), std::move(from));
  });
  if (ended_.size() >= max_blocks_wanted_) ended_.pop_front();
  ended_.emplace_back(number, std::move(block->evidence));
  by_number_.erase(number);
  blocks_.erase(block);
  lack_changed_ = true;
  for (const auto& path : paths_) {
    if (path->asked.Expected(number) == 0) continue;
    path->asked.CancelBlock(number);
    path->changed = true;
    if (path->usable()) path->next_tick = std::min(path->next_tick, now + path->Interval());
  }
  for (const auto& path : paths_) {
    if (path->usable() && Useless(*path)) GiveUp(*path);
  }
}

}  // namespace murky::rain
