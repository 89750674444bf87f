// What a server does for addresses that have not proved themselves, against forgers in virtual time.
#include <set>

#include "rain/engine_harness.h"

namespace murky::rain {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kForged = 100'000;  // each takes ten times as long there
#else
constexpr int kForged = 1'000'000;
#endif

Address RandomAddress(SeededRandom& random) {
  Address address = At(1);
  const uint64_t bits = random.Next();
  for (size_t i = 0; i < 4; i++) address.ip[12 + i] = static_cast<uint8_t>(bits >> 8 * i);
  address.port = static_cast<uint16_t>(bits >> 32 | 1);
  return address;
}

TEST(AMillionForgedSubscribesAreNotReflectedAndLeaveNoState) {
  EngineHarness server;
  SeededRandom random(7);
  size_t received = 0, sent = 0;
  for (int i = 0; i < kForged; i++) {
    Subscribe message = server.Wanting({{1, 0, 0, 1000}}, 1);
    message.fetch = static_cast<uint16_t>(random.Next());
    message.resource = random.Next();
    if (i % 2) message.token[i % kTokenBytes] = static_cast<uint8_t>(random.Next() | 1);
    received += server.Receive(RandomAddress(random), message);
    server.now += 5;
    for (const Sent& one : server.sent) {
      CHECK(one.type() == MessageType::kToken);
      sent += one.datagram.size();
    }
    server.sent.clear();
  }
  const EngineCounters counters = server.engine->counters();
  CHECK(sent > 0 && sent <= received);
  CHECK_EQ(counters.bytes_out, sent);
  CHECK_EQ(counters.subscriptions_started, 0u);
  CHECK_EQ(counters.subscriptions_active, 0u);
  CHECK(server.needed.empty());
  CHECK(server.engine->OnTime(server.now) == kNever);  // nothing is remembered that would be due
}

TEST(AnUnknownVersionIsAnsweredWithWhatIsSpokenOnceInAWhileAndNeverAtGreaterLength) {
  EngineHarness server;
  std::vector<uint8_t> unknown(kVersionAnswerBytes, 0x33);
  unknown[0] = 9;
  const auto receive = [&](size_t length) {
    server.sent.clear();
    server.engine->OnDatagram(At(4), unknown.data(), length, server.now);
    return server.sent.size();
  };
  CHECK_EQ(receive(kVersionAnswerBytes - 1), 0u);  // the answer would be longer
  CHECK_EQ(receive(kVersionAnswerBytes), 1u);
  const std::vector<uint8_t> answer = server.sent[0].datagram;
  CHECK_EQ(answer.size(), kVersionAnswerBytes);
  CHECK(answer[0] == 0 && answer[1] == 1 && answer[2] == kWireVersion);
  CHECK(std::equal(answer.begin() + 3, answer.end(), unknown.begin() + 2));
  size_t answers = 0;
  for (int i = 0; i < 100'000; i++) {  // one second
    server.now += 10;
    answers += receive(kVersionAnswerBytes);
  }
  CHECK(answers >= 70 && answers <= 90);
  server.now += 1'000'000;
  unknown[0] = 0;
  CHECK_EQ(receive(kVersionAnswerBytes), 0u);  // an answer is not answered
  CHECK_EQ(server.engine->counters().version_answers, answers + 1);
}

}  // namespace
}  // namespace murky::rain
