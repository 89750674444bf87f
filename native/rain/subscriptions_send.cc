// What a subscription is sent when its turn comes: symbols of its own, or shared with all who read the same.
#include "rain/subscriptions.h"

namespace murky::rain {

namespace {

// A reader of shared symbols is told how many it was sent once per heartbeat, but not more often than this;
constexpr Micros kLeastMarkInterval = 2'000;
// and, where heartbeats are lost, after this time or so many symbols.
constexpr Micros kMostMarkInterval = 25'000;
constexpr uint32_t kMostUnmarked = 256;

}  // namespace

void Subscriptions::SendBurst(Subscription& subscription, ServedBlock& block, Micros now) {
  const uint32_t number = subscription.ranges.front().block;
  const bool shared = subscription.stream && subscription.stream->crowded;
  if (shared && subscription.own_symbols == 0) SendMark(subscription, now);
  for (int sent = 0; sent < kBurstDatagrams && !subscription.ranges.empty(); sent++) {
    Range& range = subscription.ranges.front();
    if (range.block != number) break;  // that one may have to be fetched
    if (!schedule_.MaySend(subscription, now)) break;
    schedule_.Sent(subscription, now);
    if (shared && subscription.own_symbols == 0) {
      SendShared(subscription, block, number, range.from);
    } else {
      SendSymbol(subscription, block, number, range.from, now);
    }
    counters_.symbols_sent++;
    subscription.sequence = (subscription.sequence + 1) & 0xffffff;
    range.from++;
    if (--range.count == 0) subscription.ranges.pop_front();
  }
}

void Subscriptions::SendSymbol(Subscription& subscription, ServedBlock& block, uint32_t number, uint32_t esi,
                               Micros now) {
  SymbolHeader header;
  header.fetch = subscription.key.fetch;
  header.sequence = subscription.sequence;
  header.time = static_cast<uint32_t>(now) & 0xffffff;
  header.esi = esi;
  header.block = number;
  uint8_t head[kSymbolHeaderBytes];
  WriteSymbolHeader(header, head);
  const uint8_t* symbol = cache_.Symbol(block, esi);
  outbox_.Send(subscription.key.client, {head, kSymbolHeaderBytes, symbol, subscription.symbol_bytes});
  counters_.symbols_sealed++;
  if (subscription.own_symbols > 0) subscription.own_symbols--;
}

void Subscriptions::SendShared(Subscription& subscription, ServedBlock& block, uint32_t number,
                               uint32_t esi) {
  const SharedHeader header{subscription.stream->id, esi, number};
  const ServedBlock::Shared shared = cache_.SharedSymbol(block, header, outbox_);
  if (shared.length > 0) outbox_.SendClear(subscription.key.client, shared.datagram, shared.length);
}

// Ahead of a burst, so that its delay is that of the path and not of the burst itself.
void Subscriptions::SendMark(Subscription& subscription, Micros now) {
  const Micros since = now - subscription.marked;
  const uint32_t unmarked = (subscription.sequence - subscription.marked_sequence) & 0xffffff;
  const bool due = subscription.mark_due && since >= kLeastMarkInterval;
  if (!due && since < kMostMarkInterval && unmarked < kMostUnmarked) return;
  const Mark mark{subscription.key.fetch, subscription.sequence, static_cast<uint32_t>(now) & 0xffffff};
  const size_t bytes = WriteMark(mark, outbox_.inner());
  if (!schedule_.SpendOnAnswer(subscription.peer.second.share, outbox_.IpPayloadBits(bytes), now)) return;
  outbox_.Send(subscription.key.client, bytes);
  subscription.marked = now;
  subscription.marked_sequence = subscription.sequence;
  subscription.mark_due = false;
}

}  // namespace murky::rain
