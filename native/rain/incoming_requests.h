// Requests that came in. Each is handed up once, however often it is repeated; the answer is kept a while, so
// that a repeat gets the same one. Both are bounded.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_INCOMING_REQUESTS_H_
#define MURKY_RAIN_INCOMING_REQUESTS_H_

#include <list>
#include <unordered_map>
#include <vector>

#include "rain/notifications.h"
#include "rain/outbox.h"

namespace murky::rain {

constexpr size_t kAnswersKeptBytes = 4u << 20;
constexpr Micros kAnswerKept = 10'000'000;
// A request whose host never answers is forgotten, so that the limit cannot fill up for good.
constexpr Micros kUnansweredKept = 60'000'000;
// A kept answer goes out again at most so often: half of what an honest sender waits before it repeats.
constexpr Micros kRepeatPause = 100'000;

class IncomingRequests {
 public:
  IncomingRequests(const EngineLimits& limits, Outbox& outbox, EngineCounters& counters,
                   Notifications& notifications)
      : limits_(limits), outbox_(outbox), counters_(counters), notifications_(notifications) {}

  // Engine::set_handles.
  void set_handles(uint32_t remainder, uint32_t engines) {
    next_handle_ = uint64_t{remainder} + engines;
    handle_step_ = engines;
  }
  void OnRequest(const Address& from, uint64_t boot, const Request& request, Micros now);
  // False if the handle is unknown or the payload is too long.
  bool Respond(uint64_t handle, const uint8_t* payload, size_t bytes, Micros now);
  Micros OnTime(Micros now);

 private:
  struct Key {
    Address from;
    uint64_t boot;
    uint64_t id;
    bool operator==(const Key& other) const {
      return id == other.id && boot == other.boot && from == other.from;
    }
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return AddressHash()(key.from) ^ static_cast<size_t>((key.boot ^ key.id) * 0x9e3779b97f4a7c15u);
    }
  };
  struct Entry {
    Key key;
    uint64_t handle;
    Micros at;       // when it came, or was answered
    Micros sent_at;  // the answer, last
    std::vector<uint8_t> answer;
  };
  using Entries = std::list<Entry>;

  void Transmit(Entry& entry, Micros now);
  void CloseOne(const Entry& entry);  // answered, or given up
  void Forget(Entries& entries, Entries::iterator entry);

  const EngineLimits limits_;
  Outbox& outbox_;
  EngineCounters& counters_;
  Notifications& notifications_;
  uint64_t next_handle_ = 1;
  uint64_t handle_step_ = 1;
  size_t answer_bytes_ = 0;  // payload and bookkeeping
  Entries open_;             // oldest first
  Entries answered_;         // oldest first
  struct Place {
    Entries::iterator entry;
    bool answered;
  };
  std::unordered_map<Key, Place, KeyHash> index_;
  std::unordered_map<uint64_t, Entries::iterator> by_handle_;  // of the open ones
  std::unordered_map<Address, size_t, AddressHash> open_of_peer_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_INCOMING_REQUESTS_H_
