#include "rain/polluted_network.h"

#include <algorithm>
#include <string>

namespace murky::rain {

namespace {

std::unique_ptr<Seal> Unsealed(Random& random) {
  std::string error;
  return Seal::Make({}, random, &error);
}

// Spoils symbols on their way out.
class PollutingSink : public DatagramSink {
 public:
  PollutingSink(const PollutedServer& shape, SeededRandom& random, DatagramSink& way)
      : shape_(shape), random_(random), way_(way) {}
  void Send(const Address& to, const uint8_t* bytes, size_t length) override {
    SymbolHeader header;
    const uint8_t* symbol;
    size_t symbol_bytes;
    const bool is_symbol =
        ParseSymbol(bytes + kOuterBytes, length - kOuterBytes, &header, &symbol, &symbol_bytes);
    if (!is_symbol || wrong_sent_ >= shape_.most_wrong || random_.Uniform() >= shape_.wrong_share) {
      way_.Send(to, bytes, length);
      return;
    }
    std::vector<uint8_t> spoilt(bytes, bytes + length);
    Spoil(spoilt.data() + (symbol - bytes), symbol_bytes);
    wrong_sent_++;
    way_.Send(to, spoilt.data(), spoilt.size());
  }
  uint64_t wrong_sent() const { return wrong_sent_; }

 private:
  void Spoil(uint8_t* symbol, size_t bytes) {
    switch (shape_.pollution) {
      case Pollution::kNoise:
        for (size_t i = 0; i < bytes; i++) symbol[i] = static_cast<uint8_t>(random_.Next());
        break;
      case Pollution::kFlip: {
        const uint64_t bit = random_.Next() % (bytes * 8);
        symbol[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        break;
      }
      case Pollution::kSteady:
        symbol[bytes / 2] ^= 0x55;
        break;
    }
  }

  const PollutedServer& shape_;
  SeededRandom& random_;
  DatagramSink& way_;
  uint64_t wrong_sent_ = 0;
};

}  // namespace

class PollutedNetwork::Client : public SimNode {
 public:
  Client(SimNetwork& network, const Address& address, EngineHost& host)
      : address(address),
        random_(network.random().Next()),
        engine(EngineLimits{}, Unsealed(random_), random_, network.Attach(address, this), host,
               network.now()) {}
  void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    engine.OnDatagram(from, bytes, length, now);
  }
  Micros OnTime(Micros now) override { return engine.OnTime(now); }

  const Address address;

 private:
  SeededRandom random_;

 public:
  Engine engine;
};

class PollutedNetwork::Server : public SimNode, public EngineHost {
 public:
  Server(SimNetwork& network, const Address& address, const PollutedServer& shape,
         const std::vector<uint8_t>& content, size_t block_bytes)
      : network_(network),
        shape_(shape),
        content_(content),
        block_bytes_(block_bytes),
        random_(network.random().Next()),
        sink(shape_, random_, network.Attach(address, this)),
        engine_(EngineLimits{}, Unsealed(random_), random_, sink, *this, network.now()) {}
  void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    engine_.OnDatagram(from, bytes, length, now);
  }
  Micros OnTime(Micros now) override { return engine_.OnTime(now); }
  void OnBlockNeeded(uint64_t resource, const Version& version, uint32_t block) override {
    const size_t from = block * block_bytes_;
    if (from >= content_.size()) {
      engine_.RefuseBlock(resource, version, block, RefuseReason::kNotHere, network_.now());
      return;
    }
    engine_.ProvideBlock(resource, version, block, content_.data() + from,
                         std::min(block_bytes_, content_.size() - from), network_.now());
  }
  void OnBlockDecoded(uint32_t, uint32_t, gf2::Buffer, std::vector<uint32_t>) override {}
  void OnServerState(uint32_t, uint32_t, ServerState, RefuseReason) override {}
  void OnRequest(uint64_t, const Address&, const uint8_t*, size_t) override {}
  void OnResponse(uint64_t, const uint8_t*, size_t) override {}
  void OnRequestTimeout(uint64_t) override {}

 private:
  SimNetwork& network_;
  const PollutedServer shape_;
  const std::vector<uint8_t>& content_;
  const size_t block_bytes_;
  SeededRandom random_;

 public:
  PollutingSink sink;

 private:
  Engine engine_;
};

PollutedNetwork::PollutedNetwork(uint64_t seed, std::vector<uint8_t> content, size_t block_bytes,
                                 const std::vector<PollutedServer>& servers, EngineHost& host)
    : network_(seed), content_(std::move(content)), block_bytes_(block_bytes) {
  Address client;
  Address::Parse("10.0.0.1", 1980, &client);
  client_ = std::make_unique<Client>(network_, client, host);
  for (size_t i = 0; i < servers.size(); i++) {
    const Address address = ServerAddress(i);
    servers_.push_back(std::make_unique<Server>(network_, address, servers[i], content_, block_bytes_));
    LinkShape back;
    back.delay = servers[i].link.delay;
    network_.Connect(client, address, back);
    network_.Connect(address, client, servers[i].link);
  }
}

PollutedNetwork::~PollutedNetwork() = default;

Address PollutedNetwork::ServerAddress(size_t server) {
  Address address;
  Address::Parse("10.0." + std::to_string(1 + server / 250) + "." + std::to_string(1 + server % 250), 1980,
                 &address);
  return address;
}

Engine& PollutedNetwork::client() { return client_->engine; }

void PollutedNetwork::Wake() { network_.Wake(client_->address); }

uint64_t PollutedNetwork::wrong_sent(size_t server) const { return servers_[server]->sink.wrong_sent(); }

}  // namespace murky::rain
