#include "gf2/buffer.h"

#include <vector>

#include "testing/check.h"

namespace murky::gf2 {
namespace {

constexpr size_t kMiB = 1u << 20;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kPooled = false;  // every free is to be seen
#elif defined(__has_feature)
constexpr bool kPooled = !__has_feature(address_sanitizer);
#else
constexpr bool kPooled = true;
#endif

std::vector<Buffer> Blocks(size_t count) {
  std::vector<Buffer> blocks;
  for (size_t i = 0; i < count; i++) blocks.emplace_back(kMiB);
  return blocks;
}

}  // namespace

TEST(buffer_pool_keeps_what_a_gust_of_blocks_lets_go_for_the_next) {
  if (!kPooled) return;
  std::vector<Buffer> in_use = Blocks(16);
  Blocks(32);
  CHECK_EQ(Buffer::PooledBytes(), kBusyPoolBytes - 16 * kMiB);
  std::vector<Buffer> next = Blocks(32);
  CHECK_EQ(Buffer::PooledBytes(), 0u);
  next.clear();
  in_use.resize(5);
  CHECK_EQ(Buffer::PooledBytes(), kBusyPoolBytes - 5 * kMiB);
}

TEST(buffer_pool_holds_little_beside_much_and_beside_nothing) {
  if (!kPooled) return;
  std::vector<Buffer> in_use = Blocks(40);
  Blocks(30);
  CHECK_EQ(Buffer::PooledBytes(), kPoolBytes);
  in_use.clear();
  CHECK_EQ(Buffer::PooledBytes(), kPoolBytes);
}

TEST(buffer_pool_takes_nothing_from_a_buffer_over_the_memory_of_others) {
  const size_t before = Buffer::PooledBytes();
  std::vector<uint8_t> bytes(kMiB);
  { const Buffer over = Buffer::Over(bytes.data(), bytes.size()); }
  CHECK_EQ(Buffer::PooledBytes(), before);
}

}  // namespace murky::gf2
