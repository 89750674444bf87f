// One fetch: blocks of one version, pulled from several servers at once. Every ESI of a block is asked of one
// server only, so no symbol comes twice; what is lost is made up for by fresh repair symbols from anywhere.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_FETCH_H_
#define MURKY_RAIN_FETCH_H_

#include <deque>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lt/codec.h"
#include "rain/block_evidence.h"
#include "rain/group_feed.h"
#include "rain/notifications.h"
#include "rain/outbox.h"
#include "rain/server_path.h"
#include "rain/shared_streams.h"
#include "rain/token_cache.h"

namespace murky::rain {

constexpr size_t kMaxServersOfAFetch = 256;

class Fetch {
 public:
  Fetch(uint32_t handle, uint16_t name, const FetchSpec& spec, const EngineLimits& limits,
        const SymbolDigest& digest, TokenCache& tokens, Outbox& outbox, EngineCounters& counters,
        Notifications& notifications, Micros now);

  bool Want(uint32_t block, size_t block_bytes, Micros now);
  bool AddServer(const FetchServer& server, Micros now);
  bool RemoveServer(uint32_t server, Micros now);
  void Close(Micros now);
  void Report(FetchReport* out) const;
  // Engine::WrongSymbols.
  std::vector<uint32_t> WrongSymbols(uint32_t block, const uint8_t* bytes, size_t length) const;

  void OnSymbol(const Address& from, uint64_t boot, const SymbolHeader& header, const uint8_t* symbol,
                size_t symbol_bytes, Micros now);
  // For the fetch that takes them: a symbol that is the same for all readers, and what comes between such
  // ones for this one.
  void OnShared(const Address& from, const SharedHeader& header, const uint8_t* symbol, size_t symbol_bytes,
                Micros now);
  // One that came to the multicast group.
  void OnGroupSymbol(const Address& from, const SharedHeader& header, const uint8_t* symbol,
                     size_t symbol_bytes, Micros now);
  void OnMark(const Address& from, uint64_t boot, const Mark& mark, Micros now);
  bool OnToken(const Address& from, const Token& token, Micros now);  // false: from nobody that was asked
  void OnRefuse(const Address& from, const Refuse& refuse, Micros now);
  void OnTime(Micros now);
  Micros due() const;  // when OnTime has something to do

  uint16_t name() const { return name_; }
  uint64_t stream() const { return StreamId(resource_, version_); }
  // Asks servers for shared symbols from now on; for one of the fetches of a version only, as nothing in them
  // tells whose they are.
  void TakeShared() { takes_shared_ = true; }
  // True if it has use for the multicast group, and the path can bear it.
  bool Listens(Micros now) const {
    return hears_group_ && takes_shared_ && bytes_wanted_ >= kLeastGroupBytes && feed_.Listens(now);
  }

 private:
  struct Block {
    uint32_t number = 0;
    size_t bytes = 0;
    uint32_t k = 0;
    uint32_t next_esi = 0;                 // the first that nobody was asked for
    Micros asked_at = kNever;              // when something of it was asked first
    std::unique_ptr<lt::Decoder> decoder;  // made at the first symbol
    std::vector<uint32_t> from_servers;
    BlockEvidence evidence;
  };

  ServerPath& AddPath(const FetchServer& server, Micros now);  // the last one now
  ServerPath* Find(const Address& server);
  // Where a symbol came from; null, and it is counted as dropped, where that is no server of this fetch, or
  // the fetch has symbols of another length.
  ServerPath* SenderOf(const Address& from, size_t symbol_bytes);
  void OnBoot(ServerPath& path, uint64_t boot, Micros now);
  // A symbol came over this path, asked for or not. Only what is `fresh` is a sign of life where it was not.
  AskedRanges::Match Arrived(ServerPath& path, uint32_t block, uint32_t esi, bool fresh, Micros now);
  // True if it was new to a block that is not decoded yet.
  bool Decode(ServerPath& path, uint32_t number, uint32_t esi, const uint8_t* symbol, Micros now);
  void Tick(ServerPath& path, Micros now);
  void TickUnanswered(ServerPath& path, Micros now);
  void Probe(ServerPath& path, Micros now);
  void Fill(ServerPath& path, uint32_t credit, Micros now);
  uint64_t LookAheadBytes() const;  // FetchReport::look_ahead_bytes
  // Symbols of a block that nobody was asked for and that it takes to decode, by what is expected to arrive.
  double Need(const Block& block, double extra_symbols, double extra_sigmas, Micros now) const;
  // The same, with a margin that grows with the time since the block was begun.
  double NeedByAge(const ServerPath& path, const Block& block, Micros now) const;
  uint32_t Ask(ServerPath& path, Block& block, double need, uint32_t room, Micros now);
  // True if the multicast group brings it, so that it is not asked for.
  bool Fed(const Block& block, Micros now) const;
  bool Usable(const ServerPath& path, const Block& block) const;
  bool Useless(const ServerPath& path) const;
  void GiveUp(ServerPath& path);
  bool OtherFlows(const ServerPath& path) const;
  void SendSubscribe(ServerPath& path, Micros now);
  void SendJoin(ServerPath& path, Micros now);
  // Whoever is told what this fetch lacks: one server only, and for all readers the same, as far as they have
  // the same servers, so that one pours for all.
  const ServerPath* Pourer() const;
  void TellPourer(ServerPath& path, Micros now);
  void SetState(ServerPath& path, ServerState state);
  void OnBlockEnd(std::list<Block>::iterator block, Micros now);  // decoded, or contradicted
  void WakeAll(Micros now);
  size_t IndexOf(const ServerPath& path) const;

  const uint32_t handle_;
  const uint16_t name_;
  const uint64_t resource_;
  const Version version_;
  const size_t symbol_bytes_;
  const size_t max_blocks_wanted_;
  const SymbolDigest& digest_;
  TokenCache& tokens_;
  Outbox& outbox_;
  EngineCounters& counters_;
  Notifications& notifications_;

  std::vector<std::unique_ptr<ServerPath>> paths_;  // in the order they were added
  std::unordered_map<Address, size_t, AddressHash> by_address_;
  std::list<Block> blocks_;  // wanted and not decoded, in the order they were wanted
  std::unordered_map<uint32_t, std::list<Block>::iterator> by_number_;
  std::deque<std::pair<uint32_t, BlockEvidence>> ended_;  // of the last max_blocks_wanted_ blocks, by number
  bool takes_shared_ = false;
  const bool hears_group_;
  GroupFeed feed_;
  uint64_t bytes_wanted_ = 0;
  Micros told_pourer_ = -kListenInterval;
  bool lack_changed_ = false;  // since then
  bool everything_asked_ = false;
  uint32_t still_to_want_;  // by the host
  uint64_t blocks_decoded_ = 0;
  uint64_t source_symbols_ = 0;
  uint64_t decoding_symbols_ = 0;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_FETCH_H_
