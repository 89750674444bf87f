// The fetches of an engine, by the handle the host knows and the name on the wire, and when each is due.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_FETCHES_H_
#define MURKY_RAIN_FETCHES_H_

#include <algorithm>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "rain/fetch.h"

namespace murky::rain {

class Fetches {
 public:
  Fetches(const EngineLimits& limits, TokenCache& tokens, Outbox& outbox, EngineCounters& counters,
          Notifications& notifications, Random& random)
      : limits_(limits),
        tokens_(tokens),
        outbox_(outbox),
        counters_(counters),
        notifications_(notifications),
        next_name_(static_cast<uint16_t>(random.Next())),
        digest_(random.Next()) {}

  // Engine::set_handles.
  void set_handles(uint32_t remainder, uint32_t engines) {
    first_handle_ = next_handle_ = remainder + engines;
    handle_step_ = engines;
  }
  uint32_t Open(const FetchSpec& spec, Micros now);  // 0 if it cannot be
  void Close(uint32_t handle, Micros now);

  // Calls `use` with the fetch and sees when it is due then. False if there is none.
  template <typename Use>
  bool With(uint32_t handle, Use use) {
    const auto found = fetches_.find(handle);
    if (found == fetches_.end()) return false;
    use(*found->second.fetch);
    Schedule(found->first, found->second);
    return true;
  }
  template <typename Use>
  bool WithNamed(uint16_t name, Use use) {
    const auto found = by_name_.find(name);
    return found != by_name_.end() && With(found->second, use);
  }
  // The one that takes the shared symbols of this version.
  template <typename Use>
  bool WithStream(uint64_t stream, Use use) {
    const auto found = by_stream_.find(stream);
    return found != by_stream_.end() && With(found->second, use);
  }
  // True if any fetch has use for the multicast group.
  bool listening(Micros now) const {
    return limits_.group.port != 0 && std::any_of(fetches_.begin(), fetches_.end(), [now](const auto& each) {
             return each.second.fetch->Listens(now);
           });
  }
  const Fetch* Find(uint32_t handle) const {
    const auto found = fetches_.find(handle);
    return found == fetches_.end() ? nullptr : found->second.fetch.get();
  }

  Micros OnTime(Micros now);

 private:
  struct Entry {
    std::unique_ptr<Fetch> fetch;
    Micros due = kNever;  // its place in the schedule
  };

  uint32_t NextHandle();
  void Schedule(uint32_t handle, Entry& entry);

  const EngineLimits limits_;
  TokenCache& tokens_;
  Outbox& outbox_;
  EngineCounters& counters_;
  Notifications& notifications_;
  uint32_t first_handle_ = 1;
  uint32_t handle_step_ = 1;
  uint32_t next_handle_ = 1;
  uint16_t next_name_;  // starts anywhere, so that a restarted node is not mistaken for itself
  const SymbolDigest digest_;
  std::unordered_map<uint32_t, Entry> fetches_;
  std::unordered_map<uint16_t, uint32_t> by_name_;
  std::unordered_map<uint64_t, uint32_t> by_stream_;  // the first of those that are open
  std::set<std::pair<Micros, uint32_t>> schedule_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_FETCHES_H_
