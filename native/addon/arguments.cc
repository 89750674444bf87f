#include "addon/arguments.h"

#include <algorithm>
#include <cmath>

namespace murky::addon {

Napi::Error BadArgument(Napi::Env env, const std::string& sentence) {
  Napi::Error error = Napi::TypeError::New(env, sentence);
  error.Set("code", Napi::String::New(env, "MURKY_BAD_ARGUMENT"));
  return error;
}

Napi::Object ObjectOf(Napi::Value value) {
  if (!value.IsObject()) throw BadArgument(value.Env(), "An object is missing.");
  return value.As<Napi::Object>();
}

Napi::Uint8Array BytesOf(Napi::Value value) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw BadArgument(value.Env(), "A Uint8Array is missing.");
  }
  return value.As<Napi::Uint8Array>();
}

uint32_t WholeOf(Napi::Value value, uint32_t limit) {
  const double number = AmountOf(value);
  if (number > limit || number != std::floor(number)) {
    throw BadArgument(value.Env(), "A number is not whole, or over " + std::to_string(limit) + ".");
  }
  return static_cast<uint32_t>(number);
}

double AmountOf(Napi::Value value) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  if (!(number >= 0) || !std::isfinite(number)) {
    throw BadArgument(value.Env(), "A number is missing, below 0 or infinite.");
  }
  return number;
}

uint64_t OffsetOf(Napi::Value value) {
  constexpr double kMostOffset = 9007199254740991;
  const double offset = AmountOf(value);
  if (offset > kMostOffset || offset != std::floor(offset)) {
    throw BadArgument(value.Env(), "An offset is not whole, or over 2^53 - 1.");
  }
  return static_cast<uint64_t>(offset);
}

bool BooleanOf(Napi::Value value) {
  if (!value.IsBoolean()) throw BadArgument(value.Env(), "A boolean is missing.");
  return value.As<Napi::Boolean>().Value();
}

uint64_t BigOf(Napi::Value value) {
  if (!value.IsBigInt()) throw BadArgument(value.Env(), "A bigint is missing.");
  bool lossless = false;
  const uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throw BadArgument(value.Env(), "A bigint is below 0 or over 2^64 - 1.");
  return number;
}

rain::Version VersionOf(Napi::Value value) {
  const Napi::Uint8Array bytes = BytesOf(value);
  rain::Version version{};
  if (bytes.ByteLength() != version.size()) throw BadArgument(value.Env(), "A version has 16 bytes.");
  std::copy_n(bytes.Data(), version.size(), version.begin());
  return version;
}

rain::Address AddressOf(Napi::Value host, Napi::Value port) {
  if (!host.IsString()) throw BadArgument(host.Env(), "A host is missing.");
  const std::string text = host.As<Napi::String>().Utf8Value();
  const auto number = static_cast<uint16_t>(WholeOf(port, UINT16_MAX));
  rain::Address address;
  if (!rain::Address::Parse(text, number, &address)) {
    throw BadArgument(host.Env(), "\"" + text + "\" is not a numeric IPv4 or IPv6 address.");
  }
  return address;
}

}  // namespace murky::addon
