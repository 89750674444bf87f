// Requests that this node sent and that are not answered yet: repeated with exponential back-off until they
// are answered or timed out.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_OUTGOING_REQUESTS_H_
#define MURKY_RAIN_OUTGOING_REQUESTS_H_

#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rain/notifications.h"
#include "rain/outbox.h"
#include "rain/token_cache.h"

namespace murky::rain {

constexpr Micros kFirstRepeat = 200'000;  // doubled at each repeat
constexpr Micros kLongestRepeat = 600'000;

class OutgoingRequests {
 public:
  OutgoingRequests(const EngineLimits& limits, TokenCache& tokens, Outbox& outbox, EngineCounters& counters,
                   Notifications& notifications)
      : limits_(limits),
        tokens_(tokens),
        outbox_(outbox),
        counters_(counters),
        notifications_(notifications) {}

  // False over the limit, with a payload over kMostPayloadBytesSent or an id that is in use.
  bool Send(uint64_t id, const Address& to, const uint8_t* payload, size_t bytes, Micros timeout, Micros now);
  // Nobody waits for the answer any more: it is neither repeated nor told of.
  void Cancel(uint64_t id);
  bool Expects(uint64_t id, const Address& from) const;
  // The server's answer to a request that is expected from it.
  void OnToken(uint64_t id, const Token& token, Micros now);
  void OnResponse(const Address& from, const Response& response, Micros now);
  Micros OnTime(Micros now);

 private:
  struct Pending {
    Address to;
    std::vector<uint8_t> payload;
    Micros asked_at = 0;
    Micros proven_at = kNever;  // when it first went out with a token: nothing before is answered
    Micros deadline = 0;
    Micros repeat_after = kFirstRepeat;
    Micros due = 0;           // its place in the schedule
    bool token_used = false;  // a TOKEN is followed at once, but only once per repeat: no endless exchange
  };

  void Transmit(uint64_t id, Pending& pending, Micros now);

  const EngineLimits limits_;
  TokenCache& tokens_;
  Outbox& outbox_;
  EngineCounters& counters_;
  Notifications& notifications_;
  std::unordered_map<uint64_t, Pending> pending_;
  std::set<std::pair<Micros, uint64_t>> schedule_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_OUTGOING_REQUESTS_H_
