// For tests on the simulated network: one server, and a crowd of clients that each fetch the same object or,
// being liars, ask for whatever they please.
#ifndef MURKY_TESTING_SIM_CROWD_H_
#define MURKY_TESTING_SIM_CROWD_H_

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "rain/engine.h"
#include "rain/sim_network.h"
#include "testing/check.h"

namespace murky::testing {

using rain::Address;
using rain::Micros;

constexpr size_t kCrowdBlockBytes = 1u << 18;
constexpr uint64_t kCrowdResource = 42;

inline Address CrowdAddress(size_t host, uint16_t port = 1980) {
  Address address;
  CHECK(Address::Parse("10.1." + std::to_string(host / 256) + "." + std::to_string(host % 256), port,
                       &address));
  return address;
}

inline std::vector<uint8_t> CrowdBlock(uint32_t block) {
  rain::SeededRandom random(block + 1);
  std::vector<uint8_t> bytes(kCrowdBlockBytes);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.Next());
  return bytes;
}

inline bool CarriesSymbol(const uint8_t* datagram, size_t length) {
  rain::MessageType type;
  return length > rain::kOuterBytes &&
         rain::ParseType(datagram + rain::kOuterBytes, length - rain::kOuterBytes, &type) &&
         (type == rain::MessageType::kSymbol || type == rain::MessageType::kShared);
}

class CrowdNode : public rain::SimNode, public rain::EngineHost, public rain::DatagramSink {
 public:
  CrowdNode(rain::SimNetwork& network, const Address& address, const rain::EngineLimits& limits)
      : address(address),
        network_(network),
        sink_(network.Attach(address, this)),
        group_(limits.group),
        random_(network.random().Next()) {
    std::string error;
    engine = std::make_unique<rain::Engine>(limits, rain::Seal::Make({}, random_, &error), random_, *this,
                                            *this, network.now());
  }
  void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    symbols_in += CarriesSymbol(bytes, length);
    engine->OnDatagram(from, bytes, length, now);
  }
  void OnGroupDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    engine->OnGroupDatagram(from, bytes, length, now);
  }
  Micros OnTime(Micros now) override {
    if (engine->listening(now) != member_) {
      member_ = !member_;
      member_ ? network_.Join(group_, address) : network_.Leave(group_, address);
    }
    return engine->OnTime(now);
  }
  // Of the engine, to the network.
  void Send(const Address& to, const uint8_t* bytes, size_t length) override {
    if (CarriesSymbol(bytes, length)) symbols_out_to[to]++;
    sink_.Send(to, bytes, length);
  }
  void OnBlockNeeded(uint64_t, const rain::Version&, uint32_t) override {}
  void OnBlockDecoded(uint32_t, uint32_t, gf2::Buffer, std::vector<uint32_t>) override {}
  void OnServerState(uint32_t, uint32_t, rain::ServerState, rain::RefuseReason) override {}
  void OnRequest(uint64_t, const Address&, const uint8_t*, size_t) override {}
  void OnResponse(uint64_t, const uint8_t*, size_t) override {}
  void OnRequestTimeout(uint64_t) override {}

  const Address address;
  std::unique_ptr<rain::Engine> engine;
  uint64_t symbols_in = 0;                                                  // that came, to itself alone
  std::unordered_map<Address, uint64_t, rain::AddressHash> symbols_out_to;  // that were handed to the link

 protected:
  rain::SimNetwork& network_;

 private:
  rain::DatagramSink& sink_;
  const Address group_;
  bool member_ = false;
  rain::SeededRandom random_;
};

class CrowdServer : public CrowdNode {
 public:
  using CrowdNode::CrowdNode;
  // Has the first blocks only.
  void OnBlockNeeded(uint64_t resource, const rain::Version& version, uint32_t block) override {
    if (resource != kCrowdResource || block >= blocks) {
      engine->RefuseBlock(resource, version, block, rain::RefuseReason::kNotHere, network_.now());
      return;
    }
    const std::vector<uint8_t> bytes = CrowdBlock(block % 4);
    engine->ProvideBlock(resource, version, block, bytes.data(), bytes.size(), network_.now());
  }
  uint32_t blocks = UINT32_MAX;
};

class CrowdReader : public CrowdNode {
 public:
  using CrowdNode::CrowdNode;
  void Begin(const Address& server, uint32_t blocks) {
    rain::FetchSpec spec;
    spec.resource = kCrowdResource;
    spec.servers = {server};
    blocks_ = blocks;
    fetch_ = engine->OpenFetch(spec, network_.now());
    WantMore();
    network_.Wake(address);
  }
  void OnBlockDecoded(uint32_t, uint32_t block, gf2::Buffer bytes, std::vector<uint32_t>) override {
    const std::vector<uint8_t> right = CrowdBlock(block % 4);
    CHECK(bytes.size() == right.size() && std::equal(right.begin(), right.end(), bytes.data()));
    decoded++;
    if (done()) done_at = network_.now();
    WantMore();
  }
  bool done() const { return decoded == blocks_; }
  rain::ServerReport Report() const {
    rain::FetchReport report;
    CHECK(engine->Report(fetch_, &report));
    return report.servers[0];
  }
  Micros done_at = 0;
  uint32_t decoded = 0;

 private:
  void WantMore() {
    while (wanted_ < blocks_ && wanted_ - decoded < 16) {
      if (!engine->Want(fetch_, wanted_, kCrowdBlockBytes, network_.now())) return;
      wanted_++;
    }
  }
  uint32_t fetch_ = 0;
  uint32_t blocks_ = 0;
  uint32_t wanted_ = 0;
};

// A server, and readers that each have their own link from it.
struct Crowd {
  explicit Crowd(const rain::EngineLimits& limits = {})
      : network(1), limits(limits), server(network, CrowdAddress(1), limits) {}

  CrowdReader* Add(double bits_per_second, double loss) {
    const Address address = CrowdAddress(2 + readers.size());
    readers.push_back(std::make_unique<CrowdReader>(network, address, limits));
    rain::LinkShape link;
    link.delay = 10'000;
    network.Connect(address, server.address, link);
    link.bits_per_second = bits_per_second;
    link.loss = loss;
    network.Connect(server.address, address, link);
    return readers.back().get();
  }
  bool AllDone() const {
    return std::all_of(readers.begin(), readers.end(), [](const auto& reader) { return reader->done(); });
  }
  // All read the first blocks, each beginning so much after the one before, and get the right bytes.
  void Run(uint32_t blocks, Micros apart = 0) {
    Micros at = 0;
    for (const auto& each : readers) {
      CrowdReader* reader = each.get();
      network.At(at, [this, reader, blocks] { reader->Begin(server.address, blocks); });
      at += apart;
    }
    network.Run(60'000'000, [&] { return AllDone(); });
    CHECK(AllDone());
  }

  rain::SimNetwork network;
  const rain::EngineLimits limits;
  CrowdServer server;
  std::vector<std::unique_ptr<CrowdReader>> readers;
};

// Asks from one address, in many fetches, for more than it could ever be sent, and never looks at what comes
// but for tokens.
class CrowdLiar : public rain::SimNode {
 public:
  struct Habits {
    uint16_t fetches = 64;
    Micros interval = 20'000;  // between SUBSCRIBEs of the same fetch
    bool begins_anew = false;  // UNSUBSCRIBE and another name each time: for the burst that comes first
    bool raves = false;        // heartbeats of no order
    bool joins = false;        // wants what is shared
    uint32_t first_block = 0;  // of those asked for
  };

  CrowdLiar(rain::SimNetwork& network, const Address& address, const Address& server, const Habits& habits)
      : address(address), server_(server), habits_(habits), random_(network.random().Next()) {
    std::string error;
    seal_ = rain::Seal::Make({}, random_, &error);
    sink_ = &network.Attach(address, this);
  }
  void OnDatagram(const Address&, const uint8_t* bytes, size_t length, Micros now) override {
    bits_in += (length + 8) * 8;
    rain::Opened opened;
    rain::TokenMessage token;
    if (seal_->Open(bytes, length, now, &opened) == rain::OpenResult::kOk &&
        rain::ParseToken(opened.inner, opened.inner_bytes, &token)) {
      token_ = token.token;
    }
  }
  Micros OnTime(Micros now) override {
    if (now >= next_) {
      for (uint16_t fetch = 0; fetch < habits_.fetches; fetch++) Ask(fetch);
      next_ = now + habits_.interval;
      round_++;
    }
    return next_;
  }

  const Address address;
  uint64_t bits_in = 0;  // of IP payload
  uint64_t bits_out = 0;

 private:
  void Ask(uint16_t fetch) {
    rain::Subscribe message;
    message.fetch = static_cast<uint16_t>(fetch + (habits_.begins_anew ? round_ * habits_.fetches : 0));
    message.token = token_;
    message.resource = kCrowdResource;
    message.symbol_units = 21;
    message.rate_kbit = UINT32_MAX;
    message.heartbeat = habits_.raves ? static_cast<uint32_t>(random_.Next()) : round_;
    for (uint32_t i = 0; i < rain::kMaxRanges; i++) {
      message.ranges.push_back({round_ * 100 + i + 1, habits_.first_block + i, 0, 0xffffff});
    }
    if (habits_.begins_anew) {
      Send(rain::WriteUnsubscribe({static_cast<uint16_t>(message.fetch - habits_.fetches)}, room_));
    }
    Send(rain::WriteSubscribe(message, room_));
    if (habits_.joins) Send(rain::WriteJoin({message.fetch}, room_));
  }
  void Send(size_t inner_bytes) {
    uint8_t datagram[rain::kMaxDatagramBytes];
    const size_t length = seal_->Write(room_, inner_bytes, datagram);
    bits_out += (length + 8) * 8;
    sink_->Send(server_, datagram, length);
  }

  const Address server_;
  const Habits habits_;
  rain::SeededRandom random_;
  std::unique_ptr<rain::Seal> seal_;
  rain::DatagramSink* sink_;
  rain::Token token_{};
  Micros next_ = 0;
  uint32_t round_ = 0;
  uint8_t room_[rain::kMaxDatagramBytes];
};

}  // namespace murky::testing

#endif  // MURKY_TESTING_SIM_CROWD_H_
