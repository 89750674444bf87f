// Servers that die while a fetch runs: what was asked of them has to come from the others, to the last
// symbol.
#include "rain/simulation.h"
#include "testing/check.h"

namespace murky::rain {
namespace {

TEST(TheLastServerGivesWhatTheDeadOnesOwe) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    SimulationScenario scenario;
    scenario.seed = seed;
    scenario.object_bytes = 8 << 20;
    scenario.limit = 20'000'000;
    scenario.servers.assign(3, SimulatedServer{});
    scenario.servers[0].kill_at = 200'000;
    scenario.servers[1].kill_at = 250'000;
    const SimulationResult result = Simulate(scenario);
    CHECK(result.done);
    CHECK(result.intact);
  }
}

}  // namespace
}  // namespace murky::rain
