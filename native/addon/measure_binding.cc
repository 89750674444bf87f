// The codec's benchmark for bench/codec; nothing of the package itself calls it.
#include "addon/bindings.h"

#include "addon/arguments.h"
#include "lt/codec.h"
#include "measure/codec_measure.h"

namespace murky::addon {
namespace {

uint32_t SourceSymbols(const Napi::CallbackInfo& info) {
  const uint32_t k = WholeOf(info[0], lt::kMaxSourceSymbols);
  if (k == 0) throw BadArgument(info.Env(), "K is 0.");
  return k;
}

size_t SymbolBytes(const Napi::CallbackInfo& info) {
  const uint32_t bytes = WholeOf(info[1]);
  if (!lt::ValidSymbolBytes(bytes)) throw BadArgument(info.Env(), "The symbol size is out of range.");
  return bytes;
}

// (k, symbolBytes, seconds)
Napi::Value MeasureEncode(const Napi::CallbackInfo& info) {
  const auto figures = measure::MeasureEncode(SourceSymbols(info), SymbolBytes(info), AmountOf(info[2]));
  Napi::Object answer = Napi::Object::New(info.Env());
  answer.Set("memcpySeconds", figures.memcpy_seconds);
  answer.Set("setupSeconds", figures.setup_seconds);
  answer.Set("encodeSeconds", figures.encode_seconds);
  answer.Set("setupAdditions", figures.setup_additions);
  return answer;
}

// (k, symbolBytes, loss, seconds)
Napi::Value MeasureDecode(const Napi::CallbackInfo& info) {
  const auto figures =
      measure::MeasureDecode(SourceSymbols(info), SymbolBytes(info), AmountOf(info[2]), AmountOf(info[3]));
  Napi::Object answer = Napi::Object::New(info.Env());
  answer.Set("decodeSeconds", figures.decode_seconds);
  answer.Set("decodeMeanSeconds", figures.decode_mean_seconds);
  answer.Set("tailSeconds", figures.tail_seconds);
  answer.Set("tailP99Seconds", figures.tail_p99_seconds);
  answer.Set("takeSeconds", figures.take_seconds);
  answer.Set("inactiveColumns", figures.inactive_columns);
  answer.Set("additions", figures.additions);
  return answer;
}

// (k, loss, pattern: "each" or "run", trials, seed)
Napi::Value OverheadHistogram(const Napi::CallbackInfo& info) {
  const auto pattern =
      info[2].ToString().Utf8Value() == "run" ? measure::LossPattern::kRun : measure::LossPattern::kEach;
  const auto histogram = measure::OverheadHistogram(SourceSymbols(info), AmountOf(info[1]), pattern,
                                                    WholeOf(info[3]), WholeOf(info[4]));
  Napi::Array answer = Napi::Array::New(info.Env(), histogram.size());
  for (uint32_t n = 0; n < histogram.size(); n++) answer.Set(n, Napi::Number::New(info.Env(), histogram[n]));
  return answer;
}

Napi::Value ThreadSeconds(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), measure::ThreadSeconds());
}

}  // namespace

void InitMeasure(Napi::Env env, Napi::Object exports) {
  exports.Set("measureEncode", Napi::Function::New<MeasureEncode>(env, "measureEncode"));
  exports.Set("measureDecode", Napi::Function::New<MeasureDecode>(env, "measureDecode"));
  exports.Set("threadSeconds", Napi::Function::New<ThreadSeconds>(env, "threadSeconds"));
  exports.Set("overheadHistogram", Napi::Function::New<OverheadHistogram>(env, "overheadHistogram"));
}

}  // namespace murky::addon
