// The golden bytes of each message.
#include "rain/wire_samples.h"

namespace murky::rain {

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

TEST(wire_listen_golden) {
  uint8_t out[kMaxInnerBytes];
  CheckGolden(out, WriteListen({0x0102, 0x0c0d0e0f, 0x1c1d1e1f}, out), kListen);
  Listen listen;
  CHECK(ParseListen(out, 12, &listen));
  CHECK_EQ(listen.fetch, 0x0102);
  CHECK_EQ(listen.first, 0x0c0d0e0fu);
  CHECK_EQ(listen.last, 0x1c1d1e1fu);
  CHECK(!AsListen(out, WriteListen({0x0102, 5, 4}, out)));  // none at all
  CHECK(AsListen(out, WriteListen({0x0102, 5, 5}, out)));
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

}  // namespace murky::rain
