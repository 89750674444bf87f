#include <algorithm>
#include <memory>

#include "rain/rate_control.h"
#include "testing/check.h"

namespace murky::rain {

namespace {

constexpr double kSymbolBits = 11'200;
constexpr double kCarried = 1e9;  // bits per second
constexpr Micros kRoundTrip = 300;
constexpr Micros kTick = 4'000;

// A law that has found a path of kCarried without a queue.
class KnownPath {
 public:
  KnownPath() {
    PathSample first = Next();
    first.train_complete = true;
    first.train_sent = first.train_received = 32;
    first.train_span = 31 * static_cast<Micros>(kSymbolBits * 1e6 / kCarried);
    law_->Tick(first);
    for (int i = 0; i < 100; i++) Tick(kCarried, 0);
    CHECK(law_->capacity() > 0.99 * kCarried);
  }

  void Tick(double arriving, Micros queue) {
    PathSample sample = Next();
    sample.measured = true;
    sample.gross = sample.received = arriving;
    sample.queue = queue;
    law_->Tick(sample);
  }

  double capacity() const { return law_->capacity(); }

 private:
  PathSample Next() {
    PathSample sample;
    sample.now = now_ += kTick;
    sample.interval = kTick;
    sample.round_trip = kRoundTrip;
    sample.symbol_bits = kSymbolBits;
    sample.delayed = true;
    return sample;
  }

  const std::unique_ptr<RateControl> law_ = MakeDelayLaw(kCarried);
  Micros now_ = 0;
};

// Of a path of 10 ms whose first burst told that it carries kCarried, and that is sent so much.
PathSample KnownTrain() {
  PathSample sample;
  sample.interval = sample.round_trip = 10'000;
  sample.symbol_bits = kSymbolBits;
  sample.train_complete = true;
  sample.train_sent = sample.train_received = 32;
  sample.train_span = 31 * static_cast<Micros>(kSymbolBits * 1e6 / kCarried);
  sample.delayed = sample.measured = true;
  sample.gross = kCarried;
  return sample;
}

}  // namespace

// A process that waits for its turn on a busy machine sends little for a while, and nothing queues.
TEST(delay_law_keeps_the_capacity_of_a_short_path_through_a_pause_of_the_server) {
  KnownPath path;
  for (int i = 0; i < 15; i++) path.Tick(0.02 * kCarried, 0);
  CHECK(path.capacity() > 0.99 * kCarried);
}

TEST(delay_law_gives_in_to_a_path_that_stays_slower) {
  KnownPath path;
  for (int i = 0; i < 50; i++) path.Tick(0.02 * kCarried, 0);
  CHECK(path.capacity() < 0.05 * kCarried);
}

TEST(delay_law_knows_losses_that_come_in_runs) {
  const auto dispersion = [](int64_t runs) {
    const auto law = MakeDelayLaw(0);
    PathSample sample;
    sample.sent = 100;
    sample.lost = 5;
    sample.runs = runs;
    for (int i = 0; i < 100; i++) law->Tick(sample);
    return law->loss_dispersion();
  };
  CHECK(dispersion(5) < 1.1);
  // 2 · 5 · 0.95 - 1, and a little less for the runs of one that are supposed at first.
  CHECK(dispersion(1) > 7);
  CHECK(dispersion(1) < 8.6);
}

// Losses that come in runs of eight, a tenth at first and then a fifth: no more than such a path's luck.
TEST(delay_law_does_not_test_what_runs_of_losses_explain) {
  const auto law = MakeDelayLaw(kCarried);
  PathSample sample = KnownTrain();
  const auto ticks = [&](int count, int64_t lost_of_100, int64_t runs) {
    sample.sent = 100;
    sample.lost = lost_of_100;
    sample.runs = runs;
    sample.received = kCarried * static_cast<double>(100 - lost_of_100) / 100;
    sample.queue = 1'100;  // enough that nothing is probed
    double least = kCarried;
    for (int i = 0; i < count; i++) {
      sample.now += sample.interval;
      least = std::min(least, law->Tick(sample));
    }
    return least;
  };
  ticks(10, 8, 1);
  CHECK(ticks(10, 30, 3) > 0.6 * kCarried);
  // As many that fall alone are tested, with 0.6 of the rate.
  CHECK(ticks(10, 30, 30) < 0.6 * kCarried);
}

// In the test of a loss that rose, symbols from before it come late: more than it loses.
TEST(delay_law_knows_its_loss_where_symbols_come_late_in_a_loss_test) {
  const auto law = MakeDelayLaw(kCarried);
  PathSample sample = KnownTrain();
  sample.received = kCarried;
  sample.queue = 1'100;  // enough that nothing is probed
  const auto tick = [&](int64_t sent, int64_t lost) {
    sample.now += sample.interval;
    sample.sent = sent;
    sample.lost = lost;
    sample.runs = std::max<int64_t>(lost, 0);
    law->Tick(sample);
  };
  tick(0, 0);
  for (int i = 0; i < 4; i++) tick(200, 80);
  for (int i = 0; i < 50; i++) {
    tick(20, -1);
    CHECK(law->loss() >= 0 && law->loss() <= 1);
    CHECK(law->loss_dispersion() >= 1 && law->loss_dispersion() < 1000);
  }
}

// Where many begin at once the queue overflows, and an estimate of the path's loss from then is far too high.
TEST(delay_law_lowers_its_loss_beside_a_queue_and_does_not_raise_it) {
  const auto law = MakeDelayLaw(kCarried);
  PathSample sample = KnownTrain();
  const auto ticks = [&](int count, int64_t lost_of_100, Micros queue) {
    sample.sent = 100;
    sample.lost = sample.runs = lost_of_100;
    sample.queue = queue;
    sample.received = kCarried * static_cast<double>(100 - lost_of_100) / 100;
    for (int i = 0; i < count; i++) {
      sample.now += sample.interval;
      law->Tick(sample);
    }
  };
  ticks(50, 80, 1'100);
  CHECK(law->loss() > 0.75);
  ticks(20, 10, 30'000);
  CHECK(law->loss() > 0.08 && law->loss() < 0.12);
  ticks(20, 40, 30'000);
  CHECK(law->loss() > 0.08 && law->loss() < 0.12);
}

TEST(delay_law_follows_a_queue_at_once) {
  KnownPath path;
  for (int i = 0; i < 3; i++) path.Tick(0.1 * kCarried, 20'000);
  CHECK(path.capacity() < 0.15 * kCarried);
}

}  // namespace murky::rain
