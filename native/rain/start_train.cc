#include "rain/start_train.h"

#include <algorithm>
#include <cmath>

#include "rain/sequence_window.h"

namespace murky::rain {

namespace {

constexpr Micros kTrainPause = 50'000;  // a train begins anew behind a longer one
constexpr int64_t kLeastSymbols = 8;    // of a short one
constexpr double kTolerance = 0.08;     // standard error of the estimate
constexpr size_t kFitEvery = 8;         // arrivals

}  // namespace

void StartTrain::Begin(uint32_t number, uint32_t sent, Micros now) {
  first_number_ = number;
  first_sent_ = sent;
  span_ = sent_span_ = lateness_ = 0;
  sent_ = received_ = 0;
  arrivals_.clear();
  advances_.clear();
  last_ = now;
}

void StartTrain::Add(uint32_t number, uint32_t sent, Micros now) {
  if (complete_) return;
  if (arrivals_.empty() || now - last_ > kTrainPause) Begin(number, sent, now);
  const int64_t at = Difference24(number, first_number_);
  last_ = now;
  arrivals_.push_back({at, now});
  received_++;
  if (advances_.empty() || at > advances_.back().number) {
    advances_.push_back({at, now});
  } else {
    const auto passed = std::find_if(advances_.begin(), advances_.end(),
                                     [at](const Arrival& advance) { return advance.number > at; });
    lateness_ = std::max(lateness_, now - passed->at);
  }
  sent_ = advances_.back().number + 1;
  span_ = now - arrivals_.front().at;
  if (lateness_ == 0) {
    sent_span_ = Difference24(sent, first_sent_);
    complete_ = sent_ >= kTrainSymbols;
  } else if (sent_ >= kTrainSymbols && arrivals_.size() % kFitEvery == 0) {
    FitLine(now);
  }
  complete_ = complete_ || arrivals_.size() >= kMostTrainArrivals;
}

void StartTrain::Expire(Micros now, Micros pause) {
  if (complete_ || received_ < kLeastSymbols || now - last_ <= pause) return;
  if (lateness_ > 0) FitLine(now + lateness_);
  complete_ = true;
}

// The least squares line through times of arrival over numbers, of those symbols alone that nothing earlier
// can come behind any more: else those that were the quickest would stand for all of the last ones.
void StartTrain::FitLine(Micros now) {
  int64_t settled = -1;
  for (const Arrival& advance : advances_) {
    if (advance.at <= now - lateness_) settled = advance.number;
  }
  if (settled + 1 < std::min(kTrainSymbols, sent_)) return;
  double n = 0, x = 0, y = 0;
  const auto of_those = [&](auto&& visit) {
    for (const Arrival& arrival : arrivals_) {
      if (arrival.number >= 0 && arrival.number <= settled)
        visit(static_cast<double>(arrival.number), static_cast<double>(arrival.at - arrivals_.front().at));
    }
  };
  of_those([&](double number, double at) { n++, x += number, y += at; });
  if (n < 3) return;
  x /= n, y /= n;
  double xx = 0, xy = 0, yy = 0;
  of_those([&](double number, double at) {
    xx += (number - x) * (number - x), xy += (number - x) * (at - y), yy += (at - y) * (at - y);
  });
  const double slope = xy / xx;  // microseconds a symbol
  const double error = std::sqrt(std::max(0.0, yy - slope * xy) / (n - 2) / xx);
  const bool known = slope > 0 && error <= kTolerance * slope;
  complete_ = known || settled + 1 >= kMostTrainSymbols;
  if (slope <= 0) return;
  sent_ = settled + 1;
  received_ = static_cast<int64_t>(n);
  span_ = static_cast<Micros>(slope * static_cast<double>((received_ - 1) * sent_) / n);
  // Behind the first burst they came as the server sent them, or as the link let them pass.
  sent_span_ = 0;
}

}  // namespace murky::rain
