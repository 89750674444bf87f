// The fetches that JavaScript has open, and which blocks of each it waits for. It holds all that the engine
// has under way of them: a block is noted here before the engine hears of it, and taken off when JavaScript
// is told that it ended. So what is allowed here the engine takes, and nobody has to wait for its answer.
//
// Thread-safety: none; it belongs to the JavaScript thread.
#ifndef MURKY_ADDON_OPEN_FETCHES_H_
#define MURKY_ADDON_OPEN_FETCHES_H_

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include "lt/codec.h"

namespace murky::addon {

class OpenFetches {
 public:
  // `max_blocks_wanted`: EngineLimits.
  explicit OpenFetches(size_t max_blocks_wanted) : max_blocks_wanted_(max_blocks_wanted) {}

  bool empty() const { return fetches_.empty(); }
  void Open(uint32_t fetch, size_t symbol_bytes) { fetches_[fetch].symbol_bytes = symbol_bytes; }
  void Close(uint32_t fetch) { fetches_.erase(fetch); }
  void CloseAll() { fetches_.clear(); }

  // False, and nothing is noted, where Engine::Want would refuse.
  bool Want(uint32_t fetch, uint32_t block, size_t block_bytes) {
    const auto found = fetches_.find(fetch);
    if (found == fetches_.end()) return false;
    Fetch& open = found->second;
    if (open.blocks.size() >= max_blocks_wanted_ || !lt::ValidBlock(block_bytes, open.symbol_bytes)) {
      return false;
    }
    return open.blocks.insert(block).second;
  }
  void Ended(uint32_t fetch, uint32_t block) {
    const auto found = fetches_.find(fetch);
    if (found != fetches_.end()) found->second.blocks.erase(block);
  }

 private:
  struct Fetch {
    size_t symbol_bytes = 0;
    std::unordered_set<uint32_t> blocks;
  };

  const size_t max_blocks_wanted_;
  std::unordered_map<uint32_t, Fetch> fetches_;
};

}  // namespace murky::addon

#endif  // MURKY_ADDON_OPEN_FETCHES_H_
