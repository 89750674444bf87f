#include "rain/block_cache.h"

#include <algorithm>

namespace murky::rain {

ServedBlock* BlockCache::Find(const BlockId& id, size_t symbol_bytes) {
  const auto found = index_.find(Key{id, symbol_bytes});
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->block.get();
}

template <typename Make>
auto BlockCache::Making(ServedBlock& block, Make make) {
  const size_t before = block.memory_bytes();
  const bool encoded = block.encoded();
  const auto made = make();
  if (made.encoded) counters_.repair_symbols_encoded++;
  if (block.encoded() && !encoded) counters_.blocks_encoded++;
  const size_t now = block.memory_bytes();
  bytes_ = bytes_ - before + now;
  if (now > before) KeepToBudget();
  return made;
}

const uint8_t* BlockCache::Symbol(ServedBlock& block, uint32_t esi) {
  return Making(block, [&] { return block.SymbolAt(esi, scratch_.data()); }).bytes;
}

ServedBlock::Shared BlockCache::SharedSymbol(ServedBlock& block, const SharedHeader& header, Outbox& outbox) {
  const auto shared = Making(block, [&] { return block.SharedSymbol(header, scratch_.data(), outbox); });
  if (shared.sealed) counters_.symbols_sealed++;
  return shared;
}

bool BlockCache::Ask(const BlockId& id, size_t symbol_bytes, Micros now) {
  auto found = asked_.find(id);
  if (found == asked_.end()) {
    if (asked_.size() >= kMaxBlocksAsked) {
      for (auto at = asked_.begin(); at != asked_.end();) {
        at = now - at->second.at >= kBlockPatience ? asked_.erase(at) : std::next(at);
      }
      if (asked_.size() >= kMaxBlocksAsked) return false;
    }
    found = asked_.emplace(id, Asked{now - kBlockPatience, {}}).first;
  }
  Asked& asked = found->second;
  auto& sizes = asked.symbol_sizes;
  if (std::find(sizes.begin(), sizes.end(), symbol_bytes) == sizes.end()) {
    if (sizes.size() >= kMaxSymbolSizesOfABlock) return false;
    sizes.push_back(symbol_bytes);
  }
  if (now - asked.at >= kBlockPatience) {
    asked.at = now;
    counters_.blocks_asked++;
    notifications_.Add([id](EngineHost& host) { host.OnBlockNeeded(id.resource, id.version, id.block); });
  }
  return true;
}

void BlockCache::Provide(const BlockId& id, std::shared_ptr<const gf2::Buffer> bytes) {
  const auto asked = asked_.find(id);
  if (asked == asked_.end()) return;
  const std::vector<size_t> sizes = std::move(asked->second.symbol_sizes);
  asked_.erase(asked);
  for (const size_t symbol_bytes : sizes) {
    if (!lt::ValidBlock(bytes->size(), symbol_bytes)) continue;
    const Key key{id, symbol_bytes};
    if (const auto old = index_.find(key); old != index_.end()) Drop(old->second);
    entries_.push_front(Entry{key, std::make_unique<ServedBlock>(bytes, symbol_bytes)});
    index_[key] = entries_.begin();
    bytes_ += entries_.front().block->memory_bytes();
  }
  KeepToBudget();
}

// The one used last stays even where it alone is over the budget: somebody waits for it.
void BlockCache::KeepToBudget() {
  while (bytes_ > budget_bytes_ && entries_.size() > 1) Drop(std::prev(entries_.end()));
}

void BlockCache::Forget(uint64_t resource) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto entry = at++;
    if (entry->key.id.resource == resource) Drop(entry);
  }
  for (auto at = asked_.begin(); at != asked_.end();) {
    at = at->first.resource == resource ? asked_.erase(at) : std::next(at);
  }
}

void BlockCache::Drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->block->memory_bytes();
  index_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace murky::rain
