#include "gf2/crc32.h"

#include <random>
#include <vector>

#include "testing/check.h"

namespace murky::gf2 {
namespace {

// Bit by bit, as ISO 3309 has it.
uint32_t Slowly(const uint8_t* data, size_t bytes) {
  uint32_t remainder = 0xffffffff;
  for (size_t i = 0; i < bytes; i++) {
    remainder ^= data[i];
    for (int bit = 0; bit < 8; bit++) remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~remainder;
}

TEST(crc32_is_that_of_zlib_for_every_length_and_address) {
  const Crc32Function crc32 = FastCrc32();
  if (!crc32) return;  // zlib's is used here
  CHECK_EQ(crc32(reinterpret_cast<const uint8_t*>("123456789"), 9), 0xcbf43926u);
  std::mt19937 random(20261122);
  std::vector<uint8_t> bytes(70'000);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  for (size_t length = 0; length < 400; length++) {
    const uint8_t* from = bytes.data() + length % 17;
    CHECK_EQ(crc32(from, length), Slowly(from, length));
  }
  for (size_t length : {1023u, 4096u, 65'535u, 65'536u, 69'999u}) {
    CHECK_EQ(crc32(bytes.data() + 1, length), Slowly(bytes.data() + 1, length));
  }
}

}  // namespace
}  // namespace murky::gf2
