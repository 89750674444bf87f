// A client's loop in a simulated network with servers that send wrong symbols, for JavaScript:
// src/native/addon.ts, PollutedNetwork. Everything happens on the calling thread, in virtual time.
#include "addon/bindings.h"

#include <algorithm>

#include "addon/arguments.h"
#include "addon/loop_events.h"
#include "addon/loop_options.h"
#include "addon/report_values.h"
#include "rain/polluted_network.h"

namespace murky::addon {
namespace {

constexpr double kMostMilliseconds = 1e9;

rain::PollutedServer ServerOf(Napi::Value value) {
  const Napi::Object given = ObjectOf(value);
  const auto micros = [&](const char* name) {
    return static_cast<rain::Micros>(std::min(AmountOf(given.Get(name)), kMostMilliseconds) * 1000);
  };
  rain::PollutedServer server;
  server.link.bits_per_second = AmountOf(given.Get("rateBitsPerSecond"));
  server.link.delay = micros("delayMs");
  server.link.jitter = micros("jitterMs");
  server.link.loss = std::min(AmountOf(given.Get("loss")), 1.0);
  server.wrong_share = AmountOf(given.Get("wrongShare"));
  if (!given.Get("mostWrong").IsUndefined()) server.most_wrong = WholeOf(given.Get("mostWrong"));
  const std::string pollution = given.Get("pollution").ToString();
  if (pollution == "flip") server.pollution = rain::Pollution::kFlip;
  if (pollution == "steady") server.pollution = rain::Pollution::kSteady;
  return server;
}

class NetworkObject : public Napi::ObjectWrap<NetworkObject>, public rain::EngineHost {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "PollutedNetwork",
        {InstanceMethod<&NetworkObject::Servers>("servers"),
         InstanceMethod<&NetworkObject::OpenFetch>("openFetch"), InstanceMethod<&NetworkObject::Want>("want"),
         InstanceMethod<&NetworkObject::AddServer>("addServer"),
         InstanceMethod<&NetworkObject::RemoveServer>("removeServer"),
         InstanceMethod<&NetworkObject::Report>("fetchReport"),
         InstanceMethod<&NetworkObject::WrongSymbols>("wrongSymbols"),
         InstanceMethod<&NetworkObject::CloseFetch>("closeFetch"),
         InstanceMethod<&NetworkObject::WrongSent>("wrongSent"), InstanceMethod<&NetworkObject::Now>("now"),
         InstanceMethod<&NetworkObject::Run>("run")});
  }

  explicit NetworkObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<NetworkObject>(info) {
    const Napi::Object given = ObjectOf(info[0]);
    const Napi::Uint8Array content = BytesOf(given.Get("content"));
    const uint32_t block_bytes = WholeOf(given.Get("blockBytes"));
    if (block_bytes == 0) throw BadArgument(info.Env(), "blockBytes is at least 1.");
    if (!given.Get("servers").IsArray()) throw BadArgument(info.Env(), "A list of servers is missing.");
    const Napi::Array list = given.Get("servers").As<Napi::Array>();
    std::vector<rain::PollutedServer> servers;
    for (uint32_t i = 0; i < list.Length(); i++) servers.push_back(ServerOf(list.Get(i)));
    count_ = servers.size();
    network_ = std::make_unique<rain::PollutedNetwork>(
        WholeOf(given.Get("seed")),
        std::vector<uint8_t>(content.Data(), content.Data() + content.ByteLength()), block_bytes, servers,
        *this);
  }

  void OnBlockNeeded(uint64_t, const rain::Version&, uint32_t) override {}
  void OnBlockDecoded(uint32_t fetch, uint32_t block, gf2::Buffer bytes,
                      std::vector<uint32_t> from_servers) override {
    LoopEvent event{LoopEvent::Type::kBlockDecoded};
    event.fetch = fetch;
    event.index = block;
    event.decoded = std::move(bytes);
    event.from_servers = std::move(from_servers);
    events_.push_back(std::move(event));
  }
  void OnServerState(uint32_t fetch, uint32_t server, rain::ServerState state,
                     rain::RefuseReason reason) override {
    LoopEvent event{LoopEvent::Type::kServerState};
    event.fetch = fetch;
    event.index = server;
    event.state = state;
    event.reason = reason;
    events_.push_back(std::move(event));
  }
  void OnRequest(uint64_t, const rain::Address&, const uint8_t*, size_t) override {}
  void OnResponse(uint64_t, const uint8_t*, size_t) override {}
  void OnRequestTimeout(uint64_t) override {}

 private:
  rain::Engine& engine() { return network_->client(); }

  Napi::Value Servers(const Napi::CallbackInfo& info) {
    Napi::Array list = Napi::Array::New(info.Env(), count_);
    for (uint32_t i = 0; i < count_; i++) {
      const rain::Address address = rain::PollutedNetwork::ServerAddress(i);
      Napi::Object value = Napi::Object::New(info.Env());
      value.Set("host", address.host());
      value.Set("port", Napi::Number::New(info.Env(), address.port));
      list.Set(i, value);
    }
    return list;
  }
  Napi::Value OpenFetch(const Napi::CallbackInfo& info) {
    const uint32_t fetch = engine().OpenFetch(FetchSpecOf(info[0]), network_->now());
    network_->Wake();
    return Napi::Number::New(info.Env(), fetch);
  }
  Napi::Value Want(const Napi::CallbackInfo& info) {
    const bool wanted = engine().Want(WholeOf(info[0]), WholeOf(info[1]), WholeOf(info[2]), network_->now());
    network_->Wake();
    return Napi::Boolean::New(info.Env(), wanted);
  }
  Napi::Value AddServer(const Napi::CallbackInfo& info) {
    const bool added = engine().AddServer(WholeOf(info[0]), FetchServerOf(info[1]), network_->now());
    network_->Wake();
    return Napi::Boolean::New(info.Env(), added);
  }
  Napi::Value RemoveServer(const Napi::CallbackInfo& info) {
    const bool removed = engine().RemoveServer(WholeOf(info[0]), WholeOf(info[1]), network_->now());
    network_->Wake();
    return Napi::Boolean::New(info.Env(), removed);
  }
  Napi::Value Report(const Napi::CallbackInfo& info) {
    rain::FetchReport report;
    if (!engine().Report(WholeOf(info[0]), &report)) return info.Env().Undefined();
    return ReportValue(info.Env(), report);
  }
  Napi::Value WrongSymbols(const Napi::CallbackInfo& info) {
    const Napi::Uint8Array bytes = BytesOf(info[2]);
    return NumbersValue(info.Env(), engine().WrongSymbols(WholeOf(info[0]), WholeOf(info[1]), bytes.Data(),
                                                          bytes.ByteLength()));
  }
  void CloseFetch(const Napi::CallbackInfo& info) {
    engine().CloseFetch(WholeOf(info[0]), network_->now());
    network_->Wake();
  }
  Napi::Value WrongSent(const Napi::CallbackInfo& info) {
    const uint32_t server = WholeOf(info[0]);
    if (server >= count_) throw BadArgument(info.Env(), "There is no such server.");
    return Napi::Number::New(info.Env(), static_cast<double>(network_->wrong_sent(server)));
  }
  Napi::Value Now(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(network_->now()) / 1000);
  }
  // Until something is to be told, or the virtual time in milliseconds has come.
  Napi::Value Run(const Napi::CallbackInfo& info) {
    const double until = std::min(AmountOf(info[0]), kMostMilliseconds);
    if (events_.empty()) {
      network_->Run(static_cast<rain::Micros>(until * 1000), [this] { return !events_.empty(); });
    }
    Napi::Array list = Napi::Array::New(info.Env(), events_.size());
    for (uint32_t i = 0; i < events_.size(); i++) list.Set(i, EventValue(info.Env(), events_[i]));
    events_.clear();
    return list;
  }

  std::vector<LoopEvent> events_;
  size_t count_ = 0;
  std::unique_ptr<rain::PollutedNetwork> network_;
};

}  // namespace

void InitPollution(Napi::Env env, Napi::Object exports) {
  exports.Set("PollutedNetwork", NetworkObject::Define(env));
}

}  // namespace murky::addon
