// For tests: an engine whose datagrams and notifications are recorded, and a hand-made client or server that
// speaks the wire format to it, well or badly.
#ifndef MURKY_RAIN_ENGINE_HARNESS_H_
#define MURKY_RAIN_ENGINE_HARNESS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rain/engine.h"
#include "rain/seeded_random.h"
#include "testing/check.h"

namespace murky::rain {

struct Sent {
  Address to;
  std::vector<uint8_t> datagram;
  MessageType type() const {
    MessageType type = MessageType::kSubscribe;
    CHECK(ParseType(inner(), inner_bytes(), &type));
    return type;
  }
  const uint8_t* inner() const { return datagram.data() + kOuterBytes; }
  size_t inner_bytes() const { return datagram.size() - kOuterBytes; }
};

class EngineHarness : public DatagramSink, public EngineHost {
 public:
  explicit EngineHarness(const EngineLimits& limits = {}, uint64_t seed = 1,
                         const std::vector<ClusterKey>& keys = {})
      : random_(seed) {
    std::string error;
    peer_seal_ = Seal::Make(keys, random_, &error);
    engine = std::make_unique<Engine>(limits, Seal::Make(keys, random_, &error), random_, *this, *this, now);
  }

  // Hands an inner message to the engine as from this address and returns its length as a datagram.
  size_t Receive(const Address& from, const uint8_t* inner, size_t inner_bytes) {
    std::vector<uint8_t> datagram(inner_bytes + peer_seal_->overhead_bytes());
    const size_t length = peer_seal_->Write(inner, inner_bytes, datagram.data());
    engine->OnDatagram(from, datagram.data(), length, now);
    return length;
  }
  // As one that is sealed for many.
  void ReceiveShared(const Address& from, const uint8_t* inner, size_t inner_bytes) {
    std::vector<uint8_t> datagram(inner_bytes + peer_seal_->overhead_bytes());
    const size_t length = peer_seal_->WriteShared(inner, inner_bytes, datagram.data());
    engine->OnDatagram(from, datagram.data(), length, now);
  }
  size_t Receive(const Address& from, const Subscribe& message) {
    return Receive(from, buffer_, WriteSubscribe(message, buffer_));
  }
  size_t Receive(const Address& from, const Request& message) {
    return Receive(from, buffer_, WriteRequest(message, buffer_));
  }
  size_t Receive(const Address& from, const Response& message) {
    return Receive(from, buffer_, WriteResponse(message, buffer_));
  }
  size_t Receive(const Address& from, const TokenMessage& message) {
    return Receive(from, buffer_, WriteToken(message, buffer_));
  }
  size_t Receive(const Address& from, const Refuse& message) {
    return Receive(from, buffer_, WriteRefuse(message, buffer_));
  }
  size_t Receive(const Address& from, const Join& message) {
    return Receive(from, buffer_, WriteJoin(message, buffer_));
  }
  size_t Receive(const Address& from, const Listen& message) {
    return Receive(from, buffer_, WriteListen(message, buffer_));
  }
  size_t Receive(const Address& from, const Mark& message) {
    return Receive(from, buffer_, WriteMark(message, buffer_));
  }
  size_t Receive(const Address& from, const Unsubscribe& message) {
    return Receive(from, buffer_, WriteUnsubscribe(message, buffer_));
  }

  // Lets the time pass, with the engine called whenever it asks for it.
  void Pass(Micros micros) {
    const Micros until = now + micros;
    for (Micros next = engine->OnTime(now); next <= until; next = engine->OnTime(now)) {
      now = std::max(next, now);
      wake_ups++;
    }
    now = until;
  }

  std::vector<Sent> Take(MessageType type) {
    std::vector<Sent> taken;
    for (const Sent& one : sent) {
      if (one.type() == type) taken.push_back(one);
    }
    sent.clear();
    return taken;
  }

  // What the server says to a SUBSCRIBE or REQUEST without a token.
  Token TokenFor(const Address& client) {
    Subscribe message = Wanting({});
    Receive(client, message);
    const std::vector<Sent> answers = Take(MessageType::kToken);
    CHECK_EQ(answers.size(), 1u);
    TokenMessage answer;
    CHECK(ParseToken(answers[0].inner(), answers[0].inner_bytes(), &answer));
    return answer.token;
  }

  Subscribe Wanting(std::vector<Range> ranges, uint32_t heartbeat = 1, Token token = {}) const {
    Subscribe message;
    message.fetch = 7;
    message.token = token;
    message.resource = 99;
    message.symbol_units = 1;
    message.rate_kbit = 100'000;
    message.heartbeat = heartbeat;
    message.ranges = std::move(ranges);
    return message;
  }

  void Send(const Address& to, const uint8_t* bytes, size_t length) override {
    sent.push_back({to, std::vector<uint8_t>(bytes, bytes + length)});
  }
  void OnBlockNeeded(uint64_t resource, const Version& version, uint32_t block) override {
    needed.push_back(block);
    if (!provide) return;
    const std::vector<uint8_t> bytes(block_bytes, static_cast<uint8_t>(block));
    engine->ProvideBlock(resource, version, block, bytes.data(), bytes.size(), now);
  }
  void OnBlockDecoded(uint32_t, uint32_t block, gf2::Buffer, std::vector<uint32_t>) override {
    decoded.push_back(block);
  }
  void OnServerState(uint32_t, uint32_t, ServerState state, RefuseReason) override {
    states.push_back(state);
  }
  void OnRequest(uint64_t handle, const Address&, const uint8_t*, size_t) override {
    requests.push_back(handle);
  }
  void OnResponse(uint64_t request, const uint8_t* payload, size_t bytes) override {
    responses.emplace_back(request, std::string(payload, payload + bytes));
  }
  void OnRequestTimeout(uint64_t request) override { timeouts.push_back(request); }

  Micros now = 1'000'000;
  bool provide = true;
  size_t block_bytes = 6400;  // K = 100 with the symbols of Wanting()
  int wake_ups = 0;
  std::unique_ptr<Engine> engine;
  std::vector<Sent> sent;
  std::vector<uint32_t> needed;
  std::vector<uint32_t> decoded;
  std::vector<ServerState> states;
  std::vector<uint64_t> requests;
  std::vector<std::pair<uint64_t, std::string>> responses;
  std::vector<uint64_t> timeouts;

 private:
  SeededRandom random_;
  std::unique_ptr<Seal> peer_seal_;
  uint8_t buffer_[kMaxDatagramBytes];
};

inline Address At(int host, uint16_t port = 1980) {
  Address address;
  CHECK(Address::Parse("10.0.0." + std::to_string(host), port, &address));
  return address;
}

}  // namespace murky::rain

#endif  // MURKY_RAIN_ENGINE_HARNESS_H_
