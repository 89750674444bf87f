// Blocks that clients want, by block and symbol size, within a budget of bytes: the least recently used goes
// first. The bytes of a block that is there in several symbol sizes count for each of them. One entry serves
// all readers. What is not here is asked of the host once, however many want it, and again after 5 s without
// an answer.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_BLOCK_CACHE_H_
#define MURKY_RAIN_BLOCK_CACHE_H_

#include <array>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "rain/block_id.h"
#include "rain/notifications.h"
#include "rain/served_block.h"

namespace murky::rain {

constexpr Micros kBlockPatience = 5'000'000;   // for the host's answer
constexpr size_t kMaxBlocksAsked = 256;        // of the host, not answered yet
constexpr size_t kMaxSymbolSizesOfABlock = 4;  // asked for at the same time

class BlockCache {
 public:
  BlockCache(size_t budget_bytes, EngineCounters& counters, Notifications& notifications)
      : budget_bytes_(budget_bytes), counters_(counters), notifications_(notifications) {}

  // Null if it is not here. Valid until the next call that adds or forgets, or finds another one.
  ServedBlock* Find(const BlockId& id, size_t symbol_bytes);
  // A symbol of the block that was found last; valid until the next call of anything here.
  const uint8_t* Symbol(ServedBlock& block, uint32_t esi);
  // ServedBlock::SharedSymbol of the block that was found last.
  ServedBlock::Shared SharedSymbol(ServedBlock& block, const SharedHeader& header, Outbox& outbox);
  // Sees to it that the host is asked. False if a limit is reached.
  bool Ask(const BlockId& id, size_t symbol_bytes, Micros now);
  // Keeps the block for the symbol sizes that are waited for, where the shape allows it.
  void Provide(const BlockId& id, std::shared_ptr<const gf2::Buffer> bytes);
  void Refuse(const BlockId& id) { asked_.erase(id); }
  void Forget(uint64_t resource);

  size_t bytes() const { return bytes_; }

 private:
  struct Key {
    BlockId id;
    size_t symbol_bytes;
    bool operator==(const Key& other) const { return symbol_bytes == other.symbol_bytes && id == other.id; }
  };
  struct KeyHash {
    size_t operator()(const Key& key) const { return BlockIdHash()(key.id) ^ key.symbol_bytes; }
  };
  struct Entry {
    Key key;
    std::unique_ptr<ServedBlock> block;
  };
  struct Asked {
    Micros at;
    std::vector<size_t> symbol_sizes;
  };

  // Runs `make`, which may change the memory of the block that was found last.
  template <typename Make>
  auto Making(ServedBlock& block, Make make);
  void Drop(std::list<Entry>::iterator entry);
  void KeepToBudget();

  const size_t budget_bytes_;
  EngineCounters& counters_;
  Notifications& notifications_;
  size_t bytes_ = 0;
  std::array<uint8_t, lt::kMaxSymbolBytes> scratch_;  // of a symbol
  std::list<Entry> entries_;                          // most recently used first
  std::unordered_map<Key, std::list<Entry>::iterator, KeyHash> index_;
  std::unordered_map<BlockId, Asked, BlockIdHash> asked_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_BLOCK_CACHE_H_
