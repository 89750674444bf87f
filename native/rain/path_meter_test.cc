#include "rain/path_meter.h"

#include <algorithm>
#include <vector>

#include "rain/seeded_random.h"
#include "testing/check.h"

namespace murky::rain {
namespace {

constexpr double kSymbolBits = 11'136;
constexpr Micros kTick = 10'000;
constexpr Micros kSpacing = 114;

// What a path counts in its first `ticks`, where every tenth run of `run` symbols is lost and each one that
// comes is delayed by up to 5 ms.
PathSample CountedUnderJitter(int ticks, uint32_t run) {
  struct Symbol {
    uint32_t number;
    Micros sent;
    Micros at;
  };
  SeededRandom random(1);
  std::vector<Symbol> symbols;
  for (uint32_t i = 0; i < static_cast<uint32_t>(ticks * kTick / kSpacing); i++) {
    const Micros sent = i * kSpacing;
    if (i / run % 10 != 9) symbols.push_back({i, sent, sent + static_cast<Micros>(random.Uniform() * 5'000)});
  }
  std::sort(symbols.begin(), symbols.end(), [](const Symbol& a, const Symbol& b) { return a.at < b.at; });
  PathMeter meter;
  PathSample sum;
  Micros next = kTick;
  for (const Symbol& symbol : symbols) {
    if (symbol.at >= next) {
      const PathSample sample = meter.Sample(next, kTick, kSymbolBits);
      sum.sent += sample.sent;
      sum.lost += sample.lost;
      sum.runs += sample.runs;
      next += kTick;
    }
    bool late = false;
    meter.OnSymbol(symbol.number, static_cast<uint32_t>(symbol.sent), symbol.at, &late);
  }
  return sum;
}

TEST(WhatIsOnlyLateDoesNotCountAsLost) {
  for (const int ticks : {3, 6, 40}) {
    const PathSample seen = CountedUnderJitter(ticks, 1);
    const double loss = static_cast<double>(seen.lost) / static_cast<double>(seen.sent);
    CHECK(loss > 0.04 && loss < 0.12);
  }
}

TEST(RunsOfLossesAreKnownUnderJitter) {
  const PathSample seen = CountedUnderJitter(100, 5);
  CHECK(seen.runs > 0);
  const double run = static_cast<double>(seen.lost) / static_cast<double>(seen.runs);
  CHECK(run > 4.5 && run < 5.5);
}

}  // namespace
}  // namespace murky::rain
