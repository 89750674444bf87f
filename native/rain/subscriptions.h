// The server's soft state: what each client wants of this node right now. It lives from heartbeat to
// heartbeat and is forgotten 5 s after the last one.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SUBSCRIPTIONS_H_
#define MURKY_RAIN_SUBSCRIPTIONS_H_

#include <deque>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "rain/block_cache.h"
#include "rain/outbox.h"
#include "rain/pacer.h"

namespace murky::rain {

constexpr Micros kSubscriptionExpiry = 5'000'000;  // after the last heartbeat
constexpr size_t kFirstBurstDatagrams = 32;        // back to back, for a client's first estimate of the path
constexpr size_t kBlocksAhead = 4;                 // asked of the host before their turn comes

struct SubscriptionKey {
  Address client;
  uint64_t boot = 0;  // the client's
  uint16_t fetch = 0;
  bool operator==(const SubscriptionKey& other) const {
    return fetch == other.fetch && boot == other.boot && client == other.client;
  }
};

struct SubscriptionKeyHash {
  size_t operator()(const SubscriptionKey& key) const {
    return AddressHash()(key.client) ^ static_cast<size_t>((key.boot ^ key.fetch) * 0x9e3779b97f4a7c15u);
  }
};

class Subscriptions {
 public:
  Subscriptions(const EngineLimits& limits, BlockCache& cache, Outbox& outbox, EngineCounters& counters);

  // The client's address has proved itself with a token.
  void OnSubscribe(const Address& from, uint64_t boot, const Subscribe& message, Micros now);
  void OnUnsubscribe(const Address& from, uint64_t boot, uint16_t fetch);
  // The host answered; all who wait for the block are served or refused.
  void OnProvided(const BlockId& id, size_t block_bytes, Micros now);
  void OnRefused(const BlockId& id, RefuseReason reason, Micros now);
  void Forget(uint64_t resource, Micros now);
  // Sends what is due. Returns when something is due next.
  Micros OnTime(Micros now);

 private:
  struct Peer {
    explicit Peer(uint64_t bits_per_second) : pacer(bits_per_second) {}
    size_t subscriptions = 0;
    Pacer pacer;
  };
  struct Subscription {
    Subscription(const SubscriptionKey& key, Peer* peer) : key(key), peer(peer), pacer(1) {}
    SubscriptionKey key;
    Peer* peer;
    uint64_t resource = 0;
    Version version{};
    size_t symbol_bytes = 0;
    uint32_t heartbeat = 0;
    Micros last_heard = 0;
    uint32_t highest_number = 0;  // of all ranges seen
    uint32_t sequence = 0;        // of the next SYMBOL
    std::deque<Range> ranges;     // not sent yet, in order; `from` and `count` shrink as symbols go out
    std::map<uint32_t, RefuseReason> refused;  // blocks that are still listed by the client
    Pacer pacer;
    uint64_t turn = 0;     // of its last burst: whoever waits longest under a common limit goes first
    Micros due = kNever;   // its place in the schedule
    bool waiting = false;  // for the host
  };
  using Table = std::unordered_map<SubscriptionKey, Subscription, SubscriptionKeyHash>;

  Subscription* Find(const SubscriptionKey& key, const Subscribe& message, Micros now);
  void Merge(Subscription& subscription, const Subscribe& message);
  void Prepare(Subscription& subscription, Micros now);
  void SendBurst(Subscription& subscription, const lt::Encoder& encoder, Micros now);
  void RefuseBlock(Subscription& subscription, uint32_t block, RefuseReason reason);
  void SendRefuse(const Address& to, uint16_t fetch, uint32_t block, RefuseReason reason);
  void Schedule(Subscription& subscription, Micros due);
  Table::iterator Erase(Table::iterator at);
  void Expire(Micros now);
  BlockId Id(const Subscription& subscription, uint32_t block) const {
    return {subscription.resource, subscription.version, block};
  }

  const EngineLimits limits_;
  BlockCache& cache_;
  Outbox& outbox_;
  EngineCounters& counters_;
  Pacer total_;
  std::unordered_map<Address, Peer, AddressHash> peers_;  // those with subscriptions
  Table table_;
  std::set<std::tuple<Micros, uint64_t, Subscription*>> schedule_;  // by time, then turn
  uint64_t turns_ = 0;
  Micros next_expiry_ = kNever;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SUBSCRIPTIONS_H_
