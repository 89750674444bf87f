// Honest clients beside some that lie about what they can take: in all, nobody gets more than the server's
// clamps, and nobody gets less than its share.
#include "testing/check.h"
#include "testing/sim_crowd.h"

namespace murky::rain {
namespace {

using testing::CrowdAddress;
using testing::CrowdLiar;
using testing::CrowdReader;
using testing::CrowdServer;

constexpr Micros kWarmUp = 1'000'000;
constexpr Micros kTime = 4'000'000;
constexpr size_t kClients = 4;

struct Outcome {
  std::vector<double> honest_bits_per_second;  // decoded, after the warm-up
  std::vector<double> liar_bits_per_second;    // of IP payload
};

CrowdLiar::Habits Raving() {
  CrowdLiar::Habits habits;
  habits.raves = true;
  return habits;
}

CrowdLiar::Habits BeginningAnew() {
  CrowdLiar::Habits habits;
  habits.begins_anew = true;
  habits.fetches = 1;
  habits.interval = 200;
  return habits;
}

// All its fetches read the same as the honest ones, and take what is shared.
CrowdLiar::Habits Joining() {
  CrowdLiar::Habits habits;
  habits.joins = true;
  return habits;
}

// Wants blocks that the server has not got: each is refused, again and again.
CrowdLiar::Habits Refused() {
  CrowdLiar::Habits habits;
  habits.first_block = 20'000;
  return habits;
}

LinkShape FastLink() {
  LinkShape link;
  link.delay = 10'000;
  link.bits_per_second = 1e9;
  return link;
}

// Four clients, the last of which are liars.
Outcome Serve(const EngineLimits& limits, size_t liars, const CrowdLiar::Habits& habits = {}) {
  SimNetwork network(1);
  CrowdServer server(network, CrowdAddress(1), limits);
  server.blocks = 10'000;
  std::vector<std::unique_ptr<CrowdReader>> honest;
  std::vector<std::unique_ptr<CrowdLiar>> lying;
  for (size_t i = 0; i < kClients; i++) {
    const Address address = CrowdAddress(2 + i);
    if (i < kClients - liars) {
      honest.push_back(std::make_unique<CrowdReader>(network, address, EngineLimits{}));
    } else {
      lying.push_back(std::make_unique<CrowdLiar>(network, address, server.address, habits));
    }
    network.Connect(server.address, address, FastLink());
    network.Connect(address, server.address, FastLink());
  }
  for (const auto& reader : honest) reader->Begin(server.address, 10'000);
  for (const auto& liar : lying) network.Wake(liar->address);
  network.Run(kWarmUp);
  std::vector<double> before;
  for (const auto& reader : honest) before.push_back(reader->decoded);
  for (const auto& liar : lying) before.push_back(static_cast<double>(liar->bits_in));
  network.Run(kWarmUp + kTime);
  Outcome outcome;
  const double seconds = static_cast<double>(kTime) / 1e6;
  for (size_t i = 0; i < honest.size(); i++) {
    const double blocks = honest[i]->decoded - before[i];
    outcome.honest_bits_per_second.push_back(blocks * testing::kCrowdBlockBytes * 8 / seconds);
  }
  for (size_t i = 0; i < lying.size(); i++) {
    const double bits = static_cast<double>(lying[i]->bits_in) - before[honest.size() + i];
    outcome.liar_bits_per_second.push_back(bits / seconds);
  }
  return outcome;
}

TEST(LiarsLeaveTheOthersTheirSharesOfTheTotal) {
  EngineLimits limits;
  limits.max_rate_bits_per_second = 100'000'000;
  const Outcome before = Serve(limits, 0);
  for (const double rate : before.honest_bits_per_second) CHECK(rate > 20e6);
  for (const size_t liars : {1, 3}) {
    for (const CrowdLiar::Habits& habits : {CrowdLiar::Habits{}, Raving(), BeginningAnew(), Joining()}) {
      const Outcome beside = Serve(limits, liars, habits);
      for (size_t i = 0; i < beside.honest_bits_per_second.size(); i++) {
        CHECK(beside.honest_bits_per_second[i] >= 0.8 * before.honest_bits_per_second[i]);
      }
      for (const double rate : beside.liar_bits_per_second) CHECK(rate <= 1.1 * 100e6 / kClients);
    }
  }
}

TEST(NoLiarGetsMoreThanTheClampPerPeer) {
  EngineLimits limits;
  limits.max_rate_per_peer_bits_per_second = 10'000'000;
  for (const CrowdLiar::Habits& habits :
       {CrowdLiar::Habits{}, Raving(), BeginningAnew(), Joining(), Refused()}) {
    const Outcome outcome = Serve(limits, 2, habits);
    for (const double rate : outcome.liar_bits_per_second) CHECK(rate <= 1.01 * 10e6);
    for (const double rate : outcome.honest_bits_per_second) CHECK(rate > 0.8 * 10e6);
  }
}

}  // namespace
}  // namespace murky::rain
