// What many readers of one object cost the server more than one: no reads of the host, no encoding.
#include "testing/check.h"
#include "testing/sim_crowd.h"

namespace murky::rain {
namespace {

using testing::CrowdAddress;
using testing::CrowdReader;
using testing::CrowdServer;

constexpr uint32_t kBlocks = 4;

EngineCounters ServerOf(size_t readers, double loss, Micros apart) {
  SimNetwork network(1);
  CrowdServer server(network, CrowdAddress(1), {});
  std::vector<std::unique_ptr<CrowdReader>> crowd;
  for (size_t i = 0; i < readers; i++) {
    crowd.push_back(std::make_unique<CrowdReader>(network, CrowdAddress(2 + i), EngineLimits{}));
    LinkShape link;
    link.delay = 10'000;
    network.Connect(crowd[i]->address, server.address, link);
    link.bits_per_second = 20e6;
    link.loss = loss;
    network.Connect(server.address, crowd[i]->address, link);
    CrowdReader* reader = crowd[i].get();
    network.At(static_cast<Micros>(i) * apart, [reader, &server] { reader->Begin(server.address, kBlocks); });
  }
  network.Run(60'000'000, [&] {
    return std::all_of(crowd.begin(), crowd.end(), [](const auto& reader) { return reader->done(); });
  });
  for (const auto& reader : crowd) CHECK(reader->done());
  return server.engine->counters();
}

TEST(SixtyFourReadersCostNoMoreReadsAndNoMoreEncodingThanOne) {
  for (const Micros apart : {0, 5'000}) {
    const EngineCounters one = ServerOf(1, 0, apart);
    const EngineCounters many = ServerOf(64, 0, apart);
    CHECK_EQ(one.blocks_asked, kBlocks);
    CHECK_EQ(many.blocks_asked, one.blocks_asked);
    CHECK_EQ(many.blocks_encoded, one.blocks_encoded);
    // Where the first burst overflows a queue; what the unluckiest reader needs.
    CHECK(many.repair_symbols_encoded <= one.repair_symbols_encoded * 9 / 8);
    CHECK(many.symbols_sent >= 64 * one.symbols_sent * 9 / 10);
  }
}

// Repair symbols are made once, as many as the reader asks for that loses most.
TEST(SixtyFourLossyReadersShareTheRepairSymbols) {
  const EngineCounters one = ServerOf(1, 0.05, 0);
  const EngineCounters many = ServerOf(64, 0.05, 0);
  CHECK(one.repair_symbols_encoded > 0);
  CHECK_EQ(many.blocks_asked, one.blocks_asked);
  CHECK_EQ(many.blocks_encoded, one.blocks_encoded);
  CHECK(many.repair_symbols_encoded <= 2 * one.repair_symbols_encoded);
  const uint64_t repair_sent = many.symbols_sent - 64 * kBlocks * 196;  // K = 196
  CHECK(repair_sent > 40 * one.repair_symbols_encoded);
}

}  // namespace
}  // namespace murky::rain
