#include "rain/start_train.h"

#include <algorithm>
#include <vector>

#include "rain/seeded_random.h"
#include "testing/check.h"

namespace murky::rain {
namespace {

constexpr Micros kSpacing = 114;  // of symbols of 1420 bytes on a link of 100 Mbit/s

struct Symbol {
  uint32_t number;
  Micros at;
};

// As they arrive over such a link, where each is delayed by up to `jitter` more.
std::vector<Symbol> Arrivals(uint64_t seed, int64_t count, double loss, Micros jitter) {
  SeededRandom random(seed);
  std::vector<Symbol> symbols;
  for (int64_t i = 0; i < count; i++) {
    const auto more = static_cast<Micros>(random.Uniform() * static_cast<double>(jitter));
    if (random.Uniform() >= loss)
      symbols.push_back({0xfffff0 + static_cast<uint32_t>(i), i * kSpacing + more});
  }
  std::sort(symbols.begin(), symbols.end(), [](const Symbol& a, const Symbol& b) { return a.at < b.at; });
  return symbols;
}

// Microseconds a symbol, as the rate control makes them of the train.
double Spacing(const StartTrain& train) {
  const auto received = static_cast<double>(train.received());
  return static_cast<double>(train.span()) / (received - 1) * received / static_cast<double>(train.sent());
}

TEST(ATrainInItsOrderIsCompleteWithItsLastSymbol) {
  StartTrain train;
  for (const Symbol& symbol : Arrivals(1, 31, 0, 0)) train.Add(symbol.number & 0xffffff, 0, symbol.at);
  CHECK(!train.complete());
  train.Add(0xf, 0, 31 * kSpacing);
  CHECK(train.complete());
  CHECK_EQ(train.sent(), 32);
  CHECK_EQ(train.received(), 32);
  CHECK_EQ(train.span(), 31 * kSpacing);
}

TEST(ATrainThatJitterTearsApartTellsItsRateAllTheSame) {
  for (uint64_t seed = 1; seed <= 50; seed++) {
    StartTrain train;
    size_t arrived = 0;
    for (const Symbol& symbol : Arrivals(seed, 400, 0.1, 5'000)) {
      train.Add(symbol.number & 0xffffff, 0, symbol.at);
      arrived++;
      if (train.complete()) break;
    }
    CHECK(train.complete());
    CHECK(arrived > 32 && arrived < 220);
    CHECK(Spacing(train) > 0.7 * kSpacing && Spacing(train) < 1.35 * kSpacing);
    // What may still come is not lost.
    const double lost = 1 - static_cast<double>(train.received()) / static_cast<double>(train.sent());
    CHECK(lost < 0.25);
  }
}

TEST(AShortTrainCountsOnceNothingMoreComes) {
  StartTrain train;
  for (const Symbol& symbol : Arrivals(1, 7, 0, 0)) train.Add(symbol.number & 0xffffff, 0, symbol.at);
  train.Expire(1'000'000, 20'000);
  CHECK(!train.complete());
  train.Add(0xfffff0 + 7, 0, 7 * kSpacing);
  train.Expire(7 * kSpacing + 20'000, 20'000);
  CHECK(!train.complete());
  train.Expire(7 * kSpacing + 20'001, 20'000);
  CHECK(train.complete());
  CHECK_EQ(train.received(), 8);
}

// What is lost behind the link left room for itself, what overflowed the queue before it did not.
TEST(ATrainTellsWhatItsLinkCarried) {
  for (const bool behind : {true, false}) {
    StartTrain train;
    Micros now = 0;
    for (uint32_t number = 0; number < 40; number++) {
      const bool lost = number >= 10 && number < 28 && number % 6 != 0;
      if (!lost || behind) now += kSpacing;
      if (!lost) train.Add(number, 0, now);
    }
    CHECK(train.complete());
    CHECK(train.sent() >= 32);
    CHECK_EQ(train.received(), train.sent() - 15);
    CHECK(behind ? train.carried() == train.sent() : train.carried() <= train.received() + 1);
  }
}

// Four of 32 tell of a run of losses, not of what the link carries.
TEST(ATrainOfWhichARunOfLossesLeftLittleGoesOn) {
  StartTrain train;
  uint32_t number = 0;
  for (; number < 40; number++) {
    if (number < 4 || number > 31) train.Add(number, 0, number * kSpacing);
  }
  CHECK(!train.complete());
  for (; number < 44; number++) train.Add(number, 0, number * kSpacing);
  CHECK(train.complete());
  CHECK_EQ(train.received(), 16);
  CHECK_EQ(train.carried(), train.sent());
}

// A server that numbers its symbols backwards would put the estimate off for good.
TEST(ATrainEndsWithWhatItMayHold) {
  StartTrain train;
  Micros now = 0;
  size_t added = 0;
  const auto add = [&](uint32_t number) {
    if (train.complete()) return;
    train.Add(number, 0, now += 100);
    added++;
  };
  for (const uint32_t number : {9'000u, 8'999u, 9'050u}) add(number);
  for (uint32_t number = 8'998; number > 0; number--) add(number);
  CHECK(train.complete());
  CHECK(added <= kMostTrainArrivals);
}

}  // namespace
}  // namespace murky::rain
