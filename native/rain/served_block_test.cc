#include "rain/served_block.h"

#include <cstring>

#include "rain/block_cache.h"
#include "testing/check.h"

namespace murky::rain {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr size_t kSymbolBytes = 64;

std::shared_ptr<const gf2::Buffer> Block(size_t bytes) {
  auto block = std::make_shared<gf2::Buffer>(bytes);
  for (size_t i = 0; i < bytes; i++) block->data()[i] = static_cast<uint8_t>(i * 41 + (i >> 7));
  return block;
}

struct CountingHost : EngineHost {
  void OnBlockNeeded(uint64_t, const Version&, uint32_t) override {}
  void OnBlockDecoded(uint32_t, uint32_t, gf2::Buffer, std::vector<uint32_t>) override {}
  void OnServerState(uint32_t, uint32_t, ServerState, RefuseReason) override {}
  void OnRequest(uint64_t, const Address&, const uint8_t*, size_t) override {}
  void OnResponse(uint64_t, const uint8_t*, size_t) override {}
  void OnRequestTimeout(uint64_t) override {}
};

// Whatever was asked before, each symbol is the encoder's: of the small code and the large one, with a last
// symbol that is whole, or padded.
TEST(AServedBlockHasTheSymbolsOfItsEncoder) {
  for (const size_t bytes :
       {size_t{1}, kSymbolBytes, 20 * kSymbolBytes - 7, 100 * kSymbolBytes, size_t{9999}}) {
    const auto block = Block(bytes);
    const lt::Encoder encoder(block->data(), bytes, kSymbolBytes);
    const uint32_t k = encoder.k();
    ServedBlock served(block, kSymbolBytes);
    Bytes expected(kSymbolBytes);
    Bytes scratch(kSymbolBytes);
    const auto check = [&](uint32_t esi) {
      encoder.Symbol(esi, expected.data());
      CHECK(std::memcmp(served.SymbolAt(esi, scratch.data()).bytes, expected.data(), kSymbolBytes) == 0);
    };
    for (uint32_t esi = 0; esi < k; esi++) check(esi);
    CHECK(!served.encoded());
    for (uint32_t esi = 0; esi < 3 * k; esi++) check(esi);
    CHECK(served.encoded());
    for (uint32_t esi = 0; esi < 3 * k; esi++) check(esi);
  }
}

TEST(AServedBlockGivesSourceSymbolsFromWhereTheyLie) {
  const auto block = Block(10 * kSymbolBytes + 1);
  ServedBlock served(block, kSymbolBytes);
  uint8_t scratch[kSymbolBytes];
  for (uint32_t esi = 0; esi < 10; esi++) {
    CHECK(served.SymbolAt(esi, scratch).bytes == block->data() + esi * kSymbolBytes);
  }
  CHECK(served.SymbolAt(10, scratch).bytes == scratch);  // padded
}

TEST(ARepairSymbolIsMadeOnceUpToTwoK) {
  ServedBlock served(Block(100 * kSymbolBytes), kSymbolBytes);
  Bytes scratch(kSymbolBytes);
  CHECK(!served.SymbolAt(99, scratch.data()).encoded);
  CHECK(served.SymbolAt(100, scratch.data()).encoded);
  CHECK(!served.SymbolAt(100, scratch.data()).encoded);
  CHECK(served.SymbolAt(200, scratch.data()).encoded);
  CHECK(served.SymbolAt(200, scratch.data()).encoded);
}

// The bytes are let go of when the encoder has taken their place.
TEST(AServedBlockCountsItsBytesOrItsEncoder) {
  auto block = Block(1000 * kSymbolBytes);
  const size_t block_memory = block->memory_bytes();
  const std::weak_ptr<const gf2::Buffer> watched = block;
  const size_t encoder_memory = lt::Encoder(block->data(), block->size(), kSymbolBytes).memory_bytes();
  ServedBlock served(std::move(block), kSymbolBytes);
  const size_t rest = served.memory_bytes() - block_memory;
  CHECK(rest < 1000);
  Bytes scratch(kSymbolBytes);
  served.SymbolAt(5000, scratch.data());
  CHECK(watched.expired());
  CHECK_EQ(served.memory_bytes(), encoder_memory + rest);
  served.SymbolAt(1000, scratch.data());  // kept
  CHECK_EQ(served.memory_bytes() - encoder_memory - rest, 32 * kSymbolBytes + sizeof(void*) * 2);
}

TEST(TheBudgetHoldsWhateverBecomesOfItsBlocks) {
  EngineCounters counters;
  Notifications notifications;
  CountingHost host;
  const size_t block_bytes = 1000 * kSymbolBytes;
  const size_t budget = 10 * block_bytes;
  BlockCache cache(budget, counters, notifications);
  const auto id = [](uint32_t block) { return BlockId{1, Version{}, block}; };
  for (uint32_t block = 0; block < 30; block++) {
    CHECK(cache.Ask(id(block), kSymbolBytes, 0));
    cache.Provide(id(block), Block(block_bytes));
    // Of some only sources are wanted, of some a few repair symbols, of some as many as are ever kept.
    const uint32_t wanted[] = {0, 1010, 2000};
    for (uint32_t esi = 0; esi < wanted[block % 3]; esi++) {
      ServedBlock* found = cache.Find(id(block), kSymbolBytes);
      CHECK(found != nullptr);
      CHECK(cache.Symbol(*found, esi) != nullptr);
      CHECK(cache.bytes() <= budget);
    }
  }
  CHECK_EQ(counters.blocks_encoded, 20u);
  size_t sum = 0;
  for (uint32_t block = 0; block < 30; block++) {
    if (const ServedBlock* found = cache.Find(id(block), kSymbolBytes)) sum += found->memory_bytes();
  }
  CHECK_EQ(cache.bytes(), sum);
  CHECK(sum > budget / 2);
  cache.Forget(1);
  CHECK_EQ(cache.bytes(), 0u);
  notifications.Deliver(host);
}

}  // namespace
}  // namespace murky::rain
