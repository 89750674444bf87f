// Whole fetches on the simulated network, in virtual time.
#include "rain/simulation.h"

#include <cmath>

#include "testing/check.h"

namespace murky::rain {
namespace {

SimulationScenario Scenario(size_t servers, double loss, size_t bytes) {
  SimulationScenario scenario;
  scenario.object_bytes = bytes;
  SimulatedServer server;
  server.loss = loss;
  scenario.servers.assign(servers, server);
  return scenario;
}

// Goodput against what the links can carry, as docs/rain.md defines it.
double Efficiency(const SimulationScenario& scenario, const SimulationResult& result) {
  double sum = 0;
  for (const SimulatedServer& server : scenario.servers) sum += server.bits_per_second * (1 - server.loss);
  return static_cast<double>(scenario.object_bytes) * 8 / (static_cast<double>(result.virtual_micros) / 1e6) /
         sum;
}

TEST(AFetchIsIntactAtAnyLossAndNoServerSendsASymbolTwice) {
  for (const size_t servers : {1, 2, 4}) {
    for (const double loss : {0.0, 0.01, 0.05, 0.2, 0.5}) {
      const SimulationResult result = Simulate(Scenario(servers, loss, 3'000'001));
      CHECK(result.done);
      CHECK(result.intact);
      CHECK_EQ(result.sent_twice, 0u);
      CHECK_EQ(result.report.blocks, 3u);
      CHECK_EQ(result.report.servers.size(), servers);
      for (const ServerReport& server : result.report.servers) CHECK(server.useful > 0 || loss >= 0.2);
    }
  }
}

TEST(SmallObjectsNeedFewSymbols) {
  for (const size_t bytes : {1u, 1344u, 1345u, 20'000u, 100'000u}) {
    const SimulationResult result = Simulate(Scenario(1, 0, bytes));
    CHECK(result.intact);
    // Token, then data: two round trips, 100 kB of transmission and some ticks.
    CHECK(result.virtual_micros < 140'000);
    CHECK(result.servers[0].symbols_sent <= result.report.source_symbols + 16);
  }
}

TEST(TheLinkIsFullUnlessLossIsExtreme) {
  const double bounds[] = {0.91, 0.87, 0.87, 0.86};
  const double losses[] = {0, 0.01, 0.05, 0.2};
  for (int i = 0; i < 4; i++) {
    const SimulationScenario scenario = Scenario(1, losses[i], 32u << 20);
    const SimulationResult result = Simulate(scenario);
    CHECK(result.intact);
    CHECK(Efficiency(scenario, result) > bounds[i]);
    CHECK(result.queue_median <= 6'000);
    CHECK(result.queue_p95 <= 10'000);
  }
  const SimulationScenario scenario = Scenario(1, 0.5, 32u << 20);
  CHECK(Efficiency(scenario, Simulate(scenario)) > 0.6);
}

// What is asked at first lasts until the answer to what the first symbols told is there.
TEST(OnALongPathTheLinkIsBusyFromTheFirstSymbolOn) {
  SimulationScenario scenario = Scenario(1, 0, 4u << 20);
  scenario.look_up_first = true;
  scenario.servers[0].delay = 50'000;
  const SimulationResult result = Simulate(scenario);
  CHECK(result.intact);
  const auto transmission = static_cast<Micros>(static_cast<double>(4u << 20) * 8 / (100 * 0.9465));
  CHECK(result.virtual_micros <= 100'000 + transmission + 15'000);
}

// Symbols that came from eight servers, for each that a block was decoded with, where losses come in runs.
double SymbolsForEachUseful(uint64_t seeds, double request_loss) {
  uint64_t symbols = 0;
  uint64_t useful = 0;
  for (uint64_t seed = 1; seed <= seeds; seed++) {
    SimulationScenario scenario = Scenario(8, 0.1, 32u << 20);
    scenario.seed = seed;
    scenario.look_up_first = true;
    for (SimulatedServer& server : scenario.servers) {
      server.delay = 50'000;
      server.loss_burst = 5;
      server.request_loss = request_loss;
    }
    const SimulationResult result = Simulate(scenario);
    CHECK(result.intact);
    for (const ServerReport& server : result.report.servers) symbols += server.symbols;
    useful += result.report.decoding_symbols;
  }
  return static_cast<double>(symbols) / static_cast<double>(useful);
}

// Idle links bring what blocks may lack in small parts in turn: what one does not need holds up no other.
TEST(AtTheEndLittleComesForNothingWhereLossesComeInRuns) { CHECK(SymbolsForEachUseful(4, 0) <= 1.041); }

// They are asked for no further ahead than keeps the link busy: later it is known better which block lacks
// any.
TEST(AtTheEndWhatIsSpareIsAskedForLate) { CHECK(SymbolsForEachUseful(12, 0.2) <= 1.0535); }

// Where the reader's window is short for the path, the blocks that it waits for next come whole in time.
TEST(AFarFetchIsNotStoppedByTheBlocksThatItsReaderWaitsFor) {
  for (const uint64_t seed : {10, 11}) {
    SimulationScenario scenario = Scenario(4, 0.02, 128u << 20);
    scenario.seed = seed;
    scenario.look_up_first = true;
    for (SimulatedServer& server : scenario.servers) server.delay = 300'000;
    const SimulationResult result = Simulate(scenario);
    CHECK(result.intact);
    CHECK(result.virtual_micros <= 5'250'000);
  }
}

// A repair symbol is never worth its encoder where nothing is lost.
TEST(WithoutLossOnlySourceSymbolsAreAskedFor) {
  const SimulationResult result = Simulate(Scenario(1, 0, 32u << 20));
  CHECK(result.intact);
  CHECK_EQ(result.servers[0].blocks_encoded, 0u);
  CHECK_EQ(result.servers[0].symbols_sent, result.report.source_symbols);
}

TEST(AKilledServerCostsItsShareOnly) {
  const Micros whole = Simulate(Scenario(4, 0.05, 32u << 20)).virtual_micros;
  for (const Micros kill_at : {100'000, 300'000, 600'000}) {
    SimulationScenario scenario = Scenario(4, 0.05, 32u << 20);
    scenario.servers[2].kill_at = kill_at;
    const SimulationResult result = Simulate(scenario);
    CHECK(result.intact);
    // As a fluid: what four had left when one was killed, three carry.
    const auto killed = static_cast<double>(kill_at);
    const double ideal = killed + (static_cast<double>(whole) - killed) * 4 / 3;
    CHECK(static_cast<double>(result.virtual_micros) < 1.1 * ideal);
  }
}

TEST(AServerWithoutTheObjectIsLeftOut) {
  SimulationScenario scenario = Scenario(3, 0.01, 4u << 20);
  scenario.servers[1].empty = true;
  const SimulationResult result = Simulate(scenario);
  CHECK(result.intact);
  CHECK(result.report.servers[1].state == ServerState::kRefused);
  CHECK(result.report.servers[1].reason == RefuseReason::kNotHere);
  CHECK_EQ(result.servers[1].symbols_sent, 0u);
}

TEST(DuplicatesAndReorderingDoNoHarm) {
  SimulationScenario scenario = Scenario(2, 0.02, 8u << 20);
  for (SimulatedServer& server : scenario.servers) {
    server.jitter = 5'000;
    server.duplicate = 0.1;
  }
  const SimulationResult result = Simulate(scenario);
  CHECK(result.intact);
  for (const ServerReport& server : result.report.servers) {
    const double lost = static_cast<double>(server.lost) / static_cast<double>(server.lost + server.symbols);
    CHECK(lost < 0.05);  // what is under way at the end counts as lost
  }
  CHECK(result.report.decoding_symbols < result.report.source_symbols * 102 / 100);
}

TEST(TokensAreRenewedDuringALongFetch) {
  SimulationScenario scenario = Scenario(1, 0.01, 10u << 20);
  scenario.servers[0].bits_per_second = 1.4e6;  // a minute
  const SimulationResult result = Simulate(scenario);
  CHECK(result.intact);
  CHECK(result.virtual_micros > 60'000'000);
  CHECK(result.virtual_micros < 70'000'000);
  CHECK_EQ(result.servers[0].subscriptions_started, 1u);
  CHECK_EQ(result.servers[0].tokens_refused, 0u);
  CHECK(result.servers[0].tokens_issued >= 12);
}

TEST(ManyPathsOfDifferentRatesAreUsedInProportion) {
  SimulationScenario scenario = Scenario(4, 0.01, 32u << 20);
  const double rates[] = {200e6, 100e6, 50e6, 10e6};
  for (int i = 0; i < 4; i++) scenario.servers[i].bits_per_second = rates[i];
  const SimulationResult result = Simulate(scenario);
  CHECK(result.intact);
  CHECK(Efficiency(scenario, result) > 0.8);
  double sum = 0;
  for (const ServerReport& server : result.report.servers) sum += static_cast<double>(server.useful);
  for (int i = 0; i < 4; i++) {
    const double share = static_cast<double>(result.report.servers[i].useful) / sum;
    CHECK(std::abs(share - rates[i] / 360e6) < 0.05);
  }
}

TEST(ManyReadersShareTheLinesOfTheirServers) {
  SimulationScenario scenario = Scenario(3, 0.01, 4u << 20);
  scenario.readers = {{0, 1}, {1, 2}, {0, 2}, {0}};
  const SimulationResult result = Simulate(scenario);
  CHECK(result.done);
  CHECK(result.intact);
  CHECK_EQ(result.useful_bytes.size(), 4u);
  uint64_t sum = 0;
  for (const uint64_t bytes : result.useful_bytes) {
    CHECK(bytes >= 4u << 20);
    sum += bytes;
  }
  // No line carries more than it can, however many read from it.
  const double seconds = static_cast<double>(result.virtual_micros) / 1e6;
  CHECK(static_cast<double>(sum) * 8 / seconds < 3 * 100e6);
  CHECK_EQ(result.report.servers.size(), 2u);
}

TEST(AllServersDeadEndsAtTheLimit) {
  SimulationScenario scenario = Scenario(2, 0, 32u << 20);
  for (SimulatedServer& server : scenario.servers) server.kill_at = 200'000;
  scenario.limit = 20'000'000;
  const SimulationResult result = Simulate(scenario);
  CHECK(!result.done);
  for (const ServerReport& server : result.report.servers) CHECK(server.state == ServerState::kSilent);
  // Probes, not a storm: each server four times a second at most, and a heartbeat; the last one that served,
  // a sixth of a round trip apart for the 2 s until it counts as silent.
  CHECK(result.client.datagrams_out < 2 * 20 * 5 + 2'300 / 6);
}

TEST(TheSameSeedGivesTheSameFetch) {
  SimulationScenario scenario = Scenario(3, 0.1, 4u << 20);
  const SimulationResult one = Simulate(scenario);
  const SimulationResult two = Simulate(scenario);
  CHECK_EQ(one.virtual_micros, two.virtual_micros);
  CHECK_EQ(one.client.bytes_in, two.client.bytes_in);
  scenario.seed = 2;
  CHECK(Simulate(scenario).virtual_micros != one.virtual_micros);
}

}  // namespace
}  // namespace murky::rain
