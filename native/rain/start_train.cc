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
constexpr int64_t kLeastReceived = 16;  // fewer tell of a run of losses, not of the path
constexpr double kMostLost = 0.25;      // where more is lost, it takes the whole train to tell how much

}  // namespace

void StartTrain::Begin(uint32_t number, uint32_t sent, Micros now) {
  first_number_ = number;
  first_sent_ = sent;
  span_ = sent_span_ = lateness_ = 0;
  sent_ = received_ = carried_ = 0;
  neighbours_ = neighbours_span_ = 0;
  arrivals_.clear();
  advances_.clear();
  last_ = now;
}

void StartTrain::Add(uint32_t number, uint32_t sent, Micros now) {
  if (complete_) return;
  if (arrivals_.empty() || now - last_ > kTrainPause) Begin(number, sent, now);
  const int64_t at = Difference24(number, first_number_);
  if (!arrivals_.empty() && at == arrivals_.back().number + 1) {
    neighbours_++;
    neighbours_span_ += now - last_;
  }
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
    carried_ = Carried();
    // Behind the first burst they come as the server sent them, or as the link let them pass.
    sent_span_ = sent_ < 2 * kTrainSymbols ? Difference24(sent, first_sent_) : 0;
    complete_ = sent_ >= kTrainSymbols && (received_ >= kLeastReceived || sent_ >= kMostTrainSymbols);
  } else if (sent_ >= kTrainSymbols && arrivals_.size() % kFitEvery == 0) {
    FitLine(now);
  }
  complete_ = complete_ || arrivals_.size() >= kMostTrainArrivals;
}

// Symbols that follow one another tell how long the link takes for one. What it carried and was lost behind
// it left room for itself; what overflowed the queue before it did not.
int64_t StartTrain::Carried() const {
  if (neighbours_span_ == 0) return received_;
  const double spacing = static_cast<double>(neighbours_span_) / static_cast<double>(neighbours_);
  const auto carried = std::lround(static_cast<double>(span_) / spacing) + 1;
  return std::clamp<int64_t>(carried, received_, sent_);
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
  const bool few_lost = n >= (1 - kMostLost) * static_cast<double>(settled + 1);
  const bool known = slope > 0 && error <= kTolerance * slope && few_lost;
  complete_ = known || settled + 1 >= kMostTrainSymbols;
  if (slope <= 0) return;
  sent_ = settled + 1;
  carried_ = received_ = static_cast<int64_t>(n);
  span_ = static_cast<Micros>(slope * static_cast<double>((received_ - 1) * sent_) / n);
  // Behind the first burst they came as the server sent them, or as the link let them pass.
  sent_span_ = 0;
}

}  // namespace murky::rain
