// The congestion controls of rival flows.
#include <algorithm>
#include <cmath>

#include "rain/rival_flow.h"

namespace murky::rain {

namespace {

constexpr double kFirstWindow = 10;  // RFC 6928
constexpr double kLeastWindow = 2;

// RFC 5681 with one reduction per round trip.
class Reno : public RivalControl {
 public:
  bool OnAck(const RivalAck& ack, double) override {
    if (!ack.lost) {
      window_ += window_ < threshold_ ? 1 : 1 / window_;
      return false;
    }
    if (ack.before_cut) return false;
    threshold_ = window_ = std::max(window_ / 2, kLeastWindow);
    return true;
  }
  double window() const override { return window_; }
  double pace() const override { return 0; }

 private:
  double window_ = kFirstWindow;
  double threshold_ = 1e9;
};

// RFC 9438, with its Reno-friendly region and fast convergence.
class Cubic : public RivalControl {
 public:
  bool OnAck(const RivalAck& ack, double) override {
    if (ack.lost) {
      if (ack.before_cut) return false;
      origin_ = window_ < origin_ ? window_ * (1 + kBeta) / 2 : window_;
      estimate_ = window_ = std::max(window_ * kBeta, kLeastWindow);
      began_ = ack.now;
      slow_start_ = false;
      return true;
    }
    if (slow_start_) {
      window_++;
      return false;
    }
    const double seconds = static_cast<double>(ack.now + ack.round_trip - began_) / 1e6;
    const double reaches = std::cbrt(origin_ * (1 - kBeta) / kScale);
    const double target =
        std::clamp(origin_ + kScale * std::pow(seconds - reaches, 3), window_, 1.5 * window_);
    estimate_ += 3 * (1 - kBeta) / (1 + kBeta) / window_;
    window_ = std::max(window_ + (target - window_) / window_, estimate_);
    return false;
  }
  double window() const override { return window_; }
  double pace() const override { return 0; }

 private:
  static constexpr double kBeta = 0.7;
  static constexpr double kScale = 0.4;
  double window_ = kFirstWindow;
  double origin_ = 0;    // the window at the last reduction
  double estimate_ = 0;  // what Reno would have
  Micros began_ = 0;
  bool slow_start_ = true;
};

// Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 2016.
class Bbr : public RivalControl {
 public:
  bool OnAck(const RivalAck& ack, double in_flight) override {
    if (ack.new_round) EndRound();
    if (!ack.lost) best_[0] = std::max(best_[0], ack.delivery_rate);
    if (ack.round_trip <= round_trip_ || ack.now - round_trip_at_ > kRoundTripMemory) {
      if (ack.round_trip > round_trip_) probe_until_ = ack.now + kProbeRoundTrip;
      round_trip_ = ack.round_trip;
      round_trip_at_ = ack.now;
    }
    if (phase_ == Phase::kDrain && in_flight <= BandwidthDelay()) phase_ = Phase::kProbe;
    if (phase_ == Phase::kProbe && ack.now - cycle_at_ > round_trip_) {
      cycle_ = (cycle_ + 1) % 8;
      cycle_at_ = ack.now;
    }
    probing_round_trip_ = ack.now < probe_until_;
    return false;
  }
  double window() const override {
    if (probing_round_trip_) return 4;
    return std::max(BandwidthDelay() * (phase_ == Phase::kProbe ? 2 : kHighGain), kFirstWindow);
  }
  double pace() const override {
    const double bandwidth = Bandwidth();
    if (bandwidth == 0) return 0;
    if (phase_ == Phase::kStartup) return bandwidth * kHighGain;
    if (phase_ == Phase::kDrain) return bandwidth / kHighGain;
    return bandwidth * (cycle_ == 0 ? 1.25 : cycle_ == 1 ? 0.75 : 1);
  }

 private:
  enum class Phase { kStartup, kDrain, kProbe };
  static constexpr double kHighGain = 2.885;
  static constexpr Micros kRoundTripMemory = 10'000'000;
  static constexpr Micros kProbeRoundTrip = 200'000;

  double Bandwidth() const { return *std::max_element(std::begin(best_), std::end(best_)); }
  double BandwidthDelay() const {
    return round_trip_ == kNever ? 0 : Bandwidth() * static_cast<double>(round_trip_) / 1e6;
  }
  void EndRound() {
    if (phase_ == Phase::kStartup) {
      // Full when three rounds in a row brought less than a quarter more.
      flat_rounds_ = Bandwidth() > 1.25 * full_ ? 0 : flat_rounds_ + 1;
      if (flat_rounds_ == 0) full_ = Bandwidth();
      if (flat_rounds_ >= 3) phase_ = Phase::kDrain;
    }
    std::copy_backward(std::begin(best_), std::end(best_) - 1, std::end(best_));
    best_[0] = 0;
  }

  Phase phase_ = Phase::kStartup;
  double best_[10] = {};  // packets per second, of the last ten rounds
  double full_ = 0;
  int flat_rounds_ = 0;
  int cycle_ = 2;
  Micros cycle_at_ = 0;
  Micros round_trip_ = kNever;
  Micros round_trip_at_ = 0;
  Micros probe_until_ = 0;
  bool probing_round_trip_ = false;
};

}  // namespace

std::unique_ptr<RivalControl> MakeRivalControl(RivalKind kind) {
  switch (kind) {
    case RivalKind::kReno:
      return std::make_unique<Reno>();
    case RivalKind::kCubic:
      return std::make_unique<Cubic>();
    case RivalKind::kBbr:
      return std::make_unique<Bbr>();
  }
  return nullptr;
}

}  // namespace murky::rain
