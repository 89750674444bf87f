#include "rain/loop_group.h"

#include <algorithm>
#include <cstring>

#include "rain/shared_port.h"

namespace murky::rain {

namespace {

void AddTo(EngineCounters& sum, const EngineCounters& counters) {
  constexpr size_t kCounts = sizeof(EngineCounters) / sizeof(uint64_t);
  static_assert(sizeof(EngineCounters) == kCounts * sizeof(uint64_t), "all counters have 64 bits");
  uint64_t sums[kCounts];
  uint64_t counts[kCounts];
  std::memcpy(sums, &sum, sizeof sums);
  std::memcpy(counts, &counters, sizeof counts);
  for (size_t i = 0; i < kCounts; i++) sums[i] += counts[i];
  std::memcpy(&sum, sums, sizeof sums);
}

template <typename Amount>
void Share(Amount& amount, size_t engines) {
  amount = std::max<Amount>(amount / static_cast<Amount>(engines), 1);
}

}  // namespace

EngineLimits ShareOf(const EngineLimits& limits, size_t engines) {
  EngineLimits share = limits;
  if (engines == 1) return share;
  Share(share.max_rate_bits_per_second, engines);
  Share(share.max_rate_per_peer_bits_per_second, engines);
  Share(share.group_rate_bits_per_second, engines);
  Share(share.block_cache_bytes, engines);
  Share(share.max_subscriptions, engines);
  Share(share.max_subscriptions_per_peer, engines);
  Share(share.max_fetches, engines);
  Share(share.max_requests, engines);
  Share(share.max_inbound_requests, engines);
  // Those of one peer reach one loop, which must have room for others all the same.
  share.max_inbound_requests_per_peer =
      std::min(limits.max_inbound_requests_per_peer, std::max<size_t>(share.max_inbound_requests / 2, 1));
  Share(share.max_strangers_per_second, engines);
  return share;  // the rest is of one fetch
}

std::unique_ptr<LoopGroup> LoopGroup::Start(const LoopOptions& options, const std::vector<LoopHost*>& hosts,
                                            Failure* failure) {
  std::unique_ptr<LoopGroup> group(new LoopGroup);
  if (options.threads == 1) {
    auto loop = Loop::Start(options, *hosts.front(), failure);
    if (!loop) return nullptr;
    group->loops_.push_back(std::move(loop));
    return group;
  }
  if (!Loop::MayBind(options, failure)) return nullptr;
  auto sockets = UdpSocket::OpenShared(options.bind, options.threads, options.socket, failure);
  if (sockets.empty()) return nullptr;
  LoopOptions own = options;
  own.limits = ShareOf(options.limits, sockets.size());
  for (size_t i = 0; i < sockets.size(); i++) {
    LoopPlace place;
    place.index = static_cast<uint32_t>(i);
    place.loops = static_cast<uint32_t>(sockets.size());
    place.socket = std::move(sockets[i]);
    if (sockets.size() > 1) {
      Address any_port = options.bind;
      any_port.port = 0;
      place.fetch_socket = UdpSocket::Open(any_port, options.socket, failure);
      if (!place.fetch_socket) return nullptr;
    }
    auto loop = Loop::StartAt(std::move(place), own, *hosts[i], failure);
    if (!loop) return nullptr;
    group->loops_.push_back(std::move(loop));
  }
  return group;
}

Loop& LoopGroup::OfPeer(const Address& peer) { return *loops_[PlaceOf(peer, loops_.size())]; }

uint32_t LoopGroup::OpenFetch(const FetchSpec& spec) {
  uint32_t fetch = 0;
  const size_t first = turn_++;
  for (size_t i = 0; i < loops_.size() && fetch == 0; i++) {
    loops_[(first + i) % loops_.size()]->Call(
        [&](Engine& engine, Micros now) { fetch = engine.OpenFetch(spec, now); });
  }
  return fetch;
}

void LoopGroup::PostToAll(const Command& command, size_t bytes) {
  for (const auto& loop : loops_) loop->Post(command, bytes);
}

LoopCounters LoopGroup::Counters() {
  LoopCounters sum;
  for (const auto& loop : loops_) {
    const LoopCounters counters = loop->Counters();
    AddTo(sum.engine, counters.engine);
    sum.unsent += counters.unsent;
    sum.kernel_dropped += counters.kernel_dropped;
    sum.calls.send += counters.calls.send;
    sum.calls.receive += counters.calls.receive;
    sum.waits += counters.waits;
  }
  return sum;
}

void LoopGroup::Stop() {
  for (const auto& loop : loops_) loop->Stop();
}

}  // namespace murky::rain
