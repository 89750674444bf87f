// Honest clients beside some that lie about what they can take: in all, nobody gets more than the server's
// clamps, and nobody gets less than its share. MURKY_FIGURES=1 prints by how much.
#include <cstdio>
#include <cstdlib>

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
  std::vector<double> liar_bits_per_second;    // of IP payload, as they arrive
  // Of IP payload, as it leaves the server, but for TOKENs: those answer a SUBSCRIBE each, and are shorter.
  double most_paced_to_a_liar = 0;
  double paced_to_all = 0;
};

class CountingServer : public CrowdServer {
 public:
  using CrowdServer::CrowdServer;
  void Send(const Address& to, const uint8_t* bytes, size_t length) override {
    MessageType type;
    CHECK(ParseType(bytes + kOuterBytes, length - kOuterBytes, &type));
    if (type != MessageType::kToken) paced_bits_to[to] += static_cast<double>((length + 8) * 8);
    CrowdServer::Send(to, bytes, length);
  }
  std::unordered_map<Address, double, AddressHash> paced_bits_to;
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

struct Habit {
  const char* name;
  CrowdLiar::Habits habits;
};

// Four clients, the last of which are liars.
Outcome Serve(const EngineLimits& limits, size_t liars, const CrowdLiar::Habits& habits = {}) {
  SimNetwork network(1);
  CountingServer server(network, CrowdAddress(1), limits);
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
  server.paced_bits_to.clear();
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
    const double paced = server.paced_bits_to[lying[i]->address] / seconds;
    outcome.most_paced_to_a_liar = std::max(outcome.most_paced_to_a_liar, paced);
  }
  for (const auto& [to, bits] : server.paced_bits_to) outcome.paced_to_all += bits / seconds;
  return outcome;
}

// A clamp is kept as a token bucket's: beside the rate there is the burst with which the time began.
constexpr double kWithBurst = 1.001;

void Tell(size_t liars, const char* habit, double clamp, double limit, const Outcome& outcome,
          double honest) {
  if (!std::getenv("MURKY_FIGURES")) return;
  const double with_tokens =
      *std::max_element(outcome.liar_bits_per_second.begin(), outcome.liar_bits_per_second.end());
  std::printf(
      "%zu of 4 %s: sent to a liar %.4f of the clamp (%.4f with TOKENs), to all %.4f of their limit; "
      "an honest client got %.3f\n",
      liars, habit, outcome.most_paced_to_a_liar / clamp, with_tokens / clamp, outcome.paced_to_all / limit,
      honest);
}

TEST(LiarsLeaveTheOthersTheirSharesOfTheTotal) {
  constexpr double kClamp = 100e6;
  EngineLimits limits;
  limits.max_rate_bits_per_second = static_cast<uint64_t>(kClamp);
  const Outcome before = Serve(limits, 0);
  for (const double rate : before.honest_bits_per_second) CHECK(rate > 20e6);
  const Habit all[] = {{"asking for all", {}},
                       {"raving", Raving()},
                       {"beginning anew", BeginningAnew()},
                       {"joining", Joining()}};
  for (const size_t liars : {1, 3}) {
    for (const auto& [name, habits] : all) {
      const Outcome beside = Serve(limits, liars, habits);
      double least = 1e9;
      for (size_t i = 0; i < beside.honest_bits_per_second.size(); i++) {
        const double share = beside.honest_bits_per_second[i] / before.honest_bits_per_second[i];
        CHECK(share >= 0.8);
        least = std::min(least, share);
      }
      for (const double rate : beside.liar_bits_per_second) CHECK(rate <= 1.1 * kClamp / kClients);
      CHECK(beside.most_paced_to_a_liar <= 1.01 * kClamp / kClients);
      CHECK(beside.paced_to_all <= kWithBurst * kClamp);
      Tell(liars, name, kClamp / kClients, kClamp, beside, least);
    }
  }
}

TEST(NoLiarGetsMoreThanTheClampPerPeer) {
  constexpr double kClamp = 10e6;
  EngineLimits limits;
  limits.max_rate_per_peer_bits_per_second = static_cast<uint64_t>(kClamp);
  const Habit all[] = {{"asking for all", {}},
                       {"raving", Raving()},
                       {"beginning anew", BeginningAnew()},
                       {"joining", Joining()},
                       {"asking for what is not here", Refused()}};
  for (const auto& [name, habits] : all) {
    const Outcome outcome = Serve(limits, 2, habits);
    for (const double rate : outcome.liar_bits_per_second) CHECK(rate <= 1.01 * kClamp);
    CHECK(outcome.most_paced_to_a_liar <= kWithBurst * kClamp);
    double least = 1e9;
    for (const double rate : outcome.honest_bits_per_second) {
      CHECK(rate > 0.8 * kClamp);
      least = std::min(least, rate / kClamp);
    }
    Tell(2, name, kClamp, kClients * kClamp, outcome, least);
  }
}

}  // namespace
}  // namespace murky::rain
