#include "rain/compete_law.h"

#include "testing/check.h"

namespace murky::rain {

namespace {

constexpr double kSymbolBits = 11'200;
constexpr double kCarried = 100e6;  // bits per second
constexpr Micros kRoundTrip = 40'000;
constexpr Micros kTick = 6'000;
// Shorter than half of its longest, so that no test whether the path is alone begins.
constexpr Micros kQueue = 30'000;

// A path that carried kCarried alone, and then meets somebody who keeps a queue.
class ChallengedPath {
 public:
  ChallengedPath() {
    law_.Challenged(Next(70'000), {kCarried, 5'000, 0});
    while (!law_.Challenged(Next(kQueue), {kCarried / 10, 5'000, 0})) {
    }
    law_.Enter(Next(kQueue), {kCarried / 10, 5'000, 0});
  }

  void Tick(int64_t lost) {
    PathSample sample = Next(kQueue);
    sample.sent = 50;
    sample.lost = lost;
    CHECK(law_.Tick(sample, {law_.rate(), 5'000, 0}));
  }
  double rate() const { return law_.rate(); }

 private:
  PathSample Next(Micros queue) {
    PathSample sample;
    sample.now = now_ += kTick;
    sample.interval = kTick;
    sample.round_trip = kRoundTrip;
    sample.symbol_bits = kSymbolBits;
    sample.queue = queue;
    return sample;
  }

  CompeteLaw law_;
  Micros now_ = 1'000'000'000;
};

}  // namespace

TEST(compete_law_begins_with_half_of_what_the_path_carried) {
  ChallengedPath path;
  CHECK(path.rate() > 0.49 * kCarried);
  CHECK(path.rate() < 0.51 * kCarried);
}

TEST(compete_law_takes_no_more_than_its_share_where_nothing_is_lost) {
  ChallengedPath path;
  for (int i = 0; i < 1'500; i++) path.Tick(0);
  CHECK(path.rate() > 0.55 * kCarried);
  CHECK(path.rate() < 0.61 * kCarried);
}

TEST(compete_law_is_not_cut_by_the_overshoot_of_a_newcomer) {
  ChallengedPath path;
  for (int i = 0; i < 30; i++) path.Tick(25);
  CHECK(path.rate() > 0.49 * kCarried);
}

TEST(compete_law_is_cut_by_losses_that_go_on) {
  ChallengedPath path;
  for (int i = 0; i < 60; i++) path.Tick(25);
  CHECK(path.rate() < 0.4 * kCarried);
}

}  // namespace murky::rain
