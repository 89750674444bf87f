#include "lt/codec.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "testing/check.h"

namespace murky::lt {
namespace {

std::vector<uint8_t> RandomBytes(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

// Sends source symbols through loss and then repair symbols until the block decodes; returns the overhead.
uint32_t RoundTrip(uint32_t k, size_t symbol_bytes, double loss, uint32_t seed) {
  const std::vector<uint8_t> block = RandomBytes(k * symbol_bytes - seed % symbol_bytes, seed);
  const Encoder encoder(block.data(), block.size(), symbol_bytes);
  Decoder decoder(block.size(), symbol_bytes);
  CHECK_EQ(encoder.k(), k);
  CHECK_EQ(decoder.k(), k);
  std::mt19937 random(seed);
  std::vector<uint8_t> symbol(symbol_bytes);
  std::vector<uint8_t> out(block.size(), 0xee);
  for (uint32_t esi = 0; !decoder.decoded(); esi++) {
    CHECK(!decoder.Take(out.data()));
    if (esi < k && std::uniform_real_distribution<>()(random) < loss) continue;
    encoder.Symbol(esi, symbol.data());
    const AddResult result = decoder.Add(esi, symbol.data());
    CHECK(result == AddResult::kNeedMore || result == AddResult::kDecoded);
    CHECK(decoder.received() < k + 100);
  }
  const gf2::Buffer released = decoder.Release();
  CHECK_EQ(released.size(), block.size());
  CHECK(std::equal(block.begin(), block.end(), released.data()));
  return decoder.received() - k;
}

TEST(codec_round_trip_at_every_kind_of_k_and_symbol_size) {
  for (uint32_t k : {1u, 2u, 3u, 16u, 31u, 32u, 33u, 34u, 64u, 127u, 128u, 129u, 256u, 300u, 781u, 1024u}) {
    for (size_t symbol_bytes : {64u, 192u, 1344u}) {
      for (double loss : {0.0, 0.02, 0.3, 1.0}) RoundTrip(k, symbol_bytes, loss, k + 7);
    }
  }
}

TEST(codec_round_trip_at_every_symbol_size) {
  for (size_t symbol_bytes = 64; symbol_bytes <= kMaxSymbolBytes; symbol_bytes += 64) {
    RoundTrip(7, symbol_bytes, 0.4, 11);
    RoundTrip(50, symbol_bytes, 0.6, 13);
  }
}

TEST(codec_round_trip_up_to_the_largest_k) {
  for (uint32_t k = kMaxSourceSymbols; k > 1024; k -= 997) {
    for (double loss : {0.01, 0.4}) RoundTrip(k, 64, loss, k);
  }
}

TEST(codec_needs_exactly_k_symbols_for_small_k) {
  for (uint32_t k = 1; k <= 32; k++) {
    for (double loss : {0.1, 0.5, 1.0}) CHECK_EQ(RoundTrip(k, 64, loss, 1000 + k), 0u);
  }
}

// The block is coded in the constructor: source symbols come out of the columns, also where the block lies
// unaligned and its last symbol is padded.
TEST(codec_source_symbols_are_the_block) {
  for (uint32_t k : {1u, 32u, 33u, 300u}) {
    std::vector<uint8_t> bytes = RandomBytes(1 + k * 192 - 5, k);
    const std::vector<uint8_t> block(bytes.begin() + 1, bytes.end());
    const Encoder encoder(&bytes[1], block.size(), 192);
    std::fill(bytes.begin(), bytes.end(), uint8_t{0});
    std::vector<uint8_t> symbols(k * 192, 0xee);
    encoder.Symbols(0, k, symbols.data());
    CHECK(std::equal(block.begin(), block.end(), symbols.begin()));
    for (size_t at = block.size(); at < symbols.size(); at++) CHECK_EQ(symbols[at], 0);
  }
}

TEST(codec_hands_the_block_over_once) {
  constexpr uint32_t kK = 100;
  const std::vector<uint8_t> block = RandomBytes(kK * 64 - 3, 3);
  const Encoder encoder(block.data(), block.size(), 64);
  Decoder decoder(block.size(), 64);
  std::vector<uint8_t> symbol(64);
  CHECK(decoder.Release().empty());
  for (uint32_t esi = 5; !decoder.decoded(); esi++) {
    encoder.Symbol(esi, symbol.data());
    decoder.Add(esi, symbol.data());
    CHECK_EQ(decoder.Release().empty(), !decoder.decoded());
  }
  std::vector<uint8_t> out(block.size());
  CHECK(!decoder.Take(out.data()));
  CHECK(decoder.Release().empty());
  CHECK(decoder.Add(0, symbol.data()) == AddResult::kDecoded);
  CHECK_EQ(decoder.missing(), 5u);
}

TEST(codec_decodes_into_memory_it_was_given) {
  for (uint32_t k : {20u, 100u}) {
    for (uint32_t lost : {0u, 4u, k}) {
      const size_t symbol_bytes = 192;
      const std::vector<uint8_t> block = RandomBytes(k * symbol_bytes - 7, k + lost);
      const Encoder encoder(block.data(), block.size(), symbol_bytes);
      std::vector<uint8_t> room(k * symbol_bytes + 2, 0xaa);
      std::vector<uint8_t> symbol(symbol_bytes);
      {
        Decoder decoder(block.size(), symbol_bytes, &room[1]);
        for (uint32_t esi = lost; !decoder.decoded(); esi++) {
          encoder.Symbol(esi, symbol.data());
          decoder.Add(esi, symbol.data());
        }
        const gf2::Buffer released = decoder.Release();
        CHECK(released.data() == &room[1]);
        CHECK_EQ(released.size(), block.size());
        CHECK_EQ(released.memory_bytes(), size_t{0});
      }
      CHECK(std::equal(block.begin(), block.end(), &room[1]));
      CHECK_EQ(room.front(), 0xaa);
      CHECK_EQ(room.back(), 0xaa);
    }
  }
}

TEST(codec_refuses_conflicting_duplicates_and_large_esis) {
  const std::vector<uint8_t> block = RandomBytes(100 * 64, 1);
  const Encoder encoder(block.data(), block.size(), 64);
  Decoder decoder(block.size(), 64);
  std::vector<uint8_t> symbol(64);
  for (uint32_t esi : {5u, 500u}) {
    encoder.Symbol(esi, symbol.data());
    CHECK(decoder.Add(esi, symbol.data()) == AddResult::kNeedMore);
    CHECK(decoder.Add(esi, symbol.data()) == AddResult::kDuplicate);
    symbol[63] ^= 1;
    CHECK(decoder.Add(esi, symbol.data()) == AddResult::kConflict);
  }
  CHECK(decoder.Add(kMaxEsi + 1, symbol.data()) == AddResult::kOutOfRange);
  CHECK_EQ(decoder.received(), 2u);
  CHECK_EQ(decoder.missing(), 99u);
}

// A symbol that adds nothing new but has other bytes: with two of three unknowns settled, every fourth or so.
TEST(codec_takes_back_a_symbol_that_contradicts_the_others) {
  constexpr uint32_t kK = 100;
  const std::vector<uint8_t> block = RandomBytes(kK * 64, 2);
  const Encoder encoder(block.data(), block.size(), 64);
  std::vector<uint8_t> symbol(64);
  uint32_t conflicts = 0;
  for (uint32_t esi = 1000; esi < 1040; esi++) {
    Decoder decoder(block.size(), 64);
    for (uint32_t i = 3; i < kK + 2; i++) {
      encoder.Symbol(i, symbol.data());
      decoder.Add(i, symbol.data());
    }
    CHECK(!decoder.decoded());
    const uint32_t received = decoder.received();
    encoder.Symbol(esi, symbol.data());
    symbol[5] ^= 0x40;
    if (decoder.Add(esi, symbol.data()) != AddResult::kConflict) continue;
    conflicts++;
    CHECK_EQ(decoder.received(), received);
    symbol[5] ^= 0x40;
    CHECK(decoder.Add(esi, symbol.data()) == AddResult::kNeedMore);
    CHECK_EQ(decoder.received(), received + 1);
    for (uint32_t more = 2000; !decoder.decoded(); more++) {
      encoder.Symbol(more, symbol.data());
      decoder.Add(more, symbol.data());
    }
    std::vector<uint8_t> out(block.size());
    CHECK(decoder.Take(out.data()));
    CHECK(out == block);
  }
  CHECK(conflicts > 0);
}

// As a server that dies leaves a block: a run of source symbols is missing, wherever it lies.
TEST(codec_takes_runs_of_lost_source_symbols_as_it_takes_others) {
  for (const uint32_t k : {100u, 781u, 2000u}) {
    const std::vector<uint8_t> block = RandomBytes(k * 64, k);
    const Encoder encoder(block.data(), block.size(), 64);
    std::vector<uint8_t> symbol(64);
    double sum = 0;
    const uint32_t trials = 60;
    for (uint32_t trial = 0; trial < trials; trial++) {
      const uint32_t run = 1 + k / 12 * (1 + trial % 3);
      const uint32_t from = trial % 2 ? k - run : (k - run) / trials * trial;
      Decoder decoder(block.size(), 64);
      for (uint32_t esi = 0; !decoder.decoded(); esi++) {
        if (esi - from < run) continue;
        encoder.Symbol(esi < k ? esi : esi + 1000 * trial, symbol.data());
        decoder.Add(esi < k ? esi : esi + 1000 * trial, symbol.data());
      }
      CHECK(decoder.received() < k + 24);
      sum += decoder.received() - k;
    }
    CHECK(sum / trials < 3);
  }
}

}  // namespace
}  // namespace murky::lt
