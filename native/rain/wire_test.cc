#include "rain/wire.h"

#include <functional>
#include <random>

#include "testing/check.h"
#include "testing/hex.h"

namespace murky::rain {

using testing::FromHex;
using testing::ToHex;

namespace {

using Bytes = std::vector<uint8_t>;
using Parser = std::function<bool(const uint8_t*, size_t)>;

Token CountedToken() {
  Token token;
  for (size_t i = 0; i < token.size(); i++) token[i] = static_cast<uint8_t>(0xa0 + i);
  return token;
}

Subscribe SampleSubscribe() {
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

const char kSubscribe[] =
    "01 02 0102 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 1112131415161718 c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
    "0015 000186a0 00000007"
    "00000001 00000000 000000 00030d"
    "00000009 ffffffff fffff0 000010";
const char kSymbol[] = "02 0102 030405 060708 090a0b 0c0d0e0f";
const char kTokenAnswer[] = "03 01 0102 0000000000000000 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
const char kRefuse[] = "04 03 0102 0c0d0e0f";
const char kUnsubscribe[] = "05 00 0102";
const char kRequest[] = "06 00 0003 2122232425262728 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 010203";
const char kResponse[] = "07 00 0002 2122232425262728 0405";
const char kShared[] = "08 1112131415161718 090a0b 0c0d0e0f";
const char kMark[] = "09 00 0102 030405 060708";
const char kJoin[] = "0a 00 0102";

Bytes SymbolBytes(size_t symbol_bytes, const char* header = kSymbol) {
  Bytes bytes = FromHex(header);
  bytes.resize(bytes.size() + symbol_bytes, 0x55);
  return bytes;
}

bool AsSubscribe(const uint8_t* bytes, size_t length) {
  Subscribe message;
  return ParseSubscribe(bytes, length, &message);
}
bool AsSymbol(const uint8_t* bytes, size_t length) {
  SymbolHeader header;
  const uint8_t* symbol;
  size_t symbol_bytes;
  return ParseSymbol(bytes, length, &header, &symbol, &symbol_bytes);
}
bool AsShared(const uint8_t* bytes, size_t length) {
  SharedHeader header;
  const uint8_t* symbol;
  size_t symbol_bytes;
  return ParseShared(bytes, length, &header, &symbol, &symbol_bytes);
}
bool AsMark(const uint8_t* bytes, size_t length) {
  Mark message;
  return ParseMark(bytes, length, &message);
}
bool AsJoin(const uint8_t* bytes, size_t length) {
  Join message;
  return ParseJoin(bytes, length, &message);
}
bool AsToken(const uint8_t* bytes, size_t length) {
  TokenMessage message;
  return ParseToken(bytes, length, &message);
}
bool AsRefuse(const uint8_t* bytes, size_t length) {
  Refuse message;
  return ParseRefuse(bytes, length, &message);
}
bool AsUnsubscribe(const uint8_t* bytes, size_t length) {
  Unsubscribe message;
  return ParseUnsubscribe(bytes, length, &message);
}
bool AsRequest(const uint8_t* bytes, size_t length) {
  Request message;
  return ParseRequest(bytes, length, &message);
}
bool AsResponse(const uint8_t* bytes, size_t length) {
  Response message;
  return ParseResponse(bytes, length, &message);
}

struct Sample {
  const char* name;
  Bytes bytes;
  Parser parse;
};

std::vector<Sample> Samples() {
  return {{"subscribe", FromHex(kSubscribe), AsSubscribe},
          {"symbol", SymbolBytes(1344), AsSymbol},
          {"token", FromHex(kTokenAnswer), AsToken},
          {"refuse", FromHex(kRefuse), AsRefuse},
          {"unsubscribe", FromHex(kUnsubscribe), AsUnsubscribe},
          {"request", FromHex(kRequest), AsRequest},
          {"response", FromHex(kResponse), AsResponse},
          {"shared", SymbolBytes(1344, kShared), AsShared},
          {"mark", FromHex(kMark), AsMark},
          {"join", FromHex(kJoin), AsJoin}};
}

// Parses a copy that ends where the heap block does, so that a sanitizer sees a byte read too far.
bool Parses(const Parser& parse, const Bytes& bytes) {
  const Bytes copy(bytes.begin(), bytes.end());
  return parse(copy.data(), copy.size());
}

void CheckGolden(const uint8_t* written, size_t length, const char* golden) {
  CHECK_EQ(ToHex(written, length), ToHex(FromHex(golden).data(), FromHex(golden).size()));
}

}  // namespace

TEST(wire_version_answer_golden_bytes) {
  const Bytes unknown = FromHex("09 01 000000000007 1112131415161718 ffff");
  uint8_t answer[kVersionAnswerBytes];
  CHECK_EQ(WriteVersionAnswer(unknown.data(), answer), kVersionAnswerBytes);
  CHECK_EQ(ToHex(answer, sizeof answer), "0001010000000000071112131415161718");
}

TEST(wire_outer_golden) {
  uint8_t out[kOuterBytes];
  WriteOuter({1, SealScheme::kAes128Gcm, 0x0102030405060, 0x1112131415161718}, out);
  CheckGolden(out, sizeof out, "01 01 102030405060 1112131415161718");
  Outer outer;
  CHECK(ParseOuter(out, sizeof out, &outer));
  CHECK_EQ(outer.version, 1);
  CHECK(outer.seal == SealScheme::kAes128Gcm);
  CHECK_EQ(outer.counter, 0x102030405060u);
  CHECK_EQ(outer.boot, 0x1112131415161718u);
  for (size_t length = 0; length < kOuterBytes; length++) CHECK(!ParseOuter(out, length, &outer));
}

TEST(wire_subscribe_golden) {
  uint8_t out[kMaxInnerBytes];
  CheckGolden(out, WriteSubscribe(SampleSubscribe(), out), kSubscribe);
  const Bytes bytes = FromHex(kSubscribe);
  Subscribe parsed;
  CHECK(ParseSubscribe(bytes.data(), bytes.size(), &parsed));
  const Subscribe expected = SampleSubscribe();
  CHECK_EQ(parsed.fetch, expected.fetch);
  CHECK(parsed.token == expected.token);
  CHECK_EQ(parsed.resource, expected.resource);
  CHECK(parsed.version == expected.version);
  CHECK_EQ(parsed.symbol_units, expected.symbol_units);
  CHECK_EQ(parsed.rate_kbit, expected.rate_kbit);
  CHECK_EQ(parsed.heartbeat, expected.heartbeat);
  CHECK_EQ(parsed.ranges.size(), 2u);
  CHECK_EQ(parsed.ranges[1].number, 9u);
  CHECK_EQ(parsed.ranges[1].block, kManifestBlock);
  CHECK_EQ(parsed.ranges[1].from, 0xfffff0u);
  CHECK_EQ(parsed.ranges[1].count, 16u);
}

TEST(wire_symbol_golden) {
  uint8_t out[kSymbolHeaderBytes];
  WriteSymbolHeader({0x0102, 0x030405, 0x060708, 0x090a0b, 0x0c0d0e0f}, out);
  CheckGolden(out, sizeof out, kSymbol);
  const Bytes bytes = SymbolBytes(64);
  SymbolHeader header;
  const uint8_t* symbol = nullptr;
  size_t symbol_bytes = 0;
  CHECK(ParseSymbol(bytes.data(), bytes.size(), &header, &symbol, &symbol_bytes));
  CHECK_EQ(header.fetch, 0x0102);
  CHECK_EQ(header.sequence, 0x030405u);
  CHECK_EQ(header.time, 0x060708u);
  CHECK_EQ(header.esi, 0x090a0bu);
  CHECK_EQ(header.block, 0x0c0d0e0fu);
  CHECK(symbol == bytes.data() + 16);
  CHECK_EQ(symbol_bytes, 64u);
}

TEST(wire_shared_mark_and_join_golden) {
  uint8_t out[kMaxInnerBytes];
  WriteSharedHeader({0x1112131415161718, 0x090a0b, 0x0c0d0e0f}, out);
  CheckGolden(out, kSymbolHeaderBytes, kShared);
  const Bytes bytes = SymbolBytes(64, kShared);
  SharedHeader header;
  const uint8_t* symbol = nullptr;
  size_t symbol_bytes = 0;
  CHECK(ParseShared(bytes.data(), bytes.size(), &header, &symbol, &symbol_bytes));
  CHECK_EQ(header.stream, 0x1112131415161718u);
  CHECK_EQ(header.esi, 0x090a0bu);
  CHECK_EQ(header.block, 0x0c0d0e0fu);
  CHECK(symbol == bytes.data() + 16);
  CHECK_EQ(symbol_bytes, 64u);
  CheckGolden(out, WriteMark({0x0102, 0x030405, 0x060708}, out), kMark);
  Mark mark;
  CHECK(ParseMark(out, 10, &mark));
  CHECK_EQ(mark.fetch, 0x0102);
  CHECK_EQ(mark.sequence, 0x030405u);
  CHECK_EQ(mark.time, 0x060708u);
  CheckGolden(out, WriteJoin({0x0102}, out), kJoin);
  Join join;
  CHECK(ParseJoin(out, 4, &join));
  CHECK_EQ(join.fetch, 0x0102);
}

TEST(wire_token_golden) {
  uint8_t out[kMaxInnerBytes];
  CheckGolden(out, WriteToken({MessageType::kSubscribe, 0x0102, 0, CountedToken()}, out), kTokenAnswer);
  CheckGolden(out, WriteToken({MessageType::kRequest, 0, 0x2122232425262728, CountedToken()}, out),
              "03 06 0000 2122232425262728 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
  TokenMessage parsed;
  CHECK(ParseToken(out, 28, &parsed));
  CHECK(parsed.answered == MessageType::kRequest);
  CHECK_EQ(parsed.request, 0x2122232425262728u);
  CHECK(parsed.token == CountedToken());
}

TEST(wire_refuse_and_unsubscribe_golden) {
  uint8_t out[kMaxInnerBytes];
  CheckGolden(out, WriteRefuse({RefuseReason::kBusy, 0x0102, 0x0c0d0e0f}, out), kRefuse);
  Refuse refuse;
  CHECK(ParseRefuse(out, 8, &refuse));
  CHECK(refuse.reason == RefuseReason::kBusy);
  CHECK_EQ(refuse.fetch, 0x0102);
  CHECK_EQ(refuse.block, 0x0c0d0e0fu);
  CheckGolden(out, WriteUnsubscribe({0x0102}, out), kUnsubscribe);
  Unsubscribe unsubscribe;
  CHECK(ParseUnsubscribe(out, 4, &unsubscribe));
  CHECK_EQ(unsubscribe.fetch, 0x0102);
}

TEST(wire_request_and_response_golden) {
  uint8_t out[kMaxInnerBytes];
  const Bytes asked = {1, 2, 3};
  const Bytes told = {4, 5};
  CheckGolden(out, WriteRequest({0x2122232425262728, CountedToken(), asked.data(), 3}, out), kRequest);
  Request request;
  CHECK(ParseRequest(out, 31, &request));
  CHECK_EQ(request.id, 0x2122232425262728u);
  CHECK(request.token == CountedToken());
  CHECK_EQ(ToHex(request.payload, request.payload_bytes), "010203");
  CheckGolden(out, WriteResponse({0x2122232425262728, told.data(), 2}, out), kResponse);
  Response response;
  CHECK(ParseResponse(out, 14, &response));
  CHECK_EQ(response.id, 0x2122232425262728u);
  CHECK_EQ(ToHex(response.payload, response.payload_bytes), "0405");
}

TEST(wire_refuses_every_truncation_and_extension) {
  for (const Sample& sample : Samples()) {
    CHECK(Parses(sample.parse, sample.bytes));
    for (size_t length = 0; length < sample.bytes.size(); length++) {
      const bool a_symbol = sample.bytes[0] == 2 || sample.bytes[0] == 8;
      const bool whole_units = a_symbol && length > 16 && (length - 16) % 64 == 0;
      if (whole_units) continue;  // a shorter SYMBOL is a symbol of another size; the fetch refuses that
      CHECK(!Parses(sample.parse, Bytes(sample.bytes.begin(), sample.bytes.begin() + length)));
    }
    for (size_t more = 1; more <= 63; more++) {
      Bytes longer = sample.bytes;
      longer.resize(longer.size() + more);
      CHECK(!Parses(sample.parse, longer));
    }
  }
}

TEST(wire_refuses_each_message_as_any_other) {
  for (const Sample& sample : Samples()) {
    for (const Sample& other : Samples()) {
      CHECK_EQ(Parses(sample.parse, other.bytes), sample.bytes[0] == other.bytes[0]);
    }
  }
}

TEST(wire_knows_its_types_only) {
  MessageType type;
  CHECK(!ParseType(nullptr, 0, &type));
  for (int byte = 0; byte < 256; byte++) {
    const uint8_t inner = static_cast<uint8_t>(byte);
    CHECK_EQ(ParseType(&inner, 1, &type), byte >= 1 && byte <= 10);
  }
}

TEST(wire_subscribe_refuses_absurd_shapes) {
  const auto parses = [](const Subscribe& message) {
    uint8_t out[kMaxInnerBytes];
    return AsSubscribe(out, WriteSubscribe(message, out));
  };
  Subscribe message = SampleSubscribe();
  for (uint16_t units : {1, 21, 139}) {
    message.symbol_units = units;
    CHECK(parses(message));
  }
  for (uint16_t units : {0, 140, 0xffff}) {
    message.symbol_units = units;
    CHECK(!parses(message));
  }
  message = SampleSubscribe();
  message.ranges[1].count = 17;  // would end behind the last ESI, 2^24 - 1
  CHECK(!parses(message));
  message.ranges[1].count = 0;
  CHECK(!parses(message));
  message = SampleSubscribe();
  message.ranges[1].number = message.ranges[0].number;  // numbers ascend
  CHECK(!parses(message));
  message.ranges.clear();
  CHECK(parses(message));
}

TEST(wire_subscribe_holds_ninety_ranges) {
  Subscribe message = SampleSubscribe();
  message.ranges.clear();
  for (uint32_t i = 0; i < kMaxRanges; i++) message.ranges.push_back({i, i, 0, 1});
  uint8_t out[kMaxInnerBytes];
  const size_t length = WriteSubscribe(message, out);
  CHECK(length <= kMaxInnerBytes);
  CHECK(AsSubscribe(out, length));
  Bytes longer(out, out + length);  // one range more than there may be, though count and length agree
  longer.resize(length + 14);
  longer[1] = kMaxRanges + 1;
  longer[length + 3] = 0xff;
  longer[length + 13] = 1;
  CHECK(!Parses(AsSubscribe, longer));
}

TEST(wire_symbol_sizes_are_multiples_of_64_up_to_8896) {
  for (size_t size = 0; size <= 8896 + 128; size++) {
    const bool valid = size >= 64 && size <= 8896 && size % 64 == 0;
    CHECK_EQ(Parses(AsSymbol, SymbolBytes(size)), valid);
  }
}

TEST(wire_payloads_have_a_limit) {
  uint8_t out[kMaxInnerBytes];
  const Bytes payload(kMaxPayloadBytes, 9);
  Request request;
  const size_t length = WriteRequest({1, {}, payload.data(), payload.size()}, out);
  CHECK_EQ(length, kMaxInnerBytes);
  CHECK(ParseRequest(out, length, &request));
  CHECK_EQ(request.payload_bytes, kMaxPayloadBytes);
  Bytes longer(out, out + length);
  longer.push_back(9);
  longer[3]++;
  CHECK(!Parses(AsRequest, longer));
  CHECK(AsRequest(out, WriteRequest({1, {}, nullptr, 0}, out)));
  CHECK(AsResponse(out, WriteResponse({1, nullptr, 0}, out)));
}

TEST(wire_refuses_reserved_bits_and_unknown_codes) {
  for (Sample& sample : Samples()) {
    // Byte 1 is free in SUBSCRIBE, SYMBOL and SHARED.
    if (sample.bytes[0] < 3 || sample.bytes[0] == 8) continue;
    int taken = 0;
    for (int byte = 0; byte < 256; byte++) {
      sample.bytes[1] = static_cast<uint8_t>(byte);
      taken += Parses(sample.parse, sample.bytes);
    }
    CHECK_EQ(taken, sample.bytes[0] == 4 ? 4 : 1);  // REFUSE has four reasons
  }
}

// One form for each message: what parses and is written again gives the same bytes.
TEST(wire_writes_what_it_parsed) {
  std::mt19937_64 random(1980);
  int parsed_count = 0;
  for (int round = 0; round < 200'000; round++) {
    const auto samples = Samples();
    Bytes bytes = samples[round % samples.size()].bytes;
    for (size_t i = random() % 4; i > 0; i--) bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    uint8_t out[kMaxInnerBytes];
    size_t length = 0;
    Subscribe subscribe;
    TokenMessage token;
    Refuse refuse;
    Unsubscribe unsubscribe;
    Request request;
    Response response;
    Mark mark;
    Join join;
    if (ParseMark(bytes.data(), bytes.size(), &mark)) length = WriteMark(mark, out);
    if (ParseJoin(bytes.data(), bytes.size(), &join)) length = WriteJoin(join, out);
    if (ParseSubscribe(bytes.data(), bytes.size(), &subscribe)) length = WriteSubscribe(subscribe, out);
    if (ParseToken(bytes.data(), bytes.size(), &token)) length = WriteToken(token, out);
    if (ParseRefuse(bytes.data(), bytes.size(), &refuse)) length = WriteRefuse(refuse, out);
    if (ParseUnsubscribe(bytes.data(), bytes.size(), &unsubscribe))
      length = WriteUnsubscribe(unsubscribe, out);
    if (ParseRequest(bytes.data(), bytes.size(), &request)) length = WriteRequest(request, out);
    if (ParseResponse(bytes.data(), bytes.size(), &response)) length = WriteResponse(response, out);
    if (length == 0) continue;
    parsed_count++;
    CHECK(Bytes(out, out + length) == bytes);
  }
  CHECK(parsed_count > 10'000);
}

}  // namespace murky::rain
