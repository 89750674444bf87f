// What no parser takes, and what it takes, written again.
#include <random>

#include "rain/wire_samples.h"

namespace murky::rain {

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
    CHECK_EQ(ParseType(&inner, 1, &type), byte >= 1 && byte <= 11);
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
    Listen listen;
    if (ParseListen(bytes.data(), bytes.size(), &listen)) length = WriteListen(listen, out);
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
