// One client or several that fetch an object from several servers over the simulated network, with the engine
// as it runs on a socket. Seals are left out for speed; their bytes are counted on the links all the same.
#ifndef MURKY_RAIN_SIMULATION_H_
#define MURKY_RAIN_SIMULATION_H_

#include <vector>

#include "rain/engine.h"
#include "rain/rival_flow.h"

namespace murky::rain {

struct SimulatedServer {
  double bits_per_second = 100e6;           // of IP packets, from the server to the client; 0: without limit
  uint64_t known_rate_bits_per_second = 0;  // what the client was foretold of the path; 0: nothing
  Micros delay = 20'000;                    // one way
  double loss = 0;                          // each way
  double loss_burst = 1;                    // mean length of a run of losses, each way
  double request_loss = 0;                  // of what the client sends, beyond `loss`
  Micros queue = 50'000;
  Micros jitter = 0;
  double duplicate = 0;
  Micros kill_at = kNever;
  Micros back_after = kNever;     // how long after it was killed it is started again
  Micros stall_at = kNever;       // from then on it neither takes nor sends anything
  Micros stall_for = 0;           // so long
  Micros join_at = 0;             // when the client hears of it
  bool empty = false;             // has not got the object
  std::vector<RivalKind> rivals;  // each one a flow from the server to the client, through the same queue
};

struct SimulationScenario {
  uint64_t seed = 1;
  size_t object_bytes = 1 << 20;
  size_t symbol_bytes = 1344;
  // At most, as a node has it; within it the client looks ahead as far as the paths need.
  size_t window_blocks = 46;
  std::vector<SimulatedServer> servers;
  // Each reader's servers, by index. Reader 0 is the client of the result; each reads a resource of its own,
  // and what a server sends to all of them goes through one queue. Empty: one reader, of all servers.
  std::vector<std::vector<size_t>> readers;
  Micros limit = 600'000'000;
  // The client first asks every server something, as a node looks up an object's version before it fetches
  // it, and has their tokens from then on. All times, also those below, count from the fetch's beginning.
  bool look_up_first = false;
  Micros rivals_from = 0;        // when rivals begin,
  Micros rivals_until = kNever;  // and when they send no more
  Micros shares_from = 0;        // when bytes begin to count in `SimulatedShare`
};

// Bytes of IP that came through a server's link.
struct SimulatedShare {
  uint64_t fetch = 0;
  uint64_t rivals = 0;
};

struct SimulationResult {
  bool done = false;
  bool intact = false;        // every block is as it was put
  Micros virtual_micros = 0;  // from the fetch's beginning to its end
  Micros first_block_micros = 0;
  FetchReport report;
  Micros queue_median = 0;  // queueing delay of symbols at the servers' links
  Micros queue_p95 = 0;
  uint64_t sent_twice = 0;  // symbols that some server had sent before
  // The most that blocks took at a time: being decoded, and decoded but not yet handed on in their order.
  uint64_t most_bytes_held = 0;
  EngineCounters client;
  std::vector<EngineCounters> servers;
  std::vector<SimulatedShare> shares;  // by server
  std::vector<uint64_t> useful_bytes;  // by reader: of the symbols that its decoders took
};

// Runs to the end of the fetch or to the limit.
SimulationResult Simulate(const SimulationScenario& scenario);

}  // namespace murky::rain

#endif  // MURKY_RAIN_SIMULATION_H_
