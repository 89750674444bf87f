// The delay-based law: START estimates the path from the first burst, VERIFY grows where the estimate was
// capped, DELAY holds a small standing queue. Random loss never lowers the rate by itself. Beside traffic
// that fills the queue it hands over to the law of compete_law.h.
#include <algorithm>
#include <cmath>
#include <deque>

#include "rain/compete_law.h"
#include "rain/rate_control.h"

namespace murky::rain {

namespace {

constexpr double kStartRate = 100e6;           // until the first estimate
constexpr double kUnverifiedCapacity = 200e6;  // an estimate above this is verified first
constexpr double kLeastRate = 100e3;
constexpr double kMostRate = 100e9;
constexpr double kLossAtFirst = 0.12;  // what loss may be corrected for before it was validated
constexpr double kLossTolerance = 0.03;
constexpr double kLossRise = 0.05;     // above the validated loss: to be tested
constexpr int64_t kLossMemory = 4000;  // symbols; the counts are halved there
constexpr int64_t kLossTestSymbols = 500;
constexpr int64_t kRunsAtFirst = 4;  // as many losses are thought to have fallen alone
// Of rates that arrived: longer than a busy machine keeps a process waiting for its turn, which is no queue.
constexpr Micros kLeastMemory = 100'000;
constexpr size_t kMostCommands = 256;  // remembered for the prediction

class DelayLaw : public RateControl {
 public:
  explicit DelayLaw(double history)
      : history_(history),
        rate_(history > 0 ? std::clamp(1.0 * history, kLeastRate, kMostRate) : kStartRate) {}

  double Tick(const PathSample& sample) override {
    CountLoss(sample);
    switch (phase_) {
      case Phase::kStart:
        Start(sample);
        break;
      case Phase::kVerify:
        Verify(sample);
        break;
      case Phase::kDelay:
        Delay(sample);
        break;
      case Phase::kCompete:
        Compete(sample);
        break;
    }
    rate_ = std::clamp(rate_, kLeastRate, kMostRate);
    commands_.push_back({sample.now, rate_});
    if (commands_.size() > kMostCommands) commands_.pop_front();
    last_tick_ = sample.now;
    return rate_;
  }

  double rate() const override { return rate_; }
  double capacity() const override { return capacity_; }
  bool starting() const override { return phase_ == Phase::kStart && history_ == 0; }
  double loss() const override {
    return (static_cast<double>(lost_) + 0.1) / (static_cast<double>(sent_) + 10);
  }
  // Of a chain of two states (Gilbert 1960), from the mean length of a run.
  double loss_dispersion() const override {
    const double run = static_cast<double>(lost_ + kRunsAtFirst) / static_cast<double>(runs_ + kRunsAtFirst);
    return std::max(1.0, 2 * run * (1 - loss()) - 1);
  }

 private:
  enum class Phase { kStart, kVerify, kDelay, kCompete };
  struct Command {
    Micros at;
    double rate;
  };

  // The share of loss that a received rate is corrected for: no more than has been validated.
  double CorrectedLoss() const { return std::min(loss(), validated_loss_ + kLossTolerance); }
  double Arriving(const PathSample& sample) const {
    return std::min(sample.gross, sample.received / (1 - CorrectedLoss()));
  }
  double TargetQueue() const { return TargetQueue(capacity_); }
  double TargetQueue(double capacity) const {
    const double target = std::clamp(5'000 * std::sqrt(100e6 / capacity), 2'000.0, 12'000.0);
    return std::min(target, overflow_queue_ / 2);
  }
  double LeastQueue() const { return std::max(1'000.0, TargetQueue() / 4); }

  void CountLoss(const PathSample& sample) {
    round_sent_ += sample.sent;
    round_lost_ += sample.lost;
    const bool queued =
        phase_ == Phase::kCompete ||
        (phase_ == Phase::kDelay &&
         static_cast<double>(std::max(sample.queue, sample.queue_of_loss)) >= 1.5 * TargetQueue());
    if (probe_ > 0 || testing_) return;
    if (queued) {
      BoundLoss(sample);
      return;
    }
    sent_ += sample.sent;
    lost_ += sample.lost;
    runs_ += sample.runs;
    if (sent_ > kLossMemory) {
      sent_ /= 2;
      lost_ /= 2;
      runs_ /= 2;
    }
    lost_ = std::clamp<int64_t>(lost_, 0, sent_);
  }

  // Beside a queue more may be lost than the path loses by itself, and never less: an estimate from when the
  // queue overflowed, as when many begin at once, would else stay for as long as there is a queue.
  void BoundLoss(const PathSample& sample) {
    queued_sent_ += sample.sent;
    queued_lost_ += sample.lost;
    queued_runs_ += sample.runs;
    if (queued_sent_ < kLossTestSymbols) return;
    const auto n = static_cast<double>(queued_sent_);
    const double lost = static_cast<double>(std::clamp<int64_t>(queued_lost_, 0, queued_sent_)) / n;
    const double sigma = std::sqrt(loss_dispersion() * lost * (1 - lost) / n);
    if (lost + 3 * sigma + 0.01 < loss()) {
      sent_ = queued_sent_;
      lost_ = std::clamp<int64_t>(queued_lost_, 0, queued_sent_);
      runs_ = std::clamp<int64_t>(queued_runs_, 0, lost_);
      validated_loss_ = std::min(validated_loss_, std::max(loss(), kLossTolerance));
    }
    queued_sent_ = queued_lost_ = queued_runs_ = 0;
  }

  void Start(const PathSample& sample) {
    if (!sample.train_complete || sample.train_received < 2) return;
    const double span = std::max<double>(static_cast<double>(sample.train_span), 1);
    const double received = static_cast<double>(sample.train_received - 1) * sample.symbol_bits * 1e6 / span;
    const double train_loss =
        1 - static_cast<double>(sample.train_received) / static_cast<double>(sample.train_sent);
    // What overflowed a queue is our own doing; what was lost behind it is not, however much it is.
    const int64_t carried = std::max(sample.train_carried, sample.train_received);
    const bool overflowed = static_cast<double>(carried) < 0.75 * static_cast<double>(sample.train_sent);
    const double estimate = overflowed ? received * 0.6 : received / (1 - train_loss);
    const double cap = std::max(kUnverifiedCapacity, history_);
    capacity_ = std::min(estimate, cap);
    // Sent no faster than it arrived: that was the server's pace, not the path's limit.
    const bool paced = static_cast<double>(sample.train_sent_span) > 0.7 * span;
    rate_ = paced ? 4 * rate_ : 0.95 * capacity_;
    phase_ = paced || estimate > cap ? Phase::kVerify : Phase::kDelay;
    since_ = empty_since_ = sample.now;
    // What arrives in the next round trip was sent at the start rate and says nothing against the estimate.
    best_.assign(1, {sample.now + sample.round_trip, capacity_});
  }

  void Verify(const PathSample& sample) {
    const Micros settled = since_ + sample.round_trip + 2 * sample.interval;
    if (!sample.measured || sample.limited || sample.now < settled) return;
    const double arriving = Arriving(sample);
    if (arriving >= 0.85 * rate_ && static_cast<double>(sample.queue) < LeastQueue() && rate_ < kMostRate) {
      capacity_ = arriving;
      rate_ *= 4;
      since_ = sample.now;
      return;
    }
    capacity_ = std::max(arriving, kLeastRate);
    rate_ = capacity_;
    phase_ = Phase::kDelay;
    empty_since_ = sample.now;
    best_.assign(1, {sample.now, capacity_});
  }

  void Delay(const PathSample& sample) {
    const auto dt = static_cast<double>(sample.now - last_tick_);
    const auto round_trip = static_cast<double>(sample.round_trip);
    const auto interval = static_cast<double>(sample.interval);
    const auto queue = static_cast<double>(sample.queue);
    const bool informed = sample.measured && sample.delayed && !sample.limited;
    if (!informed && !testing_) return;

    const bool queued = queue > LeastQueue();
    if (informed) {
      const double arriving = Arriving(sample);
      best_.push_back({sample.now, arriving});
      const Micros memory = std::max(5 * sample.round_trip + 2 * sample.interval, kLeastMemory);
      while (best_.front().at < sample.now - memory) best_.pop_front();
      if (queued) {
        capacity_ += std::min(1.0, 2 * dt / round_trip) * (arriving - capacity_);
      } else {
        capacity_ = 0;
        for (const Command& seen : best_) capacity_ = std::max(capacity_, seen.rate);
      }
      capacity_ = std::max(capacity_, kLeastRate);
    }
    if (sample.now - round_at_ >= std::max(sample.round_trip, 2 * sample.interval)) EndRound(sample);
    if (testing_) {
      EndLossTest(sample);
      return;
    }

    // What the commands of the last round trip will do to the queue once they are seen here.
    double predicted = queue;
    while (commands_.size() > 1 && commands_[1].at <= sample.now - sample.round_trip) commands_.pop_front();
    for (size_t i = 0; i < commands_.size(); i++) {
      const Micros from = std::max(commands_[i].at, sample.now - sample.round_trip);
      const Micros to = i + 1 < commands_.size() ? commands_[i + 1].at : sample.now;
      if (to > from) {
        predicted += (commands_[i].rate - capacity_) * static_cast<double>(to - from) / capacity_;
      }
    }
    const double horizon = std::max(round_trip / 2, 2 * interval);
    const double correction = std::clamp((TargetQueue() - predicted) / horizon, -0.5, 0.15);

    if (queued || congested_round_) {
      probe_ = 0;
      empty_since_ = sample.now;
    } else if (static_cast<double>(sample.now - empty_since_) > 1.5 * round_trip) {
      if (probe_ == 0) {
        probe_ = std::min(0.06, 10'000 / round_trip);
        probed_at_ = sample.now;
      } else if (sample.now - probed_at_ >= std::max(sample.round_trip, sample.interval)) {
        probe_ = std::min(probe_ * 2, std::min(1.0, 40'000 / round_trip));
        probed_at_ = sample.now;
      }
    }
    if (informed && compete_.Challenged(sample, View(sample))) {
      compete_.Enter(sample, View(sample));
      phase_ = Phase::kCompete;
      rate_ = compete_.rate();
      return;
    }
    rate_ = capacity_ * (1 + (congested_round_ ? std::min(correction, 0.0) : correction) + probe_);
  }

  PathView View(const PathSample& sample) const { return {Arriving(sample), TargetQueue(), CorrectedLoss()}; }

  void Compete(const PathSample& sample) {
    if (!sample.measured || !sample.delayed || sample.limited) return;
    const double arriving = Arriving(sample);
    const bool goes_on = compete_.Tick(sample, View(sample));
    rate_ = compete_.rate();
    capacity_ = std::max(arriving, kLeastRate);
    if (goes_on) return;
    phase_ = Phase::kDelay;
    rate_ = capacity_;
    best_.assign(1, {sample.now, capacity_});
    empty_since_ = round_at_ = sample.now;
    round_sent_ = round_lost_ = 0;
    congested_round_ = false;
    probe_ = 0;
  }

  void EndRound(const PathSample& sample) {
    const double expected = loss();
    const auto n = static_cast<double>(std::max<int64_t>(round_sent_, 1));
    const double lost = static_cast<double>(round_lost_) / n;
    const double sigma = std::sqrt(loss_dispersion() * expected * (1 - expected) / n);
    const bool excess = round_sent_ >= 20 && lost > expected + 3 * sigma + 0.01;
    const auto queue = static_cast<double>(sample.queue);
    if (excess && queue > 3 * LeastQueue() && sample.measured) {
      capacity_ = std::min(capacity_, std::max(sample.received / (1 - CorrectedLoss()), kLeastRate));
      overflow_queue_ = std::max(queue, 2'000.0);
    }
    // A buffer that overflows before a queue can be seen (a small one, or the client's own): no growth now.
    congested_round_ = excess && lost > validated_loss_ + kLossRise;
    round_sent_ = round_lost_ = 0;
    round_at_ = sample.now;
    // Where losses come in runs the estimate wanders, and a path that loses no more than before would be
    // tested.
    const double doubt = 3 * std::sqrt(loss_dispersion() * expected * (1 - expected) /
                                       static_cast<double>(std::max<int64_t>(sent_, 1)));
    if (!testing_ && sent_ >= kLossTestSymbols && expected > validated_loss_ + kLossRise + doubt) {
      // Is it the path, or is it us? Ask less for a while and see whether less is lost.
      testing_ = true;
      since_ = sample.now;
      loss_before_ = loss();
      test_from_ = sample.now + sample.round_trip + sample.interval;
      capacity_before_ = capacity_;
      rate_ = 0.6 * capacity_;
      test_sent_ = test_lost_ = test_runs_ = 0;
    } else if (!testing_ && sent_ >= kLossTestSymbols) {
      validated_loss_ = std::min(validated_loss_, std::max(loss(), kLossTolerance));
    }
  }

  void EndLossTest(const PathSample& sample) {
    if (sample.now >= test_from_) {
      test_sent_ += sample.sent;
      test_lost_ += sample.lost;
      test_runs_ += sample.runs;
    }
    const auto length = static_cast<Micros>(1.2 * static_cast<double>(sample.round_trip));
    if (sample.now < test_from_ + length || (test_sent_ < 50 && sample.now < test_from_ + 20 * length))
      return;
    testing_ = false;
    // Symbols from before the test that came late after all count as losses made good, and may be more of
    // them than it lost.
    test_sent_ = std::max<int64_t>(test_sent_, 0);
    test_lost_ = std::clamp<int64_t>(test_lost_, 0, test_sent_);
    const double lost =
        test_sent_ > 0 ? static_cast<double>(test_lost_) / static_cast<double>(test_sent_) : loss_before_;
    if (lost < 0.6 * loss_before_) {
      capacity_ = std::max(0.6 * capacity_before_, kLeastRate);
    } else {
      capacity_ = capacity_before_;
    }
    validated_loss_ = lost;
    sent_ = std::max<int64_t>(test_sent_, 1);
    lost_ = test_lost_;
    runs_ = std::clamp<int64_t>(test_runs_, 0, lost_);
    best_.clear();
    best_.push_back({sample.now, capacity_});
    rate_ = capacity_;
    empty_since_ = sample.now;
    probe_ = 0;
  }

  const double history_;
  Phase phase_ = Phase::kStart;
  double rate_;
  double capacity_ = 0;
  double overflow_queue_ = 1e9;  // microseconds: how deep the queue was when it overflowed
  Micros since_ = 0;             // of the phase, or of the rate being verified
  Micros last_tick_ = 0;
  std::deque<Command> commands_;
  std::deque<Command> best_;  // arriving rates of the last five round trips

  int64_t sent_ = 0, lost_ = 0, runs_ = 0;  // decaying
  int64_t queued_sent_ = 0, queued_lost_ = 0,
          queued_runs_ = 0;  // beside a queue, since the last look at them
  double validated_loss_ = kLossAtFirst;
  int64_t round_sent_ = 0, round_lost_ = 0;
  Micros round_at_ = 0;
  bool congested_round_ = false;

  Micros empty_since_ = 0;
  double probe_ = 0;
  Micros probed_at_ = 0;

  CompeteLaw compete_;

  bool testing_ = false;
  Micros test_from_ = 0;
  double loss_before_ = 0;
  double capacity_before_ = 0;
  int64_t test_sent_ = 0, test_lost_ = 0, test_runs_ = 0;
};

}  // namespace

std::unique_ptr<RateControl> MakeDelayLaw(double history) { return std::make_unique<DelayLaw>(history); }

}  // namespace murky::rain
