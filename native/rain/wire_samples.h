// For tests: one of each message, as its bytes are written down in docs/wire.md.
#ifndef MURKY_RAIN_WIRE_SAMPLES_H_
#define MURKY_RAIN_WIRE_SAMPLES_H_

#include <functional>
#include <vector>

#include "rain/wire.h"
#include "testing/check.h"
#include "testing/hex.h"

namespace murky::rain {

using testing::FromHex;
using testing::ToHex;

using Bytes = std::vector<uint8_t>;
using Parser = std::function<bool(const uint8_t*, size_t)>;

inline Token CountedToken() {
  Token token;
  for (size_t i = 0; i < token.size(); i++) token[i] = static_cast<uint8_t>(0xa0 + i);
  return token;
}

inline Subscribe SampleSubscribe() {
  Subscribe message;
  message.fetch = 0x0102;
  message.token = CountedToken();
  message.resource = 0x1112131415161718;
  for (size_t i = 0; i < message.version.size(); i++) message.version[i] = static_cast<uint8_t>(0xc0 + i);
  message.symbol_units = 21;  // 1344 bytes
  message.rate_kbit = 100'000;
  message.heartbeat = 7;
  message.ranges = {{1, 0, 0, 781}, {9, kManifestBlock, 0xfffff0, 16}};
  return message;
}

constexpr char kSubscribe[] =
    "01 02 0102 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 1112131415161718 c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
    "0015 000186a0 00000007"
    "00000001 00000000 000000 00030d"
    "00000009 ffffffff fffff0 000010";
constexpr char kSymbol[] = "02 0102 030405 060708 090a0b 0c0d0e0f";
constexpr char kTokenAnswer[] = "03 01 0102 0000000000000000 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
constexpr char kRefuse[] = "04 03 0102 0c0d0e0f";
constexpr char kUnsubscribe[] = "05 00 0102";
constexpr char kRequest[] = "06 00 0003 2122232425262728 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 010203";
constexpr char kResponse[] = "07 00 0002 2122232425262728 0405";
constexpr char kShared[] = "08 1112131415161718 090a0b 0c0d0e0f";
constexpr char kMark[] = "09 00 0102 030405 060708";
constexpr char kJoin[] = "0a 00 0102";
constexpr char kListen[] = "0b 00 0102 0c0d0e0f 1c1d1e1f";

inline Bytes SymbolBytes(size_t symbol_bytes, const char* header = kSymbol) {
  Bytes bytes = FromHex(header);
  bytes.resize(bytes.size() + symbol_bytes, 0x55);
  return bytes;
}

inline bool AsSubscribe(const uint8_t* bytes, size_t length) {
  Subscribe message;
  return ParseSubscribe(bytes, length, &message);
}
inline bool AsSymbol(const uint8_t* bytes, size_t length) {
  SymbolHeader header;
  const uint8_t* symbol;
  size_t symbol_bytes;
  return ParseSymbol(bytes, length, &header, &symbol, &symbol_bytes);
}
inline bool AsShared(const uint8_t* bytes, size_t length) {
  SharedHeader header;
  const uint8_t* symbol;
  size_t symbol_bytes;
  return ParseShared(bytes, length, &header, &symbol, &symbol_bytes);
}
inline bool AsMark(const uint8_t* bytes, size_t length) {
  Mark message;
  return ParseMark(bytes, length, &message);
}
inline bool AsJoin(const uint8_t* bytes, size_t length) {
  Join message;
  return ParseJoin(bytes, length, &message);
}
inline bool AsListen(const uint8_t* bytes, size_t length) {
  Listen message;
  return ParseListen(bytes, length, &message);
}
inline bool AsToken(const uint8_t* bytes, size_t length) {
  TokenMessage message;
  return ParseToken(bytes, length, &message);
}
inline bool AsRefuse(const uint8_t* bytes, size_t length) {
  Refuse message;
  return ParseRefuse(bytes, length, &message);
}
inline bool AsUnsubscribe(const uint8_t* bytes, size_t length) {
  Unsubscribe message;
  return ParseUnsubscribe(bytes, length, &message);
}
inline bool AsRequest(const uint8_t* bytes, size_t length) {
  Request message;
  return ParseRequest(bytes, length, &message);
}
inline bool AsResponse(const uint8_t* bytes, size_t length) {
  Response message;
  return ParseResponse(bytes, length, &message);
}

struct Sample {
  const char* name;
  Bytes bytes;
  Parser parse;
};

inline std::vector<Sample> Samples() {
  return {{"subscribe", FromHex(kSubscribe), AsSubscribe},
          {"symbol", SymbolBytes(1344), AsSymbol},
          {"token", FromHex(kTokenAnswer), AsToken},
          {"refuse", FromHex(kRefuse), AsRefuse},
          {"unsubscribe", FromHex(kUnsubscribe), AsUnsubscribe},
          {"request", FromHex(kRequest), AsRequest},
          {"response", FromHex(kResponse), AsResponse},
          {"shared", SymbolBytes(1344, kShared), AsShared},
          {"mark", FromHex(kMark), AsMark},
          {"join", FromHex(kJoin), AsJoin},
          {"listen", FromHex(kListen), AsListen}};
}

// Parses a copy that ends where the heap block does, so that a sanitizer sees a byte read too far.
inline bool Parses(const Parser& parse, const Bytes& bytes) {
  const Bytes copy(bytes.begin(), bytes.end());
  return parse(copy.data(), copy.size());
}

inline void CheckGolden(const uint8_t* written, size_t length, const char* golden) {
  CHECK_EQ(ToHex(written, length), ToHex(FromHex(golden).data(), FromHex(golden).size()));
}

}  // namespace murky::rain

#endif  // MURKY_RAIN_WIRE_SAMPLES_H_
