#include "rain/compete_law.h"

#include <algorithm>
#include <cmath>

namespace murky::rain {

namespace {

constexpr Micros kBucketMicros = 10'000'000;
constexpr double kBeta = 0.75;
constexpr double kScale = 0.4;  // symbols per cubic second
constexpr double kLeastWindow = 4;
// Of what the path carries, however long the others leave the queue short of its overflow: beside one that
// bounds its own packets under way (BBR) a window that grows until something is lost would take all.
constexpr double kMostShare = 0.6;
// After the start; until then what is lost is the overshoot of somebody's slow start, which cuts us no less
// than three times where the newcomer, who ignores what was sent before its cut, cuts once.
constexpr int kRoundsWithoutCut = 3;
constexpr double kForeignLoss = 0.08;  // above the path's own: somebody's queue, wherever it is
constexpr Micros kFirstTest = 1'000'000;
constexpr Micros kTestEvery = 5'000'000;
constexpr double kTestShare = 0.7;       // of the rate
constexpr double kDrained = 0.8;         // of the queue, if the path is alone
constexpr double kAloneShare = 0.94;     // of the rate still arrives
constexpr double kLongestTest = 2e6;     // microseconds
constexpr Micros kLongest = 60'000'000;  // then the delay-based law is tried again
constexpr Micros kEmptyFor = 600'000;    // longer than BBR's search for the least round trip

// True if `condition` has held for so long; *since is when it began.
bool Held(bool condition, Micros now, Micros longer, Micros* since) {
  if (!condition) {
    *since = kNever;
  } else if (*since == kNever) {
    *since = now;
  }
  return condition && now - *since >= longer;
}

}  // namespace

void RecentMost::Add(double value, Micros now) {
  if (now - rotated_ >= kBucketMicros) {
    previous_ = now - rotated_ < 2 * kBucketMicros ? current_ : 0;
    current_ = 0;
    rotated_ = now;
  }
  current_ = std::max(current_, value);
}

double RecentMost::most() const { return std::max(current_, previous_); }

double CompeteLaw::Span(const PathSample& sample) const {
  return static_cast<double>(sample.round_trip + sample.queue) / 1e6;
}

bool CompeteLaw::Challenged(const PathSample& sample, const PathView& view) {
  const auto queue = static_cast<double>(sample.queue);
  arriving_.Add(view.arriving, sample.now);
  queue_.Add(queue, sample.now);
  const bool long_queue = queue > std::max(1.6 * view.target_queue, 10'000.0);
  const bool little = view.arriving < 0.7 * arriving_.most() && queue > 0.7 * view.target_queue;
  const bool held =
      Held(long_queue, sample.now, std::max<Micros>(6 * sample.round_trip, 400'000), &long_since_);
  return Held(little, sample.now, std::max<Micros>(10 * sample.round_trip, 1'000'000), &little_since_) ||
         held;
}

void CompeteLaw::Enter(const PathSample& sample, const PathView& view) {
  long_since_ = little_since_ = short_since_ = kNever;
  // Between trials of the delay-based law less arrives than the path carries; after a long time alone what
  // was known before is old.
  if (sample.now - entered_at_ > kLongest + 2 * kBucketMicros) carried_ = 0;
  carried_ = std::max(carried_, arriving_.most());
  const double share = std::max(view.arriving, carried_ / 2);
  window_ = std::max(share * Span(sample) / sample.symbol_bits, kLeastWindow);
  origin_ = start_ = friendly_ = window_;
  entered_at_ = cut_at_ = round_at_ = sample.now;
  round_sent_ = round_lost_ = 0;
  test_ = Test::kNone;
  next_test_ = sample.now + kFirstTest;
  rate_ = window_ * sample.symbol_bits / Span(sample);
}

bool CompeteLaw::Tick(const PathSample& sample, const PathView& view) {
  const auto queue = static_cast<double>(sample.queue);
  arriving_.Add(view.arriving, sample.now);
  queue_.Add(queue, sample.now);
  if (Held(queue < 0.8 * view.target_queue, sample.now, kEmptyFor, &short_since_)) return false;
  if (sample.now - entered_at_ > kLongest) return false;
  if (test_ != Test::kNone && FoundAlone(sample)) return false;

  Cut(sample, view);
  if (test_ == Test::kNone) {
    Grow(sample);
    if (sample.now >= next_test_ && queue >= queue_.most() / 2) BeginTest(sample);
  }
  rate_ = window_ * sample.symbol_bits / Span(sample);
  if (test_ != Test::kNone && sample.now < test_until_) rate_ = std::min(rate_, test_share_ * test_rate_);
  return true;
}

// For more loss than the path's own; at most once until what the last cut did has been seen.
void CompeteLaw::Cut(const PathSample& sample, const PathView& view) {
  const auto round = static_cast<Micros>(Span(sample) * 1e6);
  if (sample.now < cut_at_ + round + sample.interval) return;
  if (sample.now < entered_at_ + kRoundsWithoutCut * round) return;
  if (sample.now - round_at_ >= round) {
    round_at_ = sample.now;
    round_sent_ = round_lost_ = 0;
  }
  round_sent_ += sample.sent;
  round_lost_ += sample.lost;
  const auto sent = static_cast<double>(round_sent_);
  const auto lost = static_cast<double>(round_lost_);
  const bool more = lost > view.loss * sent + 3 * std::sqrt(std::max(view.loss * sent, 0.0)) + 0.5;
  const bool full = static_cast<double>(sample.queue) > 0.75 * queue_.most();
  const bool foreign = sent >= 50 && lost > (view.loss + kForeignLoss) * sent;
  if (!(more && full) && !foreign) return;
  // Fast convergence (RFC 9438, section 4.7).
  origin_ = window_ < origin_ ? window_ * (1 + kBeta) / 2 : window_;
  start_ = friendly_ = window_ = std::max(window_ * kBeta, kLeastWindow);
  cut_at_ = round_at_ = sample.now;
  round_sent_ = round_lost_ = 0;
}

void CompeteLaw::Grow(const PathSample& sample) {
  const double seconds = static_cast<double>(sample.now - cut_at_) / 1e6;
  const double reaches = std::cbrt(std::max(0.0, origin_ - start_) / kScale);
  const double cubic = origin_ + kScale * std::pow(seconds - reaches, 3);
  const double rounds = static_cast<double>(sample.interval) / 1e6 / Span(sample);
  friendly_ += 3 * (1 - kBeta) / (1 + kBeta) * rounds;
  const double most = kMostShare * carried_ * Span(sample) / sample.symbol_bits;
  const double grown = std::max(std::min(cubic, window_ * (1 + 0.5 * rounds)), friendly_);
  window_ = std::max(window_, std::min(grown, most));
}

// As long as it takes to see the difference, and never so much less that the queue would run empty.
void CompeteLaw::BeginTest(const PathSample& sample) {
  const auto queue = static_cast<double>(sample.queue);
  const auto ticks = static_cast<double>(4 * sample.interval);
  const double length = std::min(std::max(queue * kDrained / (1 - kTestShare), queue + ticks), kLongestTest);
  test_share_ = std::max(kTestShare, 1 - kDrained * queue / length);
  test_ = Test::kBefore;
  test_rate_ = rate_;
  counted_from_ = sample.now;
  counted_ = 0;
  test_until_ = sample.now + static_cast<Micros>(length);
  before_until_ = sample.now + sample.round_trip + sample.queue;
  after_until_ =
      before_until_ + std::max(static_cast<Micros>(length - kDrained * queue), 3 * sample.interval);
  next_test_ = sample.now + kTestEvery;
}

bool CompeteLaw::FoundAlone(const PathSample& sample) {
  counted_ += sample.sent - sample.lost;
  const auto seconds = static_cast<double>(sample.now - counted_from_) / 1e6;
  if (test_ == Test::kBefore && sample.now >= before_until_) {
    rate_before_ = static_cast<double>(counted_) / seconds;
    test_ = Test::kTurning;
  } else if (test_ == Test::kTurning) {
    counted_from_ = sample.now;
    counted_ = 0;
    test_ = Test::kAfter;
  } else if (test_ == Test::kAfter && sample.now >= after_until_) {
    test_ = Test::kNone;
    return static_cast<double>(counted_) / seconds >= kAloneShare * rate_before_;
  }
  return false;
}

}  // namespace murky::rain
