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

TEST(delay_law_follows_a_queue_at_once) {
  KnownPath path;
  for (int i = 0; i < 3; i++) path.Tick(0.1 * kCarried, 20'000);
  CHECK(path.capacity() < 0.15 * kCarried);
}

}  // namespace murky::rain
