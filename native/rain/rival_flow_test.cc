// Rival flows behave as the TCPs they stand for, where theory says how.
#include "rain/rival_flow.h"

#include <cmath>
#include <string>

#include "testing/check.h"

namespace murky::rain {
namespace {

struct Silent : SimNode {
  void OnDatagram(const Address&, const uint8_t*, size_t, Micros) override {}
  Micros OnTime(Micros) override { return kNever; }
};

Address Named(int host) {
  Address address;
  CHECK(Address::Parse("10.0.0." + std::to_string(host), 1, &address));
  return address;
}

// Flows over one link of 20 Mbit/s and 40 ms there and back: 66 packets fill it.
struct Bottleneck {
  Bottleneck(const std::vector<RivalKind>& kinds, Micros queue, double loss = 0) : network(1) {
    network.Attach(Named(1), &server);
    network.Attach(Named(2), &client);
    LinkShape shape;
    shape.delay = 20'000;
    network.Connect(Named(2), Named(1), shape);
    shape.bits_per_second = kRate;
    shape.queue = queue;
    shape.loss = loss;
    network.Connect(Named(1), Named(2), shape);
    for (const RivalKind kind : kinds) {
      flows.push_back(std::make_unique<RivalFlow>(network, kind, Named(1), Named(2)));
    }
    for (const auto& flow : flows) network.At(0, [&flow] { flow->Start(); });
  }
  // Bits per second of each flow from one second to another.
  std::vector<double> Rates(int from, int until) {
    network.Run(from * Micros{1'000'000});
    std::vector<double> rates;
    for (const auto& flow : flows) rates.push_back(-static_cast<double>(flow->delivered_bytes()));
    network.Run(until * Micros{1'000'000});
    for (size_t i = 0; i < flows.size(); i++) {
      rates[i] = (rates[i] + static_cast<double>(flows[i]->delivered_bytes())) * 8 / (until - from);
    }
    return rates;
  }

  static constexpr double kRate = 20e6;
  SimNetwork network;
  Silent server;
  Silent client;
  std::vector<std::unique_ptr<RivalFlow>> flows;
};

TEST(AFlowAloneFillsItsLink) {
  for (const RivalKind kind : {RivalKind::kReno, RivalKind::kCubic, RivalKind::kBbr}) {
    Bottleneck bottleneck({kind}, 60'000);
    const double rate = bottleneck.Rates(5, 60)[0];
    CHECK(rate > 0.95 * Bottleneck::kRate);
    CHECK(rate <= 1.001 * Bottleneck::kRate);
  }
}

TEST(TwoAlikeShareHalfAndHalf) {
  for (const RivalKind kind : {RivalKind::kReno, RivalKind::kCubic}) {
    Bottleneck bottleneck({kind, kind}, 40'000);
    const std::vector<double> rates = bottleneck.Rates(20, 300);
    CHECK(std::abs(rates[0] / (rates[0] + rates[1]) - 0.5) < 0.1);
    CHECK(rates[0] + rates[1] > 0.95 * Bottleneck::kRate);
  }
}

// Mathis et al. 1997: a window of sqrt(3 / 2p) packets where loss alone sets it.
TEST(RenoIsSlowedByLossAsTheSquareRootSays) {
  for (const double loss : {0.002, 0.01}) {
    Bottleneck bottleneck({RivalKind::kReno}, 100'000, loss);
    const double expected = std::sqrt(1.5 / loss) * RivalFlow::kPacketBytes * 8 / 0.0406;
    const double ratio = bottleneck.Rates(5, 300)[0] / expected;
    CHECK(ratio > 0.8 && ratio < 1.2);
  }
}

TEST(BbrIsNotSlowedByLoss) {
  Bottleneck bottleneck({RivalKind::kBbr}, 60'000, 0.02);
  CHECK(bottleneck.Rates(5, 60)[0] > 0.9 * Bottleneck::kRate);
}

}  // namespace
}  // namespace murky::rain
