#include "rain/subscriptions.h"

#include <algorithm>

#include "rain/peer.h"

namespace murky::rain {

Subscriptions::Subscriptions(const EngineLimits& limits, BlockCache& cache, Outbox& outbox,
                             EngineCounters& counters, uint32_t first_group_esi)
    : limits_(limits),
      cache_(cache),
      outbox_(outbox),
      counters_(counters),
      schedule_(limits.max_rate_bits_per_second),
      pour_(limits, cache, outbox, counters, first_group_esi) {}

void Subscriptions::OnSubscribe(const Address& from, uint64_t boot, const Subscribe& message, Micros now) {
  const size_t symbol_bytes = static_cast<size_t>(message.symbol_units) * lt::kSymbolAlignment;
  if (!lt::ValidSymbolBytes(symbol_bytes)) {
    counters_.dropped_malformed++;
    return;
  }
  Subscription* subscription = Find(SubscriptionKey{from, boot, message.fetch}, message, now);
  if (!subscription) {
    counters_.dropped_limit++;
    const uint32_t block = message.ranges.empty() ? kManifestBlock : message.ranges.front().block;
    // Shorter than what it answers, so that it needs no limit.
    outbox_.Send(from, WriteRefuse({RefuseReason::kBusy, message.fetch, block}, outbox_.inner()));
    return;
  }
  if (message.heartbeat < subscription->heartbeat) return;
  subscription->heartbeat = message.heartbeat;
  subscription->last_heard = now;
  subscription->pacer.SetRate(static_cast<uint64_t>(message.rate_kbit) * 1000);
  subscription->mark_due = true;
  Merge(*subscription, message, now);
  Prepare(*subscription, now);
}

// The subscription of that name; a new one where there is none or it was for something else. Null over the
// limits.
Subscriptions::Subscription* Subscriptions::Find(const SubscriptionKey& key, const Subscribe& message,
                                                 Micros now) {
  const size_t symbol_bytes = static_cast<size_t>(message.symbol_units) * lt::kSymbolAlignment;
  auto found = table_.find(key);
  if (found != table_.end()) {
    const Subscription& old = found->second;
    if (old.resource == message.resource && old.version == message.version &&
        old.symbol_bytes == symbol_bytes) {
      return &found->second;
    }
    if (message.heartbeat < old.heartbeat) return &found->second;
    Erase(found, now);
  }
  if (table_.size() >= limits_.max_subscriptions) return nullptr;
  Peers::value_type* peer = PeerFor(key.client, now);
  if (!peer || peer->second.subscriptions >= limits_.max_subscriptions_per_peer) return nullptr;
  peer->second.subscriptions++;
  const size_t bits = outbox_.IpPayloadBits(kSymbolHeaderBytes + symbol_bytes);
  Subscription& made = table_.try_emplace(key, key, ++next_number_, *peer, bits).first->second;
  made.resource = message.resource;
  made.version = message.version;
  made.symbol_bytes = symbol_bytes;
  made.last_heard = now;
  made.pacer.SetRate(static_cast<uint64_t>(message.rate_kbit) * 1000);
  made.pacer.Allow(bits * kFirstBurstDatagrams, now);
  counters_.subscriptions_started++;
  counters_.subscriptions_active = table_.size();
  next_expiry_ = std::min(next_expiry_, now + kSubscriptionExpiry);
  return &made;
}

// The peer of this address. One that ended all its subscriptions is kept until its rate has caught up with
// what it was sent: nobody gets round the limit by beginning anew. Null if there are too many.
Subscriptions::Peers::value_type* Subscriptions::PeerFor(const Address& client, Micros now) {
  const Address address = PeerOf(client);
  if (const auto found = peers_.find(address); found != peers_.end()) return &*found;
  const size_t most = 2 * limits_.max_subscriptions;
  if (peers_.size() >= most) {
    for (auto at = peers_.begin(); at != peers_.end();) {
      const bool forget = at->second.subscriptions == 0 && schedule_.Settled(at->second.share, now);
      at = forget ? peers_.erase(at) : std::next(at);
    }
    if (peers_.size() >= most) return nullptr;
  }
  Peer peer{0, {++next_number_, limits_.max_rate_per_peer_bits_per_second}};
  return &*peers_.emplace(address, std::move(peer)).first;
}

// As wire.h says: what is no longer listed is cancelled, numbers above all seen so far are new. Both lists
// ascend, so that one pass tells.
void Subscriptions::Merge(Subscription& subscription, const Subscribe& message, Micros now) {
  std::deque<Range> kept;
  auto listed = message.ranges.begin();
  for (const Range& range : subscription.ranges) {
    while (listed != message.ranges.end() && listed->number < range.number) ++listed;
    if (listed != message.ranges.end() && listed->number == range.number) kept.push_back(range);
  }
  subscription.ranges = std::move(kept);
  std::map<uint32_t, RefuseReason> refused;
  uint32_t highest = subscription.highest_number;
  for (const Range& range : message.ranges) {
    const auto known = subscription.refused.find(range.block);
    if (range.number > subscription.highest_number) {
      highest = range.number;
      // A new range for a refused block is another try.
      if (known != subscription.refused.end()) subscription.refused.erase(known);
      subscription.ranges.push_back(range);
    } else if (known != subscription.refused.end() && refused.emplace(*known).second) {
      // The client still lists what was refused: the REFUSE was lost.
      TellRefusal(subscription, known->first, known->second, now);
    }
  }
  subscription.highest_number = highest;
  subscription.refused = std::move(refused);
}

// Sees that the blocks whose turn comes next are here, and puts the subscription where it belongs: in the
// schedule, waiting for the host, or idle.
void Subscriptions::Prepare(Subscription& subscription, Micros now) {
  subscription.waiting = false;
  size_t distinct = 0;
  uint32_t block = 0;
  for (size_t i = 0; i < subscription.ranges.size() && distinct < kBlocksAhead; i++) {
    if (distinct > 0 && subscription.ranges[i].block == block) continue;
    block = subscription.ranges[i].block;
    const bool first = distinct++ == 0;
    const BlockId id = Id(subscription, block);
    if (cache_.Find(id, subscription.symbol_bytes)) continue;
    const bool asked = cache_.Ask(id, subscription.symbol_bytes, now);
    if (!first) continue;
    if (!asked) {
      counters_.dropped_limit++;
      RefuseBlock(subscription, block, RefuseReason::kBusy, now);
      return Prepare(subscription, now);
    }
    subscription.waiting = true;
  }
  if (subscription.ranges.empty() || subscription.waiting) {
    schedule_.Stop(subscription);
  } else {
    schedule_.Start(subscription, now);
  }
}

Micros Subscriptions::OnTime(Micros now) {
  if (next_expiry_ <= now) Expire(now);
  if (pour_.due() <= now) pour_.Prepare(schedule_, now);
  // One turn each for those that are due: whoever has more to send than a burst gets its next turn in the
  // next call, so that datagrams are received in between.
  for (size_t turns = schedule_.Turns(now); turns > 0; turns--) {
    SendSchedule::Flow* next = schedule_.Take(now);
    if (!next) break;
    if (pour_.Is(next)) {
      pour_.TakeTurn(schedule_, now);
      continue;
    }
    auto& subscription = static_cast<Subscription&>(*next);
    const BlockId id = Id(subscription, subscription.ranges.front().block);
    ServedBlock* block = cache_.Find(id, subscription.symbol_bytes);
    if (block) SendBurst(subscription, *block, now);
    Prepare(subscription, now);
    schedule_.EndTurn(subscription, now);
  }
  return std::min({next_expiry_, schedule_.Due(), pour_.due()});
}

void Subscriptions::OnProvided(const BlockId& id, size_t block_bytes, Micros now) {
  for (auto& [key, subscription] : table_) {
    if (!subscription.waiting || !(Id(subscription, subscription.ranges.front().block) == id)) continue;
    if (!lt::ValidBlock(block_bytes, subscription.symbol_bytes)) {
      RefuseBlock(subscription, id.block, RefuseReason::kBadShape, now);
    }
    Prepare(subscription, now);
  }
  pour_.Prepare(schedule_, now);
}

void Subscriptions::OnRefused(const BlockId& id, RefuseReason reason, Micros now) {
  pour_.OnRefused(schedule_, id, now);
  for (auto& [key, subscription] : table_) {
    if (subscription.resource != id.resource || subscription.version != id.version) continue;
    RefuseBlock(subscription, id.block, reason, now);
    Prepare(subscription, now);
  }
}

void Subscriptions::Forget(uint64_t resource, Micros now) {
  for (auto& [key, subscription] : table_) {
    if (subscription.resource != resource) continue;
    while (!subscription.ranges.empty()) {
      RefuseBlock(subscription, subscription.ranges.front().block, RefuseReason::kNotHere, now);
    }
    Prepare(subscription, now);
  }
}

void Subscriptions::RefuseBlock(Subscription& subscription, uint32_t block, RefuseReason reason, Micros now) {
  auto& ranges = subscription.ranges;
  const size_t before = ranges.size();
  ranges.erase(std::remove_if(ranges.begin(), ranges.end(),
                              [block](const Range& range) { return range.block == block; }),
               ranges.end());
  if (ranges.size() == before) return;
  subscription.refused[block] = reason;
  TellRefusal(subscription, block, reason, now);
}

void Subscriptions::TellRefusal(Subscription& subscription, uint32_t block, RefuseReason reason, Micros now) {
  const size_t bytes = WriteRefuse({reason, subscription.key.fetch, block}, outbox_.inner());
  if (!schedule_.SpendOnAnswer(subscription.peer.second.share, outbox_.IpPayloadBits(bytes), now)) {
    counters_.dropped_limit++;
    return;
  }
  outbox_.Send(subscription.key.client, bytes);
}

void Subscriptions::OnJoin(const Address& from, uint64_t boot, uint16_t fetch) {
  const auto found = table_.find(SubscriptionKey{from, boot, fetch});
  if (found == table_.end() || found->second.stream) return;
  Subscription& subscription = found->second;
  subscription.stream =
      streams_.Join(StreamId(subscription.resource, subscription.version), subscription.symbol_bytes);
}

void Subscriptions::OnListen(const Address& from, uint64_t boot, const Listen& message, Micros now) {
  const auto found = table_.find(SubscriptionKey{from, boot, message.fetch});
  if (found == table_.end()) return;
  const Subscription& subscription = found->second;
  GroupPour::Wish wish;
  wish.machine = from;
  if (!from.is_loopback()) wish.machine.port = 0;
  wish.stream = StreamId(subscription.resource, subscription.version);
  wish.resource = subscription.resource;
  wish.version = subscription.version;
  wish.symbol_bytes = subscription.symbol_bytes;
  wish.first = message.first;
  wish.last = message.last;
  wish.until = now + kListeningExpiry;
  pour_.Listen(schedule_, subscription.number, wish, now);
}

void Subscriptions::OnUnsubscribe(const Address& from, uint64_t boot, uint16_t fetch, Micros now) {
  const auto found = table_.find(SubscriptionKey{from, boot, fetch});
  if (found != table_.end()) Erase(found, now);
}

Subscriptions::Table::iterator Subscriptions::Erase(Table::iterator at, Micros now) {
  Subscription& subscription = at->second;
  schedule_.Stop(subscription);
  pour_.Leave(subscription.number);
  if (subscription.stream) streams_.Leave(subscription.stream->id, subscription.symbol_bytes);
  auto& [address, peer] = subscription.peer;
  if (--peer.subscriptions == 0 && schedule_.Settled(peer.share, now)) peers_.erase(Address(address));
  const auto next = table_.erase(at);
  counters_.subscriptions_active = table_.size();
  return next;
}

void Subscriptions::Expire(Micros now) {
  next_expiry_ = kNever;
  for (auto at = table_.begin(); at != table_.end();) {
    const Micros expiry = at->second.last_heard + kSubscriptionExpiry;
    if (expiry <= now) {
      counters_.subscriptions_expired++;
      at = Erase(at, now);
    } else {
      next_expiry_ = std::min(next_expiry_, expiry);
      ++at;
    }
  }
}

}  // namespace murky::rain
