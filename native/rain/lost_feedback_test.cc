// A server whose client is not heard any more (RFC 8085, section 3.1.10; RFC 8083): it sends what had been
// asked of it until then, and not a byte more.
#include "rain/engine_harness.h"
#include "testing/check.h"
#include "testing/sim_crowd.h"

namespace murky::rain {
namespace {

using testing::Crowd;
using testing::CrowdReader;

constexpr Micros kCutAt = 2'000'000;

TEST(WhenAllFeedbackIsLostAServerSendsWhatWasAskedAndStops) {
  for (const double bits_per_second : {5e6, 100e6}) {
    Crowd crowd;
    CrowdReader* reader = crowd.Add(bits_per_second, 0.01);
    const EngineCounters& server = crowd.server.engine->counters();
    crowd.network.At(0, [&] { reader->Begin(crowd.server.address, 1'000); });
    crowd.network.At(kCutAt, [&] {
      LinkShape cut = crowd.network.shape(reader->address, crowd.server.address);
      cut.loss = 1;
      crowd.network.Connect(reader->address, crowd.server.address, cut);
    });
    crowd.network.Run(kCutAt);
    const uint64_t before = server.bytes_out;
    CHECK(before > 0.8 * bits_per_second / 8 * 2);
    CHECK_EQ(server.subscriptions_active, 1u);
    // The last SUBSCRIBEs were still on their way: 5 s after them it forgets the client.
    crowd.network.Run(kCutAt + 5'100'000);
    CHECK_EQ(server.subscriptions_expired, 1u);
    CHECK_EQ(server.subscriptions_active, 0u);
    const uint64_t after = server.bytes_out - before;
    // A credit: the path's rate over a round trip, four ticks and 2 ms.
    const double round_trip = 20e-3;
    const double tick = 4e-3;
    CHECK(static_cast<double>(after) * 8 <= bits_per_second * (round_trip + 4 * tick + 2e-3));
    crowd.network.Run(kCutAt + 30'000'000);
    CHECK_EQ(server.bytes_out - before, after);
  }
}

// What the server was asked at the start ends soon, and losses of SUBSCRIBEs come in runs.
TEST(WhenTheFirstSymbolsComeWhatIsAskedNextIsSaidOften) {
  EngineHarness client;
  FetchSpec spec;
  spec.resource = 99;
  spec.symbol_bytes = 64;
  spec.servers.emplace_back(At(2));
  const uint32_t fetch = client.engine->OpenFetch(spec, client.now);
  CHECK(client.engine->Want(fetch, 0, 1u << 18, client.now));
  client.Pass(100'000);  // so long is a round trip, and a tick 10 ms
  Subscribe asked;
  const auto last = [&client, &asked] {
    const std::vector<Sent> sent = client.Take(MessageType::kSubscribe);
    CHECK(!sent.empty());
    CHECK(ParseSubscribe(sent.back().inner(), sent.back().inner_bytes(), &asked));
  };
  last();
  TokenMessage answer;
  answer.fetch = asked.fetch;
  answer.token.fill(5);
  client.Receive(At(2), answer);
  client.Pass(100'000);
  last();
  uint8_t inner[kSymbolHeaderBytes + 64] = {};
  SymbolHeader header;
  header.fetch = asked.fetch;
  header.esi = asked.ranges[0].from;
  WriteSymbolHeader(header, inner);
  client.Receive(At(2), inner, sizeof inner);
  client.Pass(20'000);
  CHECK(client.Take(MessageType::kSubscribe).size() >= 18);
}

}  // namespace
}  // namespace murky::rain
