// One node's side of Pouring Rain, both roles: serves subscriptions, runs fetches, carries requests. It has
// no thread, no socket and no clock of its own: whoever runs it hands in datagrams and the time, which makes
// it the same engine on a socket and in the simulated network.
//
// Thread-safety: none. All calls, and all calls to the host, are on the one thread that runs it. The host may
// call back into the engine from inside a notification.
#ifndef MURKY_RAIN_ENGINE_H_
#define MURKY_RAIN_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gf2/buffer.h"
#include "rain/seal.h"
#include "rain/seam.h"
#include "rain/wire.h"

namespace murky::rain {

struct EngineLimits {
  uint64_t max_rate_bits_per_second = 10'000'000'000;           // of all subscriptions together
  uint64_t max_rate_per_peer_bits_per_second = 10'000'000'000;  // of one peer
  size_t block_cache_bytes = 64u << 20;                         // blocks kept for serving
  size_t max_subscriptions = 1024;
  size_t max_subscriptions_per_peer = 64;
  size_t max_fetches = 1024;
  size_t max_requests = 4096;          // outgoing, not answered yet
  size_t max_inbound_requests = 4096;  // arrived, not answered yet
  size_t max_inbound_requests_per_peer = 256;
  size_t max_blocks_wanted = 256;  // of one fetch, decoding or waiting for a decoder
  // Sealed datagrams tried for which no key is at hand; one peer has a hundredth of it.
  uint64_t max_strangers_per_second = 10'000;
  // A multicast group that blocks with several readers are poured to, and that large fetches hear; no port:
  // none. It has no rate control: all get what the slowest of their paths must bear.
  Address group;
  uint64_t group_rate_bits_per_second = 50'000'000;
};

// A server and what earlier fetches say of the path to it.
struct FetchServer {
  FetchServer(const Address& address, uint64_t known_rate_bits_per_second = 0)
      : address(address), known_rate_bits_per_second(known_rate_bits_per_second) {}
  Address address;
  uint64_t known_rate_bits_per_second;  // capacity; 0: unknown
};

struct FetchSpec {
  uint64_t resource = 0;
  Version version{};
  size_t symbol_bytes = 1344;
  uint32_t blocks = 0;  // that will be wanted in all; 0: not known, and every one may be the last
  std::vector<FetchServer> servers;
};

// What one server did for a fetch; addresses are by index into the fetch's servers, in the order they were
// added.
enum class ServerState : uint8_t { kConnecting, kAlive, kSilent, kRefused };

struct ServerReport {
  Address address;
  ServerState state = ServerState::kConnecting;
  RefuseReason reason = RefuseReason::kNotHere;  // where refused
  uint64_t symbols = 0;                          // received and genuine
  uint64_t useful = 0;                           // that were new to a block not yet decoded
  uint64_t lost = 0;                             // by gaps in the sequence
  uint64_t rate_bits_per_second = 0;             // received, smoothed
  uint64_t capacity_bits_per_second = 0;         // as the rate control holds it; 0 before its first estimate
  Micros round_trip = 0;                         // smallest seen, 0 if none yet
};

struct FetchReport {
  std::vector<ServerReport> servers;
  uint64_t blocks = 0;            // decoded
  uint64_t source_symbols = 0;    // sum of K of the decoded blocks
  uint64_t decoding_symbols = 0;  // distinct symbols that the decoders of those blocks took
  uint64_t decoder_bytes = 0;     // memory of the blocks that are being decoded
  // As many bytes of blocks as it takes, wanted and not yet handed on, to keep all paths busy.
  uint64_t look_ahead_bytes = 0;
};

// What the engine asks of and tells whoever runs it.
class EngineHost {
 public:
  virtual ~EngineHost() = default;
  // A client wants this block (or the manifest, kManifestBlock); answer with ProvideBlock or RefuseBlock.
  // Asked once per block until it is answered or 5 s have passed.
  virtual void OnBlockNeeded(uint64_t resource, const Version& version, uint32_t block) = 0;
  // A block of a fetch is whole. from_servers[i] = symbols that server i gave to it. `bytes` is empty where
  // its symbols contradict each other, so that somebody's are wrong. Either way it may be wanted again.
  virtual void OnBlockDecoded(uint32_t fetch, uint32_t block, gf2::Buffer bytes,
                              std::vector<uint32_t> from_servers) = 0;
  // A server changed its state; kSilent: nothing came for max(2 s, 8 round trips) although asked; it is
  // probed on.
  virtual void OnServerState(uint32_t fetch, uint32_t server, ServerState state, RefuseReason reason) = 0;
  // A request came in; answer once with Respond(handle). Its address has proved itself with a token.
  virtual void OnRequest(uint64_t handle, const Address& from, const uint8_t* payload, size_t bytes) = 0;
  virtual void OnResponse(uint64_t request, const uint8_t* payload, size_t bytes) = 0;
  virtual void OnRequestTimeout(uint64_t request) = 0;
};

struct EngineCounters {
  uint64_t datagrams_in = 0, datagrams_out = 0, bytes_in = 0, bytes_out = 0;
  uint64_t dropped_too_short = 0, dropped_version = 0, dropped_scheme = 0, dropped_forged = 0,
           dropped_replayed = 0;
  uint64_t dropped_malformed = 0;  // opened, but not a well-formed message, or absurd K, S or ESI
  uint64_t dropped_unknown = 0;    // well-formed, for a fetch or request that is not here
  uint64_t dropped_not_loopback = 0;
  uint64_t dropped_limit = 0;       // a limit was reached
  uint64_t dropped_strangers = 0;   // no key at hand, and too many such datagrams
  uint64_t dropped_on_purpose = 0;  // --drop, for tests and demos
  uint64_t version_answers = 0;
  uint64_t tokens_issued = 0, tokens_refused = 0;
  uint64_t symbols_sent = 0, symbols_received = 0;
  uint64_t group_symbols_sent = 0, group_symbols_received = 0;
  uint64_t symbols_sealed = 0;  // fewer than were sent where readers share them
  uint64_t subscriptions_started = 0, subscriptions_expired = 0, subscriptions_active = 0;
  uint64_t blocks_asked = 0;                                // of the host, which may have to read them
  uint64_t blocks_encoded = 0, repair_symbols_encoded = 0;  // set up for serving; made, not only sent
  uint64_t blocks_decoded = 0;
};

class Engine {
 public:
  Engine(const EngineLimits& limits, std::unique_ptr<Seal> seal, Random& random, DatagramSink& sink,
         EngineHost& host, Micros now);
  // What fetches send goes to `fetch_sink`, whose answers arrive at an address of its own.
  Engine(const EngineLimits& limits, std::unique_ptr<Seal> seal, Random& random, DatagramSink& sink,
         DatagramSink& fetch_sink, EngineHost& host, Micros now);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Handles of fetches and of requests that came in are `remainder` modulo `engines` from now on: of several
  // engines behind one host they tell whose they are. Before the first of either.
  void set_handles(uint32_t remainder, uint32_t engines);
  // Without a key (and not `insecure`) the runner sets this: datagrams from and to other hosts are dropped.
  void set_loopback_only(bool loopback_only);
  // Drops this share of outgoing datagrams, for tests and demos.
  void set_drop_fraction(double fraction);

  // Seal::ReplaceKeys.
  bool ReplaceKeys(const std::vector<ClusterKey>& keys, std::string* error);

  // False for junk: what a member of the cluster would not have sent here now.
  bool OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now);
  // What came to the group: symbols for an open fetch, from a server of it, or nothing. As OnDatagram.
  bool OnGroupDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now);
  // What datagrams are sealed and opened with.
  const Seal& seal() const;
  // True while it is worth to hear the group.
  bool listening(Micros now) const;
  // Does what is due and returns when it wants to be called next (at the latest).
  Micros OnTime(Micros now);

  // Serving. The bytes do not change any more; they are kept for as long as the block is. A refusal is passed
  // to all who wait for the block.
  void ProvideBlock(uint64_t resource, const Version& version, uint32_t block,
                    std::shared_ptr<const gf2::Buffer> bytes, Micros now);
  // The same with a copy of the bytes.
  void ProvideBlock(uint64_t resource, const Version& version, uint32_t block, const uint8_t* bytes,
                    size_t length, Micros now);
  void RefuseBlock(uint64_t resource, const Version& version, uint32_t block, RefuseReason reason,
                   Micros now);
  // Forgets cached encoders of all versions of a resource and refuses its running subscriptions.
  void ForgetResource(uint64_t resource, Micros now);

  // Fetching. 0 if a limit is reached or the shape is invalid.
  uint32_t OpenFetch(const FetchSpec& spec, Micros now);
  // Adds a block (the manifest: kManifestBlock) to what is fetched; earlier ones go first. False over the
  // limit.
  bool Want(uint32_t fetch, uint32_t block, size_t block_bytes, Micros now);
  bool AddServer(uint32_t fetch, const FetchServer& server, Micros now);
  bool RemoveServer(uint32_t fetch, uint32_t server, Micros now);  // its share goes to the others
  bool Report(uint32_t fetch, FetchReport* out) const;
  void CloseFetch(uint32_t fetch, Micros now);  // unsubscribes everywhere
  // Of each server of the fetch, how many of the symbols that it gave to this block are not those of the true
  // block, which these bytes are. For a block that was decoded or contradicted, until it is wanted again;
  // empty if nothing is known of it.
  std::vector<uint32_t> WrongSymbols(uint32_t fetch, uint32_t block, const uint8_t* bytes,
                                     size_t length) const;

  // Requests: at least once. Repeated with back-off until answered or timed out. False over the limit or too
  // long.
  bool SendRequest(uint64_t id, const Address& to, const uint8_t* payload, size_t bytes, Micros timeout,
                   Micros now);
  void CancelRequest(uint64_t id);  // nothing is told of it any more; no harm where it has ended
  bool Respond(uint64_t handle, const uint8_t* payload, size_t bytes, Micros now);

  const EngineCounters& counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_ENGINE_H_
