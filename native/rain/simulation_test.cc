// The engine on the simulated network: whole fetches in virtual time.
#include "rain/simulation.h"

#include "testing/check.h"

namespace murky::rain {
namespace {

SimulationScenario Scenario(size_t servers, double loss, size_t bytes) {
  SimulationScenario scenario;
  scenario.object_bytes = bytes;
  SimulatedServer server;
  server.loss = loss;
  server.delay = 20'000;
  scenario.servers.assign(servers, server);
  return scenario;
}

TEST(FetchIsIntactAtAnyLoss) {
  for (const size_t servers : {1, 2, 4}) {
    for (const double loss : {0.0, 0.01, 0.05, 0.2, 0.5}) {
      const SimulationResult result = Simulate(Scenario(servers, loss, 3'000'000));
      CHECK(result.done);
      CHECK(result.intact);
    }
  }
}

}  // namespace
}  // namespace murky::rain
