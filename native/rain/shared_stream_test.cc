// What many readers of one object cost the server more than one: no reads of the host, no encoding, and no
// sealing but of each reader's first symbols.
#include <cmath>

#include "rain/subscriptions.h"
#include "testing/check.h"
#include "testing/sim_crowd.h"

namespace murky::rain {
namespace {

using testing::Crowd;

constexpr uint32_t kBlocks = 4;

EngineCounters ServerOf(size_t readers, double loss, Micros apart) {
  Crowd crowd;
  for (size_t i = 0; i < readers; i++) crowd.Add(20e6, loss);
  crowd.Run(kBlocks, apart);
  return crowd.server.engine->counters();
}

TEST(SixtyFourReadersCostNoMoreReadsAndNoMoreEncodingThanOne) {
  for (const Micros apart : {0, 5'000}) {
    const EngineCounters one = ServerOf(1, 0, apart);
    const EngineCounters many = ServerOf(64, 0, apart);
    CHECK_EQ(one.blocks_asked, kBlocks);
    CHECK_EQ(many.blocks_asked, one.blocks_asked);
    CHECK_EQ(many.blocks_encoded, one.blocks_encoded);
    // Where the first burst overflows a queue; what the unluckiest reader needs. One that comes later takes
    // its repair symbols from where the others are by then, and so needs some further ones.
    const uint64_t more = one.repair_symbols_encoded / (apart == 0 ? 8 : 4);
    CHECK(many.repair_symbols_encoded <= one.repair_symbols_encoded + more);
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

// Each is sealed once, but for the first of each reader, which are its own. Of the readers that come one
// after the other the first few are no crowd yet.
TEST(SixtyFourReadersCostNoMoreSealsThanOne) {
  for (const double loss : {0.0, 0.05}) {
    for (const Micros apart : {0, 5'000}) {
      const EngineCounters one = ServerOf(1, loss, apart);
      const EngineCounters many = ServerOf(64, loss, apart);
      CHECK_EQ(one.symbols_sealed, one.symbols_sent);
      const uint64_t once = kBlocks * 196 + many.repair_symbols_encoded;
      CHECK(many.symbols_sealed <= once + 64 * kFirstBurstDatagrams + kReadersToShare * 200);
      CHECK(many.symbols_sealed < many.symbols_sent / 10);
    }
  }
}

TEST(ThreeReadersAreNoCrowd) {
  const EngineCounters few = ServerOf(kReadersToShare - 1, 0, 0);
  CHECK_EQ(few.symbols_sealed, few.symbols_sent);
}

// What is shared bears no number of the reader's; the marks between tell how many there were.
TEST(ReadersOfSharedSymbolsMeasureTheirLoss) {
  for (const double loss : {0.0, 0.05, 0.2}) {
    Crowd crowd;
    for (int i = 0; i < 8; i++) crowd.Add(20e6, loss);
    crowd.Run(16);
    CHECK(crowd.server.engine->counters().symbols_sealed < crowd.server.engine->counters().symbols_sent / 4);
    crowd.network.Run(crowd.network.now() + 1'000'000);  // what is on its way arrives
    for (const auto& reader : crowd.readers) {
      const auto sent = static_cast<double>(crowd.server.symbols_out_to[reader->address]);
      const double gone = 1 - static_cast<double>(reader->symbols_in) / sent;
      const ServerReport report = reader->Report();
      const double seen =
          static_cast<double>(report.lost) / static_cast<double>(report.lost + report.symbols);
      CHECK(std::abs(seen - gone) < 0.002);
    }
  }
}

// Nobody waits for anybody: each has its own pace, and what it asks for.
TEST(ASlowReaderDoesNotSlowTheOthers) {
  const auto fastest = [](bool beside_slow_ones) {
    Crowd crowd;
    for (int i = 0; i < 8; i++) crowd.Add(20e6, 0.01);
    for (int i = 0; beside_slow_ones && i < 4; i++) crowd.Add(1e6, 0.1);
    crowd.Run(kBlocks);
    Micros last = 0;
    for (int i = 0; i < 8; i++) last = std::max(last, crowd.readers[i]->done_at);
    if (beside_slow_ones) CHECK(crowd.readers.back()->done_at > 8 * last);
    return last;
  };
  CHECK(fastest(true) <= fastest(false) * 21 / 20);
}

}  // namespace
}  // namespace murky::rain
