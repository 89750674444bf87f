// simulate() for JavaScript: src/native/addon.ts, SimulationScenario and SimulationResult.
#include "addon/bindings.h"

#include "addon/arguments.h"
#include "addon/report_values.h"
#include "lt/codec.h"
#include "rain/simulation.h"

namespace murky::addon {
namespace {

constexpr uint32_t kMostObjectMegabytes = 4096;

double Share(const Napi::Object& given, const char* name) {
  if (given.Get(name).IsUndefined()) return 0;
  const double share = AmountOf(given.Get(name));
  if (share > 1) throw BadArgument(given.Env(), std::string(name) + " is a share, from 0 to 1.");
  return share;
}

// Virtual milliseconds, in microseconds.
rain::Micros Duration(const Napi::Object& given, const char* name, rain::Micros otherwise) {
  if (given.Get(name).IsUndefined()) return otherwise;
  const double milliseconds = AmountOf(given.Get(name));
  if (milliseconds > 1e9) throw BadArgument(given.Env(), std::string(name) + " is over 1e9 ms.");
  return static_cast<rain::Micros>(milliseconds * 1000);
}

std::vector<rain::RivalKind> RivalsOf(const Napi::Object& given) {
  std::vector<rain::RivalKind> rivals;
  if (given.Get("rivals").IsUndefined()) return rivals;
  if (!given.Get("rivals").IsArray()) throw BadArgument(given.Env(), "rivals is a list.");
  const Napi::Array names = given.Get("rivals").As<Napi::Array>();
  for (uint32_t i = 0; i < names.Length(); i++) {
    const std::string name = names.Get(i).ToString();
    if (name == "reno") {
      rivals.push_back(rain::RivalKind::kReno);
    } else if (name == "cubic") {
      rivals.push_back(rain::RivalKind::kCubic);
    } else if (name == "bbr") {
      rivals.push_back(rain::RivalKind::kBbr);
    } else {
      throw BadArgument(given.Env(), "A rival is reno, cubic or bbr.");
    }
  }
  return rivals;
}

rain::SimulatedServer ServerOf(Napi::Value value) {
  const Napi::Object given = ObjectOf(value);
  rain::SimulatedServer server;
  server.bits_per_second = AmountOf(given.Get("rateBitsPerSecond"));
  if (!given.Get("knownRateBitsPerSecond").IsUndefined()) {
    server.known_rate_bits_per_second = static_cast<uint64_t>(AmountOf(given.Get("knownRateBitsPerSecond")));
  }
  server.delay = Duration(given, "delayMs", 0);
  server.loss = Share(given, "loss");
  if (!given.Get("lossBurst").IsUndefined()) server.loss_burst = AmountOf(given.Get("lossBurst"));
  server.request_loss = Share(given, "requestLoss");
  server.rivals = RivalsOf(given);
  server.queue = Duration(given, "queueMs", server.queue);
  server.jitter = Duration(given, "jitterMs", 0);
  server.duplicate = Share(given, "duplicate");
  server.kill_at = Duration(given, "killAtMs", rain::kNever);
  server.back_after = Duration(given, "backAfterMs", rain::kNever);
  server.stall_at = Duration(given, "stallAtMs", rain::kNever);
  server.stall_for = Duration(given, "stallForMs", 0);
  server.join_at = Duration(given, "joinAtMs", 0);
  if (!given.Get("empty").IsUndefined()) server.empty = BooleanOf(given.Get("empty"));
  return server;
}

// Indexes of the servers of each reader.
std::vector<std::vector<size_t>> ReadersOf(Napi::Value value, size_t servers) {
  std::vector<std::vector<size_t>> readers;
  if (value.IsUndefined()) return readers;
  if (!value.IsArray()) throw BadArgument(value.Env(), "readers is a list.");
  const Napi::Array lists = value.As<Napi::Array>();
  for (uint32_t i = 0; i < lists.Length(); i++) {
    const Napi::Value list = lists.Get(i);
    if (!list.IsArray()) throw BadArgument(value.Env(), "A reader is a list of servers.");
    const Napi::Array indexes = list.As<Napi::Array>();
    readers.emplace_back();
    for (uint32_t j = 0; j < indexes.Length(); j++) {
      const size_t index = WholeOf(indexes.Get(j));
      if (index >= servers) throw BadArgument(value.Env(), "A reader names a server that there is not.");
      readers.back().push_back(index);
    }
  }
  return readers;
}

rain::SimulationScenario ScenarioOf(Napi::Value value) {
  const Napi::Object given = ObjectOf(value);
  rain::SimulationScenario scenario;
  scenario.seed = WholeOf(given.Get("seed"));
  const double bytes = AmountOf(given.Get("objectBytes"));
  if (bytes < 1 || bytes > double{kMostObjectMegabytes} * (1 << 20)) {
    throw BadArgument(value.Env(), "objectBytes is from 1 to 4 GiB.");
  }
  scenario.object_bytes = static_cast<size_t>(bytes);
  if (!given.Get("symbolBytes").IsUndefined()) scenario.symbol_bytes = WholeOf(given.Get("symbolBytes"));
  if (!lt::ValidBlock(1 << 20, scenario.symbol_bytes)) {
    throw BadArgument(value.Env(), "A block of 1 MiB cannot be coded with these symbolBytes.");
  }
  if (!given.Get("windowBlocks").IsUndefined()) scenario.window_blocks = WholeOf(given.Get("windowBlocks"));
  if (scenario.window_blocks < 1) throw BadArgument(value.Env(), "windowBlocks is at least 1.");
  if (!given.Get("lookUpFirst").IsUndefined()) scenario.look_up_first = BooleanOf(given.Get("lookUpFirst"));
  scenario.rivals_from = Duration(given, "rivalsFromMs", 0);
  scenario.rivals_until = Duration(given, "rivalsUntilMs", rain::kNever);
  scenario.shares_from = Duration(given, "sharesFromMs", 0);
  scenario.limit = Duration(given, "limitMs", scenario.limit);
  if (!given.Get("servers").IsArray()) throw BadArgument(value.Env(), "A list of servers is missing.");
  const Napi::Array servers = given.Get("servers").As<Napi::Array>();
  for (uint32_t i = 0; i < servers.Length(); i++) scenario.servers.push_back(ServerOf(servers.Get(i)));
  scenario.readers = ReadersOf(given.Get("readers"), scenario.servers.size());
  return scenario;
}

Napi::Number Milliseconds(Napi::Env env, rain::Micros micros) {
  return Napi::Number::New(env, static_cast<double>(micros) / 1000);
}

Napi::Value Simulate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const rain::SimulationResult result = rain::Simulate(ScenarioOf(info[0]));
  Napi::Object value = Napi::Object::New(env);
  value.Set("done", Napi::Boolean::New(env, result.done));
  value.Set("intact", Napi::Boolean::New(env, result.intact));
  value.Set("virtualMs", Milliseconds(env, result.virtual_micros));
  value.Set("firstBlockMs", Milliseconds(env, result.first_block_micros));
  value.Set("report", ReportValue(env, result.report));
  value.Set("queueMedianMs", Milliseconds(env, result.queue_median));
  value.Set("queueP95Ms", Milliseconds(env, result.queue_p95));
  value.Set("sentTwice", Napi::Number::New(env, static_cast<double>(result.sent_twice)));
  value.Set("mostBytesHeld", Napi::Number::New(env, static_cast<double>(result.most_bytes_held)));
  value.Set("client", CountersValue(env, result.client));
  Napi::Array servers = Napi::Array::New(env, result.servers.size());
  for (uint32_t i = 0; i < result.servers.size(); i++) servers.Set(i, CountersValue(env, result.servers[i]));
  value.Set("servers", servers);
  Napi::Array shares = Napi::Array::New(env, result.shares.size());
  for (uint32_t i = 0; i < result.shares.size(); i++) {
    Napi::Object share = Napi::Object::New(env);
    share.Set("fetchBytes", Napi::Number::New(env, static_cast<double>(result.shares[i].fetch)));
    share.Set("rivalBytes", Napi::Number::New(env, static_cast<double>(result.shares[i].rivals)));
    shares.Set(i, share);
  }
  value.Set("shares", shares);
  Napi::Array useful = Napi::Array::New(env, result.useful_bytes.size());
  for (uint32_t i = 0; i < result.useful_bytes.size(); i++) {
    useful.Set(i, Napi::Number::New(env, static_cast<double>(result.useful_bytes[i])));
  }
  value.Set("usefulBytes", useful);
  return value;
}

}  // namespace

void InitSimulation(Napi::Env env, Napi::Object exports) {
  exports.Set("simulate", Napi::Function::New(env, Simulate, "simulate"));
}

}  // namespace murky::addon
