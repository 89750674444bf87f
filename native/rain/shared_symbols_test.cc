// SHARED, MARK and JOIN, against clients and servers made by hand.
#include <cstring>

#include "rain/engine_harness.h"
#include "rain/shared_streams.h"
#include "rain/subscriptions.h"

namespace murky::rain {
namespace {

constexpr int kReaders = 4;

// Readers from 10.0.0.2 up, each with a token.
struct Audience {
  explicit Audience(int readers = kReaders) {
    for (int i = 0; i < readers; i++) tokens.push_back(server.TokenFor(At(2 + i)));
  }
  void Ask(int reader, uint32_t heartbeat, std::vector<Range> ranges) {
    Subscribe message = server.Wanting(std::move(ranges), heartbeat, tokens[reader]);
    message.rate_kbit = rate_kbit;
    server.Receive(At(2 + reader), message);
  }
  // All ask for the same, each at its own time.
  void AskAndJoin(uint32_t count) {
    for (size_t i = 0; i < tokens.size(); i++) {
      Ask(static_cast<int>(i), 1, {{1, 0, 0, count}});
      server.Receive(At(2 + static_cast<int>(i)), Join{7});
    }
  }
  EngineHarness server;
  uint32_t rate_kbit = 100'000;
  std::vector<Token> tokens;
};

std::vector<Sent> To(const std::vector<Sent>& all, int reader) {
  std::vector<Sent> to;
  for (const Sent& one : all) {
    if (one.to == At(2 + reader)) to.push_back(one);
  }
  return to;
}

TEST(ACrowdIsSentTheSameDatagrams) {
  Audience audience;
  audience.AskAndJoin(90);
  audience.server.Pass(1'000'000);
  const std::vector<Sent> shared = audience.server.Take(MessageType::kShared);
  CHECK_EQ(shared.size(), (90 - kFirstBurstDatagrams) * kReaders);
  const std::vector<Sent> first = To(shared, 0);
  for (int reader = 1; reader < kReaders; reader++) {
    const std::vector<Sent> theirs = To(shared, reader);
    CHECK_EQ(theirs.size(), first.size());
    for (size_t i = 0; i < theirs.size(); i++) CHECK(theirs[i].datagram == first[i].datagram);
  }
  SharedHeader header;
  const uint8_t* symbol;
  size_t bytes;
  CHECK(ParseShared(first[0].inner(), first[0].inner_bytes(), &header, &symbol, &bytes));
  CHECK_EQ(header.stream, StreamId(99, Version{}));
  CHECK_EQ(header.esi, kFirstBurstDatagrams);
  CHECK_EQ(symbol[0], 0);  // of block 0
}

TEST(WhoDidNotAskForSharedSymbolsGetsItsOwn) {
  Audience audience(5);
  for (int i = 0; i < 5; i++) {
    audience.Ask(i, 1, {{1, 0, 0, 90}});
    if (i > 0) audience.server.Receive(At(2 + i), Join{7});
  }
  audience.server.Pass(1'000'000);
  const std::vector<Sent> sent = audience.server.sent;
  for (const Sent& one : To(sent, 0)) CHECK(one.type() == MessageType::kSymbol);
  CHECK_EQ(To(sent, 0).size(), 90u);
  CHECK(To(audience.server.Take(MessageType::kShared), 1).size() > 0);
}

// The sequence runs over SYMBOL and SHARED alike, and a MARK tells where it is.
TEST(MarksCountAllThatWasSent) {
  Audience audience;
  audience.rate_kbit = 5'000;
  audience.AskAndJoin(90);
  for (uint32_t heartbeat = 2; heartbeat < 20; heartbeat++) {
    audience.server.Pass(1'000);
    for (int i = 0; i < kReaders; i++) audience.Ask(i, heartbeat, {{1, 0, 0, 90}, {2, 1, 0, 60}});
  }
  audience.server.Pass(1'000'000);
  uint32_t sent = 0;
  int marks = 0;
  for (const Sent& one : To(audience.server.sent, 0)) {
    Mark mark;
    if (ParseMark(one.inner(), one.inner_bytes(), &mark)) {
      CHECK_EQ(mark.fetch, 7);
      CHECK_EQ(mark.sequence, sent);
      marks++;
    } else {
      sent++;
    }
  }
  CHECK_EQ(sent, 150u);
  CHECK(marks >= 3);
}

TEST(ThereIsNothingToJoinWithoutASubscription) {
  Audience audience;
  for (int i = 0; i < kReaders; i++) audience.server.Receive(At(2 + i), Join{7});
  audience.server.Pass(1'000'000);
  CHECK(audience.server.sent.empty());
  audience.AskAndJoin(90);
  audience.server.Receive(At(9), Join{7});  // no token was ever asked for there
  audience.server.Pass(1'000'000);
  for (const Sent& one : audience.server.sent) CHECK(one.to != At(9));
}

TEST(WhoLeavesIsSentNoMoreAndTheCrowdEndsWithItsLastReader) {
  Audience audience;
  audience.AskAndJoin(100'000);
  audience.server.Pass(20'000);
  CHECK(!audience.server.Take(MessageType::kShared).empty());
  for (int i = 0; i < kReaders; i++) audience.server.Receive(At(2 + i), Unsubscribe{7});
  audience.server.Pass(1'000'000);
  CHECK(audience.server.sent.empty());
  // A single reader afterwards has its own symbols again.
  audience.Ask(0, 1, {{1, 0, 0, 90}});
  audience.server.Receive(At(2), Join{7});
  audience.server.Pass(1'000'000);
  CHECK(audience.server.Take(MessageType::kShared).empty());
}

TEST(WhoFallsSilentIsForgottenThoughTheOthersReadOn) {
  Audience audience(5);
  audience.AskAndJoin(1'000'000);
  for (uint32_t second = 0; second < 8; second++) {
    audience.server.sent.clear();
    for (int i = 1; i < 5; i++) {
      if (second % 4 == 3) {
        // The tokens grow old.
        audience.tokens[i] = audience.server.TokenFor(At(2 + i));
        audience.server.sent.clear();
      }
      audience.Ask(i, second + 2, {{1, 0, 0, 1'000'000}});
    }
    audience.server.sent.clear();
    audience.server.Pass(1'000'000);
  }
  CHECK(To(audience.server.sent, 0).empty());
  CHECK(!To(audience.server.sent, 1).empty());
  CHECK_EQ(audience.server.engine->counters().subscriptions_expired, 1u);
}

// A client asks for a block and is sent what is not for it.
struct Reader {
  Reader() {
    FetchSpec spec;
    spec.resource = 99;
    spec.symbol_bytes = 64;
    spec.servers = {At(1)};
    fetch = client.engine->OpenFetch(spec, client.now);
    CHECK(client.engine->Want(fetch, 0, 6400, client.now));
    client.Pass(1'000);
    TokenMessage token;
    Subscribe asked;
    const Sent subscribe = client.Take(MessageType::kSubscribe).front();
    CHECK(ParseSubscribe(subscribe.inner(), subscribe.inner_bytes(), &asked));
    name = asked.fetch;
    token.fetch = name;
    token.token.fill(1);
    client.Receive(At(1), token);
    client.Pass(1'000);
  }
  void Share(const Address& from, uint64_t stream, uint32_t esi, size_t symbol_bytes = 64) {
    std::vector<uint8_t> inner(kSymbolHeaderBytes + symbol_bytes);
    WriteSharedHeader({stream, esi, 0}, inner.data());
    client.ReceiveShared(from, inner.data(), inner.size());
  }
  ServerReport Report() const {
    FetchReport report;
    CHECK(client.engine->Report(fetch, &report));
    return report.servers[0];
  }
  EngineHarness client;
  uint32_t fetch = 0;
  uint16_t name = 0;
};

TEST(AReaderTakesSharedSymbolsOfItsVersionFromWhomItAskedOnly) {
  Reader reader;
  const uint64_t stream = StreamId(99, Version{});
  Version other{};
  other[15] = 1;
  reader.Share(At(1), StreamId(99, other), 0);
  reader.Share(At(3), stream, 0);
  reader.Share(At(1), stream, 0, 128);
  CHECK_EQ(reader.Report().symbols, 0u);
  CHECK_EQ(reader.client.engine->counters().dropped_unknown, 2u);
  CHECK_EQ(reader.client.engine->counters().dropped_malformed, 1u);
  for (uint32_t esi = 0; esi < 100; esi++) reader.Share(At(1), stream, esi);
  CHECK_EQ(reader.client.decoded.size(), 1u);
}

// A recorded one that comes again says neither that the server lives nor that anything arrives.
TEST(ASharedSymbolThatWasNotAskedForIsNoSignOfLife) {
  Reader reader;
  for (int i = 0; i < 40; i++) {
    reader.Share(At(1), StreamId(99, Version{}), 5'000);
    reader.client.Pass(100'000);
  }
  CHECK(reader.Report().state == ServerState::kSilent);
  CHECK_EQ(reader.Report().lost, 0u);
}

TEST(NothingButASymbolMayBeSealedForMany) {
  const std::vector<ClusterKey> keys = {ClusterKey(32, 7)};
  EngineHarness server({}, 1, keys);
  uint8_t inner[kMaxInnerBytes];
  const size_t length = WriteSubscribe(server.Wanting({{1, 0, 0, 10}}), inner);
  server.ReceiveShared(At(2), inner, length);
  CHECK_EQ(server.engine->counters().dropped_malformed, 1u);
  CHECK(server.sent.empty());
  server.Receive(At(2), inner, length);
  CHECK_EQ(server.sent.size(), 1u);
}

}  // namespace
}  // namespace murky::rain
