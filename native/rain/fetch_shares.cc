// Which server of a fetch is asked for which symbols: docs/rain.md, "The client drives".
#include <algorithm>
#include <cmath>

#include "rain/fetch.h"

namespace murky::rain {

namespace {

constexpr uint32_t kSmallCode = 32;  // up to here any K symbols decode
constexpr size_t kManyRanges = 45;   // more than half of what one SUBSCRIBE asks for
constexpr uint32_t kLeastPatch = 8;  // symbols asked of a later block where many ranges are out
constexpr size_t kNextBlocks = 12;   // that the reader waits for next
constexpr int kIdleSteps = 5;        // in which idle links are asked for what blocks may lack

// Symbols that the first block is asked for beyond its need: its reader waits for it, and the loss that the
// need goes by is a first guess, which is the more wrong the more symbols there are.
double FirstBlockExtra(uint32_t k) { return 6 + k / 50.0; }

}  // namespace

// A little of the last block: it is needed anyhow, and nobody waits for it yet.
void Fetch::Probe(ServerPath& path, Micros now) {
  for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
    if (!Usable(path, *block)) continue;
    Ask(path, *block, kProbeSymbols, kProbeSymbols, now);
    return;
  }
}

void Fetch::Fill(ServerPath& path, uint32_t credit, Micros now) {
  if (path.asked.outstanding() >= credit) return;
  uint32_t room = credit - path.asked.outstanding();
  bool first = blocks_decoded_ == 0;
  // Before anything is measured every server gets the same part of each block, so that the first one is whole
  // as early as all of them together can bring it.
  const auto flowing = static_cast<uint32_t>(
      std::count_if(paths_.begin(), paths_.end(), [](const auto& each) { return each->flowing(); }));
  bool left_to_others = false;
  for (Block& block : blocks_) {
    if (room == 0 || path.asked.full()) break;
    if (Usable(path, block) && !Fed(block, now)) {
      const uint32_t even = path.symbols > 0 ? room : block.k / std::max(flowing, 1u) + 1;
      const double need = first ? Need(block, FirstBlockExtra(block.k), 3, now) : NeedByAge(path, block, now);
      const bool patch = !first && path.asked.ranges().size() > kManyRanges && need < kLeastPatch;
      if (!patch) room -= Ask(path, block, need, std::min(room, even), now);
      left_to_others = left_to_others || need > even;
    }
    first = false;
  }
  if (room == 0 || path.asked.full() || left_to_others) return;
  // Everything is asked. Idle links may as well carry what would otherwise cost a round trip: much at the end
  // of the fetch and of the blocks that its reader waits for next, as a full window stops all links for it;
  // less of those behind them.
  everything_asked_ = true;
  const uint32_t spare = path.SpareCredit();
  if (path.asked.outstanding() >= spare) return;
  room = std::min(room, spare - path.asked.outstanding());
  // At the end all get a little of it before any gets more: what one block does not need would hold up what
  // another does. Before, and where a group may yet bring the later ones, the earliest come first.
  const int steps = still_to_want_ > 0 || hears_group_ ? 1 : kIdleSteps;
  for (int step = 1; step <= steps; step++) {
    const double part = static_cast<double>(step) / steps;
    size_t before = 0;
    for (Block& block : blocks_) {
      if (room == 0 || path.asked.full()) return;
      const bool next = still_to_want_ == 0 || before++ < kNextBlocks;
      if (!Usable(path, block) || Fed(block, now)) continue;
      const double symbols = !next ? 3 : block.k > kSmallCode ? 9 : 1;
      const double need = Need(block, part * symbols, part * (next ? 3 : 2), now);
      room -= Ask(path, block, need, room, now);
    }
  }
}

// At first less than the need, which the next ticks make good. A block that was begun two round trips ago was
// asked for its last symbols more than once, and those behind it wait in memory; after three it is about to
// be the one that all links wait for.
double Fetch::NeedByAge(const ServerPath& path, const Block& block, Micros now) const {
  const Micros round = path.meter.round_trip() + path.meter.queue() + 2 * path.Interval();
  const Micros age = block.asked_at == kNever ? 0 : now - block.asked_at;
  if (age > 3 * round) return Need(block, 3, 2, now);
  return Need(block, 0, age > 2 * round ? 1 : -1, now);
}

// Three times what the credits let ask: while the earliest blocks wait for their last symbols, later ones
// keep the links busy.
uint64_t Fetch::LookAheadBytes() const {
  double symbols = 0;
  for (const auto& path : paths_) {
    if (path->usable() && path->state != ServerState::kSilent) symbols += path->InFlight();
  }
  return static_cast<uint64_t>(3 * symbols * static_cast<double>(symbol_bytes_));
}

double Fetch::Need(const Block& block, double extra_symbols, double extra_sigmas, Micros now) const {
  double expected = 0;
  double variance = 0;
  double worst = 0;
  for (const auto& path : paths_) {
    if (!path->flowing()) continue;  // what is asked there as a probe may never come
    // At the end of the fetch, what is late is asked of idle links as well: waiting longer would cost more.
    if (still_to_want_ == 0 && everything_asked_ && path->Late(now)) continue;
    // For a trace of loss each block would be asked for a whole symbol more, which costs it an encoder; what
    // is lost there is asked for when it is missed.
    const double loss = path->law->loss() > kLossless ? path->law->loss() : 0;
    const double symbols = path->asked.Expected(block.number);
    expected += symbols * (1 - loss);
    variance += symbols * loss * (1 - loss) * path->law->loss_dispersion();
    if (path->symbols > 0 || !path->asked.ranges().empty()) worst = std::max(worst, loss);
  }
  const double received = block.decoder ? block.decoder->received() : 0;
  double target = block.k;
  if (worst > 0) {
    if (block.k > kSmallCode) target += 2;
    target += extra_symbols + extra_sigmas * std::sqrt(variance);
  }
  // It had enough and could not be decoded: a few more will do, and twice as many if not.
  if (received >= block.k) target = std::max(target, received) + 2 + (received - block.k);
  return target - received - expected;
}

uint32_t Fetch::Ask(ServerPath& path, Block& block, double need, uint32_t room, Micros now) {
  if (need <= 0) return 0;
  const uint32_t left = lt::kMaxEsi - block.next_esi;  // the very last one is never used
  const uint32_t count = std::min({static_cast<uint32_t>(std::ceil(need)), room, left});
  if (count == 0) return 0;
  path.asked.Ask(block.number, block.next_esi, count, now);
  path.changed = true;
  if (block.asked_at == kNever) block.asked_at = now;
  block.next_esi += count;
  return count;
}

bool Fetch::Fed(const Block& block, Micros now) const {
  return hears_group_ && feed_.Feeds(block.number, block.k, now);
}

bool Fetch::Usable(const ServerPath& path, const Block& block) const {
  return path.without.count(block.number) == 0;
}

}  // namespace murky::rain
