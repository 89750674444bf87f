#include "addon/report_values.h"

namespace murky::addon {

namespace {

Napi::Number Number(Napi::Env env, uint64_t number) {
  return Napi::Number::New(env, static_cast<double>(number));
}

Napi::Object ServerValue(Napi::Env env, const rain::ServerReport& server) {
  Napi::Object value = Napi::Object::New(env);
  value.Set("host", server.address.host());
  value.Set("port", Number(env, server.address.port));
  value.Set("state", Number(env, static_cast<uint64_t>(server.state)));
  value.Set("reason", Number(env, static_cast<uint64_t>(server.reason)));
  value.Set("symbols", Number(env, server.symbols));
  value.Set("useful", Number(env, server.useful));
  value.Set("lost", Number(env, server.lost));
  value.Set("rateBitsPerSecond", Number(env, server.rate_bits_per_second));
  value.Set("capacityBitsPerSecond", Number(env, server.capacity_bits_per_second));
  value.Set("roundTripMs", Napi::Number::New(env, static_cast<double>(server.round_trip) / 1000));
  return value;
}

}  // namespace

Napi::Array NumbersValue(Napi::Env env, const std::vector<uint32_t>& numbers) {
  Napi::Array value = Napi::Array::New(env, numbers.size());
  for (uint32_t i = 0; i < numbers.size(); i++) value.Set(i, Number(env, numbers[i]));
  return value;
}

Napi::Object ReportValue(Napi::Env env, const rain::FetchReport& report) {
  Napi::Object value = Napi::Object::New(env);
  Napi::Array servers = Napi::Array::New(env, report.servers.size());
  for (uint32_t i = 0; i < report.servers.size(); i++) servers.Set(i, ServerValue(env, report.servers[i]));
  value.Set("servers", servers);
  value.Set("blocks", Number(env, report.blocks));
  value.Set("sourceSymbols", Number(env, report.source_symbols));
  value.Set("decodingSymbols", Number(env, report.decoding_symbols));
  value.Set("decoderBytes", Number(env, report.decoder_bytes));
  value.Set("lookAheadBytes", Number(env, report.look_ahead_bytes));
  return value;
}

Napi::Object CountersValue(Napi::Env env, const rain::EngineCounters& counters) {
  const struct {
    const char* name;
    uint64_t count;
  } all[] = {
      {"datagramsIn", counters.datagrams_in},
      {"datagramsOut", counters.datagrams_out},
      {"bytesIn", counters.bytes_in},
      {"bytesOut", counters.bytes_out},
      {"symbolsSealed", counters.symbols_sealed},
      {"groupSymbolsSent", counters.group_symbols_sent},
      {"groupSymbolsReceived", counters.group_symbols_received},
      {"droppedTooShort", counters.dropped_too_short},
      {"droppedVersion", counters.dropped_version},
      {"droppedScheme", counters.dropped_scheme},
      {"droppedForged", counters.dropped_forged},
      {"droppedReplayed", counters.dropped_replayed},
      {"droppedMalformed", counters.dropped_malformed},
      {"droppedUnknown", counters.dropped_unknown},
      {"droppedNotLoopback", counters.dropped_not_loopback},
      {"droppedLimit", counters.dropped_limit},
      {"droppedOnPurpose", counters.dropped_on_purpose},
      {"droppedStrangers", counters.dropped_strangers},
      {"versionAnswers", counters.version_answers},
      {"tokensIssued", counters.tokens_issued},
      {"tokensRefused", counters.tokens_refused},
      {"symbolsSent", counters.symbols_sent},
      {"symbolsReceived", counters.symbols_received},
      {"subscriptionsStarted", counters.subscriptions_started},
      {"subscriptionsExpired", counters.subscriptions_expired},
      {"subscriptionsActive", counters.subscriptions_active},
      {"blocksAsked", counters.blocks_asked},
      {"blocksEncoded", counters.blocks_encoded},
      {"repairSymbolsEncoded", counters.repair_symbols_encoded},
      {"blocksDecoded", counters.blocks_decoded},
  };
  Napi::Object value = Napi::Object::New(env);
  for (const auto& counter : all) value.Set(counter.name, Number(env, counter.count));
  return value;
}

}  // namespace murky::addon
