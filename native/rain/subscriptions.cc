#include "rain/subscriptions.h"

#include <algorithm>

namespace murky::rain {

namespace {

// A peer is an IP address, so that a client gains nothing by asking from many ports; on loopback, where all
// nodes of a machine share one, it is address and port.
Address PeerOf(const Address& client) {
  Address peer = client;
  if (!client.is_loopback()) peer.port = 0;
  return peer;
}

}  // namespace

Subscriptions::Subscriptions(const EngineLimits& limits, BlockCache& cache, Outbox& outbox,
                             EngineCounters& counters)
    : limits_(limits),
      cache_(cache),
      outbox_(outbox),
      counters_(counters),
      total_(limits.max_rate_bits_per_second) {}

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
    SendRefuse(from, message.fetch, block, RefuseReason::kBusy);
    return;
  }
  if (message.heartbeat < subscription->heartbeat) return;
  subscription->heartbeat = message.heartbeat;
  subscription->last_heard = now;
  subscription->pacer.SetRate(static_cast<uint64_t>(message.rate_kbit) * 1000);
  Merge(*subscription, message);
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
    Erase(found);
  }
  if (table_.size() >= limits_.max_subscriptions) return nullptr;
  Peer& peer =
      peers_.try_emplace(PeerOf(key.client), limits_.max_rate_per_peer_bits_per_second).first->second;
  if (peer.subscriptions >= limits_.max_subscriptions_per_peer) return nullptr;
  peer.subscriptions++;
  Subscription& made = table_.try_emplace(key, key, &peer).first->second;
  made.resource = message.resource;
  made.version = message.version;
  made.symbol_bytes = symbol_bytes;
  made.last_heard = now;
  made.pacer.SetRate(static_cast<uint64_t>(message.rate_kbit) * 1000);
  made.pacer.Allow(outbox_.IpPayloadBits(kSymbolHeaderBytes + symbol_bytes) * kFirstBurstDatagrams, now);
  counters_.subscriptions_started++;
  counters_.subscriptions_active = table_.size();
  next_expiry_ = std::min(next_expiry_, now + kSubscriptionExpiry);
  return &made;
}

// As wire.h says: what is no longer listed is cancelled, numbers above all seen so far are new.
void Subscriptions::Merge(Subscription& subscription, const Subscribe& message) {
  auto& ranges = subscription.ranges;
  const auto listed = [&message](const Range& range) {
    return std::any_of(message.ranges.begin(), message.ranges.end(),
                       [&range](const Range& other) { return other.number == range.number; });
  };
  ranges.erase(
      std::remove_if(ranges.begin(), ranges.end(), [&](const Range& range) { return !listed(range); }),
      ranges.end());
  std::map<uint32_t, RefuseReason> refused;
  uint32_t highest = subscription.highest_number;
  for (const Range& range : message.ranges) {
    const auto known = subscription.refused.find(range.block);
    if (range.number > subscription.highest_number) {
      if (range.number <= highest) continue;  // not ascending: the client breaks the rule
      highest = range.number;
      // A new range for a refused block is another try.
      if (known != subscription.refused.end()) subscription.refused.erase(known);
      ranges.push_back(range);
    } else if (known != subscription.refused.end() && refused.emplace(*known).second) {
      // The client still lists what was refused: the REFUSE was lost.
      SendRefuse(subscription.key.client, subscription.key.fetch, known->first, known->second);
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
      RefuseBlock(subscription, block, RefuseReason::kBusy);
      return Prepare(subscription, now);
    }
    subscription.waiting = true;
  }
  if (subscription.ranges.empty() || subscription.waiting) {
    Schedule(subscription, kNever);
  } else {
    const size_t bits = outbox_.IpPayloadBits(kSymbolHeaderBytes + subscription.symbol_bytes);
    Schedule(subscription, std::max({subscription.pacer.BurstDue(bits),
                                     subscription.peer->pacer.BurstDue(bits), total_.BurstDue(bits)}));
  }
}

Micros Subscriptions::OnTime(Micros now) {
  if (next_expiry_ <= now) Expire(now);
  // One round over those that are due: whoever has more to send than a burst gets its next turn in the next
  // call, so that datagrams are received in between.
  auto at = schedule_.begin();
  std::vector<Subscription*> due;
  for (; at != schedule_.end() && std::get<Micros>(*at) <= now; ++at)
    due.push_back(std::get<Subscription*>(*at));
  for (Subscription* subscription : due) {
    Schedule(*subscription, kNever);
    const BlockId id = Id(*subscription, subscription->ranges.front().block);
    const lt::Encoder* encoder = cache_.Find(id, subscription->symbol_bytes);
    if (encoder) SendBurst(*subscription, *encoder, now);
    Prepare(*subscription, now);
  }
  return std::min(next_expiry_, schedule_.empty() ? kNever : std::get<Micros>(*schedule_.begin()));
}

void Subscriptions::SendBurst(Subscription& subscription, const lt::Encoder& encoder, Micros now) {
  const size_t inner_bytes = kSymbolHeaderBytes + subscription.symbol_bytes;
  const size_t bits = outbox_.IpPayloadBits(inner_bytes);
  const uint32_t block = subscription.ranges.front().block;
  Peer& peer = *subscription.peer;
  for (int sent = 0; sent < kBurstDatagrams && !subscription.ranges.empty(); sent++) {
    Range& range = subscription.ranges.front();
    if (range.block != block) break;  // that one's encoder may have to be fetched
    if (!subscription.pacer.Ready(now) || !peer.pacer.Ready(now) || !total_.Ready(now)) break;
    subscription.pacer.Spend(bits, now);
    peer.pacer.Spend(bits, now);
    total_.Spend(bits, now);

    SymbolHeader header;
    header.fetch = subscription.key.fetch;
    header.sequence = subscription.sequence;
    header.time = static_cast<uint32_t>(now) & 0xffffff;
    header.esi = range.from;
    header.block = block;
    WriteSymbolHeader(header, outbox_.inner());
    encoder.Symbol(range.from, outbox_.inner() + kSymbolHeaderBytes);
    outbox_.Send(subscription.key.client, inner_bytes);
    counters_.symbols_sent++;
    subscription.turn = ++turns_;

    subscription.sequence = (subscription.sequence + 1) & 0xffffff;
    range.from++;
    if (--range.count == 0) subscription.ranges.pop_front();
  }
}

void Subscriptions::OnProvided(const BlockId& id, size_t block_bytes, Micros now) {
  for (auto& [key, subscription] : table_) {
    if (!subscription.waiting || !(Id(subscription, subscription.ranges.front().block) == id)) continue;
    if (!lt::ValidBlock(block_bytes, subscription.symbol_bytes)) {
      RefuseBlock(subscription, id.block, RefuseReason::kBadShape);
    }
    Prepare(subscription, now);
  }
}

void Subscriptions::OnRefused(const BlockId& id, RefuseReason reason, Micros now) {
  for (auto& [key, subscription] : table_) {
    if (subscription.resource != id.resource || subscription.version != id.version) continue;
    RefuseBlock(subscription, id.block, reason);
    Prepare(subscription, now);
  }
}

void Subscriptions::Forget(uint64_t resource, Micros now) {
  for (auto& [key, subscription] : table_) {
    if (subscription.resource != resource) continue;
    while (!subscription.ranges.empty()) {
      RefuseBlock(subscription, subscription.ranges.front().block, RefuseReason::kNotHere);
    }
    Prepare(subscription, now);
  }
}

void Subscriptions::RefuseBlock(Subscription& subscription, uint32_t block, RefuseReason reason) {
  auto& ranges = subscription.ranges;
  const size_t before = ranges.size();
  ranges.erase(std::remove_if(ranges.begin(), ranges.end(),
                              [block](const Range& range) { return range.block == block; }),
               ranges.end());
  if (ranges.size() == before) return;
  subscription.refused[block] = reason;
  SendRefuse(subscription.key.client, subscription.key.fetch, block, reason);
}

void Subscriptions::SendRefuse(const Address& to, uint16_t fetch, uint32_t block, RefuseReason reason) {
  Refuse message;
  message.reason = reason;
  message.fetch = fetch;
  message.block = block;
  outbox_.Send(to, WriteRefuse(message, outbox_.inner()));
}

void Subscriptions::OnUnsubscribe(const Address& from, uint64_t boot, uint16_t fetch) {
  const auto found = table_.find(SubscriptionKey{from, boot, fetch});
  if (found != table_.end()) Erase(found);
}

void Subscriptions::Schedule(Subscription& subscription, Micros due) {
  if (subscription.due == due) return;
  if (subscription.due != kNever) schedule_.erase({subscription.due, subscription.turn, &subscription});
  if (due != kNever) schedule_.emplace(due, subscription.turn, &subscription);
  subscription.due = due;
}

Subscriptions::Table::iterator Subscriptions::Erase(Table::iterator at) {
  Subscription& subscription = at->second;
  Schedule(subscription, kNever);
  if (--subscription.peer->subscriptions == 0) peers_.erase(PeerOf(subscription.key.client));
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
      at = Erase(at);
    } else {
      next_expiry_ = std::min(next_expiry_, expiry);
      ++at;
    }
  }
}

}  // namespace murky::rain
