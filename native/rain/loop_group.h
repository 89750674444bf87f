// The packet loops of a node: one thread, or several that share one port (pouring-rain.threads). A datagram
// reaches the loop of its sender (PlaceOf), so a client has one loop that serves it, and a request goes out
// from the loop that its answer will reach. Fetches are dealt out in turn; each loop has a port of its own
// for them.
//
// Each loop has an engine, subscriptions, tokens and a boot id (and so its own keys and nonces) of its own,
// and an even share of every limit: together they keep to it, whatever lands where. (Only of its requests one
// peer may have as many as ever in the loop that they reach, up to half of its share.) What one peer is sent
// is bounded by its share in the loop that serves it.
//
// Thread-safety: as Loop's.
#ifndef MURKY_RAIN_LOOP_GROUP_H_
#define MURKY_RAIN_LOOP_GROUP_H_

#include <atomic>
#include <memory>
#include <vector>

#include "rain/loop.h"

namespace murky::rain {

constexpr size_t kMaxLoops = 16;

class LoopGroup {
 public:
  // As Loop::Start, with options.threads loops: fewer, namely one, where the system cannot share a port so.
  // The host of each is told on its thread; there is one for each of options.threads, 1 to kMaxLoops.
  static std::unique_ptr<LoopGroup> Start(const LoopOptions& options, const std::vector<LoopHost*>& hosts,
                                          Failure* failure);

  const Address& local() const { return loops_.front()->local(); }
  size_t size() const { return loops_.size(); }
  // The loop that gave this handle to a fetch or to a request that came in.
  Loop& OfHandle(uint64_t handle) { return *loops_[handle % loops_.size()]; }
  // The loop that requests to this address go out from.
  Loop& OfPeer(const Address& peer);
  // Opens a fetch on the loop whose turn it is, or on another where that one may run no more. The handle; 0
  // if none may.
  uint32_t OpenFetch(const FetchSpec& spec);
  // Loop::Post to each of them.
  void PostToAll(const Command& command, size_t bytes = 0);
  Loop& at(size_t index) { return *loops_[index]; }
  // Of all together; also after Stop.
  LoopCounters Counters();
  void Stop();  // as Loop's, all

 private:
  LoopGroup() = default;

  std::vector<std::unique_ptr<Loop>> loops_;
  std::atomic<size_t> turn_{0};
};

// What each of so many engines may use, so that all keep to `limits`; 1 at least of everything.
EngineLimits ShareOf(const EngineLimits& limits, size_t engines);

}  // namespace murky::rain

#endif  // MURKY_RAIN_LOOP_GROUP_H_
