// Bounds that no configuration changes, against peers that want them passed.
#include "rain/block_cache.h"
#include "rain/engine_harness.h"
#include "rain/incoming_requests.h"
#include "rain/token_cache.h"

namespace murky::rain {
namespace {

TEST(AClientRemembersNoMoreTokensThan4096) {
  TokenCache cache;
  Token token;
  token.fill(7);
  const auto server = [](size_t n) {
    Address address = At(1);
    address.ip[14] = static_cast<uint8_t>(n >> 8);
    address.ip[15] = static_cast<uint8_t>(n);
    return address;
  };
  for (size_t n = 0; n <= kMaxTokensKept; n++) cache.Put(server(n), token, 1'000, 0);
  CHECK_EQ(kMaxTokensKept, 4096u);
  CHECK(cache.Find(server(0), 0) == Token{});  // the oldest went
  for (size_t n = 1; n <= kMaxTokensKept; n++) CHECK(cache.Find(server(n), 0) == token);
}

TEST(AnswersAreKeptWithin4MiB) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  const std::vector<uint8_t> answer(1'000, 9);
  const auto ask = [&](uint64_t id) {
    const size_t before = server.requests.size();
    Request request;
    request.id = id;
    request.token = token;
    request.payload = answer.data();
    request.payload_bytes = 1;
    server.Receive(At(2), request);
    return server.requests.size() > before;  // it is handed up
  };
  constexpr uint64_t kAsked = 6'000;
  for (uint64_t id = 1; id <= kAsked; id++) {
    CHECK(ask(id));
    CHECK(server.engine->Respond(server.requests.back(), answer.data(), answer.size(), server.now));
  }
  uint64_t kept = 0;
  while (kept < kAsked && !ask(kAsked - kept)) kept++;
  CHECK(kept * answer.size() <= kAnswersKeptBytes && kept > 0);
  CHECK_EQ(kAnswersKeptBytes, 4u << 20);
}

TEST(TheHostIsAskedForNoMoreThan256BlocksAtOnce) {
  EngineHarness server;
  server.provide = false;
  for (int client = 0; client < 200; client++) {
    const Address from = At(static_cast<uint8_t>(client + 2));
    const Token token = server.TokenFor(from);
    const uint32_t first = static_cast<uint32_t>(client) * 4;
    server.Receive(from,
                   server.Wanting({{1, first, 0, 9}, {2, first + 1, 0, 9}, {3, first + 2, 0, 9}}, 1, token));
  }
  CHECK_EQ(server.needed.size(), kMaxBlocksAsked);
  CHECK_EQ(kMaxBlocksAsked, 256u);
  const std::vector<Sent> refused = server.Take(MessageType::kRefuse);
  CHECK(!refused.empty());
  for (const Sent& one : refused) {
    Refuse refuse;
    CHECK(ParseRefuse(one.inner(), one.inner_bytes(), &refuse));
    CHECK(refuse.reason == RefuseReason::kBusy);
  }
}

}  // namespace
}  // namespace murky::rain
