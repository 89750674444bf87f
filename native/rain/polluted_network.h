// A client whose fetches run over the simulated network from servers some of which send wrong symbols. The
// host of the client's engine is the caller, so that whoever drives real fetches can do it in virtual time.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_POLLUTED_NETWORK_H_
#define MURKY_RAIN_POLLUTED_NETWORK_H_

#include <memory>
#include <vector>

#include "rain/engine.h"
#include "rain/sim_network.h"

namespace murky::rain {

enum class Pollution : uint8_t {
  kNoise,   // another random symbol each time
  kFlip,    // one bit, somewhere
  kSteady,  // always the same change, so that wrong symbols seldom contradict each other
};

struct PollutedServer {
  LinkShape link;          // to the client; the way back has no limit and no loss
  double wrong_share = 0;  // of its symbols
  Pollution pollution = Pollution::kNoise;
  uint64_t most_wrong = UINT64_MAX;  // then it is honest: a liar that has been warned
};

class PollutedNetwork {
 public:
  // Every server has every block of every resource: the given bytes, cut into blocks.
  PollutedNetwork(uint64_t seed, std::vector<uint8_t> content, size_t block_bytes,
                  const std::vector<PollutedServer>& servers, EngineHost& host);
  ~PollutedNetwork();

  static Address ServerAddress(size_t server);  // of the server at that index
  Engine& client();
  Micros now() const { return network_.now(); }
  // To be called after the client was told something.
  void Wake();
  // Runs until `until`, or until `told` says that the host was told something.
  void Run(Micros until, const std::function<bool()>& told) { network_.Run(until, told); }
  uint64_t wrong_sent(size_t server) const;

 private:
  class Client;
  class Server;
  SimNetwork network_;
  std::vector<uint8_t> content_;
  const size_t block_bytes_;
  std::unique_ptr<Client> client_;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_POLLUTED_NETWORK_H_
