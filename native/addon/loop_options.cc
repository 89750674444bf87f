#include "addon/loop_options.h"

#include <algorithm>

#include "addon/arguments.h"
#include "rain/loop_group.h"

namespace murky::addon {

namespace {

constexpr double kMostKnownRate = 1e12;  // bits per second

rain::SocketKind SocketKindOf(Napi::Value value) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  if (name == "portable") return rain::SocketKind::kPortable;
  if (name == "batched") return rain::SocketKind::kBatched;
  if (name == "gso") return rain::SocketKind::kSegmented;
  throw BadArgument(value.Env(), "A socket is portable, batched or gso.");
}

}  // namespace

std::vector<rain::ClusterKey> ClusterKeysOf(Napi::Value value) {
  if (!value.IsArray()) throw BadArgument(value.Env(), "A list of cluster keys is missing.");
  const Napi::Array list = value.As<Napi::Array>();
  if (list.Length() == 0) throw BadArgument(value.Env(), "The list of cluster keys is empty.");
  std::vector<rain::ClusterKey> keys;
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Uint8Array key = BytesOf(list.Get(i));
    keys.emplace_back(key.Data(), key.Data() + key.ByteLength());
  }
  return keys;
}

rain::LoopOptions LoopOptionsOf(Napi::Value value) {
  const Napi::Object given = ObjectOf(value);
  const auto has = [&](const char* name) { return !given.Get(name).IsUndefined(); };
  const auto amount = [&](const char* name) { return static_cast<uint64_t>(AmountOf(given.Get(name))); };
  rain::LoopOptions options;
  options.bind = AddressOf(given.Get("host"), given.Get("port"));
  options.loopback_only = BooleanOf(given.Get("loopbackOnly"));
  // An empty list is a mistake, not a wish to speak in clear.
  if (has("keys")) options.cluster_keys = ClusterKeysOf(given.Get("keys"));
  if (has("dropFraction")) options.drop_fraction = AmountOf(given.Get("dropFraction"));
  if (has("socket")) options.socket = SocketKindOf(given.Get("socket"));
  if (has("multicastGroup")) {
    const Napi::Object group = ObjectOf(given.Get("multicastGroup"));
    options.group.group = AddressOf(group.Get("host"), group.Get("port"));
  }
  // Its port is of no matter.
  if (has("multicastInterface")) {
    options.group.interface = AddressOf(given.Get("multicastInterface"), given.Get("port"));
  }
  if (has("multicastTtl")) options.group.hops = static_cast<int>(AmountOf(given.Get("multicastTtl")));
  if (has("threads")) {
    options.threads = std::max<uint32_t>(1, WholeOf(given.Get("threads"), rain::kMaxLoops));
  }
  rain::EngineLimits& limits = options.limits;
  if (has("multicastMaxRateBitsPerSecond")) {
    limits.group_rate_bits_per_second = amount("multicastMaxRateBitsPerSecond");
  }
  if (has("maxRateBitsPerSecond")) limits.max_rate_bits_per_second = amount("maxRateBitsPerSecond");
  if (has("maxRatePerPeerBitsPerSecond")) {
    limits.max_rate_per_peer_bits_per_second = amount("maxRatePerPeerBitsPerSecond");
  }
  if (has("blockCacheBytes")) limits.block_cache_bytes = amount("blockCacheBytes");
  if (has("maxSubscriptions")) limits.max_subscriptions = amount("maxSubscriptions");
  if (has("maxSubscriptionsPerPeer")) limits.max_subscriptions_per_peer = amount("maxSubscriptionsPerPeer");
  if (has("maxInboundRequests")) limits.max_inbound_requests = amount("maxInboundRequests");
  if (has("maxInboundRequestsPerPeer")) {
    limits.max_inbound_requests_per_peer = amount("maxInboundRequestsPerPeer");
  }
  if (has("maxFetches")) limits.max_fetches = amount("maxFetches");
  if (has("maxStrangersPerSecond")) limits.max_strangers_per_second = amount("maxStrangersPerSecond");
  return options;
}

rain::FetchServer FetchServerOf(Napi::Value value) {
  const Napi::Object given = ObjectOf(value);
  const Napi::Value rate = given.Get("knownRateBitsPerSecond");
  return {AddressOf(given.Get("host"), given.Get("port")),
          rate.IsUndefined() ? 0 : static_cast<uint64_t>(std::min(AmountOf(rate), kMostKnownRate))};
}

rain::FetchSpec FetchSpecOf(Napi::Value value) {
  const Napi::Object given = ObjectOf(value);
  rain::FetchSpec spec;
  spec.resource = BigOf(given.Get("resource"));
  spec.version = VersionOf(given.Get("version"));
  spec.symbol_bytes = WholeOf(given.Get("symbolBytes"));
  if (!given.Get("blocks").IsUndefined()) spec.blocks = WholeOf(given.Get("blocks"));
  if (!given.Get("servers").IsArray()) throw BadArgument(value.Env(), "A list of servers is missing.");
  const Napi::Array servers = given.Get("servers").As<Napi::Array>();
  for (uint32_t i = 0; i < servers.Length(); i++) {
    const Napi::Object server = ObjectOf(servers.Get(i));
    spec.servers.push_back(FetchServerOf(server));
  }
  return spec;
}

}  // namespace murky::addon
