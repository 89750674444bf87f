// The server's soft state: what each client wants of this node right now. It lives from heartbeat to
// heartbeat and is forgotten 5 s after the last one.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SUBSCRIPTIONS_H_
#define MURKY_RAIN_SUBSCRIPTIONS_H_

#include <deque>
#include <map>
#include <unordered_map>

#include "rain/block_cache.h"
#include "rain/group_pour.h"
#include "rain/outbox.h"
#include "rain/send_schedule.h"
#include "rain/shared_streams.h"

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
  // `first_group_esi` as GroupPour's.
  Subscriptions(const EngineLimits& limits, BlockCache& cache, Outbox& outbox, EngineCounters& counters,
                uint32_t first_group_esi);

  // The client's address has proved itself with a token.
  void OnSubscribe(const Address& from, uint64_t boot, const Subscribe& message, Micros now);
  // That client takes shared symbols for this subscription, if it has it.
  void OnJoin(const Address& from, uint64_t boot, uint16_t fetch);
  // It hears the multicast group.
  void OnListen(const Address& from, uint64_t boot, const Listen& message, Micros now);
  void OnUnsubscribe(const Address& from, uint64_t boot, uint16_t fetch, Micros now);
  // The host answered; all who wait for the block are served or refused.
  void OnProvided(const BlockId& id, size_t block_bytes, Micros now);
  void OnRefused(const BlockId& id, RefuseReason reason, Micros now);
  void Forget(uint64_t resource, Micros now);
  // Sends what is due. Returns when something is due next.
  Micros OnTime(Micros now);

 private:
  struct Peer {
    size_t subscriptions = 0;
    SendSchedule::Peer share;
  };
  using Peers = std::unordered_map<Address, Peer, AddressHash>;
  struct Subscription : SendSchedule::Flow {
    Subscription(const SubscriptionKey& key, uint64_t number, Peers::value_type& peer, size_t datagram_bits)
        : Flow(number, &peer.second.share, datagram_bits), number(number), key(key), peer(peer) {}
    const uint64_t number;
    SubscriptionKey key;
    Peers::value_type& peer;
    uint64_t resource = 0;
    Version version{};
    size_t symbol_bytes = 0;
    uint32_t heartbeat = 0;
    Micros last_heard = 0;
    uint32_t highest_number = 0;                // of all ranges seen
    uint32_t sequence = 0;                      // of the next SYMBOL, or of one that is shared
    size_t own_symbols = kFirstBurstDatagrams;  // to come before shared ones: the client times them
    SharedStreams::Stream* stream = nullptr;    // where it takes shared symbols
    Micros marked = 0;
    uint32_t marked_sequence = 0;
    bool mark_due = true;      // a heartbeat came: the client is about to look at what it has measured
    std::deque<Range> ranges;  // not sent yet, in order; `from` and `count` shrink as symbols go out
    std::map<uint32_t, RefuseReason> refused;  // blocks that are still listed by the client
    bool waiting = false;                      // for the host
  };
  using Table = std::unordered_map<SubscriptionKey, Subscription, SubscriptionKeyHash>;

  Subscription* Find(const SubscriptionKey& key, const Subscribe& message, Micros now);
  Peers::value_type* PeerFor(const Address& client, Micros now);
  void Merge(Subscription& subscription, const Subscribe& message, Micros now);
  void Prepare(Subscription& subscription, Micros now);
  void SendBurst(Subscription& subscription, ServedBlock& block, Micros now);
  void SendSymbol(Subscription& subscription, ServedBlock& block, uint32_t number, uint32_t esi, Micros now);
  void SendShared(Subscription& subscription, ServedBlock& block, uint32_t number, uint32_t esi);
  void SendMark(Subscription& subscription, Micros now);
  void RefuseBlock(Subscription& subscription, uint32_t block, RefuseReason reason, Micros now);
  // Within the limits of the rate; one that is left out follows when the client lists the block again.
  void TellRefusal(Subscription& subscription, uint32_t block, RefuseReason reason, Micros now);
  Table::iterator Erase(Table::iterator at, Micros now);
  void Expire(Micros now);
  BlockId Id(const Subscription& subscription, uint32_t block) const {
    return {subscription.resource, subscription.version, block};
  }

  const EngineLimits limits_;
  BlockCache& cache_;
  Outbox& outbox_;
  EngineCounters& counters_;
  SendSchedule schedule_;
  SharedStreams streams_;
  GroupPour pour_;
  Peers peers_;  // those with subscriptions, and those whose rate is not settled yet
  Table table_;
  uint64_t next_number_ = 0;  // of peers and subscriptions
  Micros next_expiry_ = kNever;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SUBSCRIPTIONS_H_
