// Who sent wrong symbols of a block, by what is kept of them.
#include "rain/block_evidence.h"

#include "rain/engine_harness.h"

namespace murky::rain {
namespace {

constexpr size_t kSymbolBytes = 64;

std::vector<uint8_t> Content(size_t bytes) {
  SeededRandom random(3);
  std::vector<uint8_t> content(bytes);
  for (uint8_t& byte : content) byte = static_cast<uint8_t>(random.Next());
  return content;
}

TEST(EveryWrongSymbolIsFoundAndNoTrueOne) {
  const SymbolDigest digest(1);
  for (const size_t bytes : {size_t{100}, size_t{6400}, size_t{6399}}) {
    const std::vector<uint8_t> block = Content(bytes);
    const lt::Encoder encoder(block.data(), block.size(), kSymbolBytes);
    BlockEvidence evidence;
    std::vector<uint32_t> spoilt(3);
    for (uint32_t esi = 0; esi < 300; esi++) {
      uint8_t symbol[kSymbolBytes];
      encoder.Symbol(esi, symbol);
      if (esi % 3 == 1 && esi % 5 == 0) {
        symbol[esi % kSymbolBytes] ^= static_cast<uint8_t>(1 << esi % 8);  // one bit
        spoilt[1]++;
      }
      evidence.Add(digest, esi, esi % 3, symbol, kSymbolBytes);
    }
    CHECK(spoilt[1] == 20);
    CHECK(evidence.WrongSymbols(digest, block.data(), block.size(), kSymbolBytes, 3) == spoilt);
  }
}

TEST(TheDigestIsTheSameOnEveryProcessor) {
  const SymbolDigest digest(7);
  const std::vector<uint8_t> content = Content(lt::kMaxSymbolBytes + 1);
  for (size_t bytes = 64; bytes <= lt::kMaxSymbolBytes; bytes += 64) {
    for (const uint8_t* symbol : {content.data(), content.data() + 1}) {
      CHECK_EQ(digest(symbol, bytes), digest.Portable(symbol, bytes));
    }
  }
  // NH of RFC 4418, section 5.2.2, of zeros: the sum of the products of the key's pairs.
  const std::vector<uint8_t> zeros(lt::kMaxSymbolBytes);
  CHECK(digest(zeros.data(), 64) != digest(zeros.data(), 128));
  CHECK(SymbolDigest(8)(zeros.data(), 64) != digest(zeros.data(), 64));
}

// A client that fetches one block of 6400 bytes, K = 100, from two servers at hand.
struct TwoServers {
  TwoServers() {
    FetchSpec spec;
    spec.resource = 99;
    spec.symbol_bytes = kSymbolBytes;
    spec.servers = {{At(1)}, {At(2)}};
    fetch = client.engine->OpenFetch(spec, client.now);
    CHECK(client.engine->Want(fetch, 0, block.size(), client.now));
    client.Pass(1000);
    CHECK(client.sent.size() >= 2);
    Subscribe message;
    CHECK(ParseSubscribe(client.sent[0].inner(), client.sent[0].inner_bytes(), &message));
    name = message.fetch;
  }
  void Receive(const Address& from, uint32_t esi, bool wrong) {
    uint8_t inner[kSymbolHeaderBytes + kSymbolBytes];
    SymbolHeader header;
    header.fetch = name;
    header.sequence = sequence++;
    header.esi = esi;
    WriteSymbolHeader(header, inner);
    encoder.Symbol(esi, inner + kSymbolHeaderBytes);
    if (wrong) inner[kSymbolHeaderBytes] ^= 1;
    client.Receive(from, inner, sizeof inner);
  }
  EngineHarness client;
  const std::vector<uint8_t> block = Content(6400);
  const lt::Encoder encoder{block.data(), block.size(), kSymbolBytes};
  uint32_t fetch = 0;
  uint16_t name = 0;
  uint32_t sequence = 0;
};

TEST(AFetchTellsWhoSpoiltABlockUntilItIsWantedAgain) {
  TwoServers two;
  for (uint32_t esi = 0; esi < 100; esi++) two.Receive(At(1 + esi % 2), esi, esi % 2 == 1 && esi < 8);
  CHECK_EQ(two.client.decoded.size(), 1u);
  const auto wrong = [&] {
    return two.client.engine->WrongSymbols(two.fetch, 0, two.block.data(), two.block.size());
  };
  CHECK((wrong() == std::vector<uint32_t>{0, 4}));
  CHECK(two.client.engine->WrongSymbols(two.fetch, 1, two.block.data(), two.block.size()).empty());
  CHECK(two.client.engine->Want(two.fetch, 0, two.block.size(), two.client.now));
  CHECK(wrong().empty());
}

// Repair symbols that leave one column out never suffice, and there are millions of them.
TEST(SymbolsThatNeverSufficeAreGivenUpBeforeTheyFillTheMemory) {
  TwoServers two;
  const std::vector<uint8_t> zeros(two.block.size());
  std::vector<uint8_t> probe = zeros;
  probe[50 * kSymbolBytes] = 1;  // only symbols that hold source 50 show it
  const lt::Encoder shows(probe.data(), probe.size(), kSymbolBytes);
  uint32_t taken = 0;
  for (uint32_t esi = 100; esi < 200'000 && two.client.decoded.empty(); esi++) {
    uint8_t symbol[kSymbolBytes];
    shows.Symbol(esi, symbol);
    if (symbol[0] != 0) continue;
    two.Receive(At(1), esi, false);
    taken++;
  }
  CHECK_EQ(two.client.decoded.size(), 1u);
  CHECK(taken <= 2 * 100 + 256);
}

}  // namespace
}  // namespace murky::rain
