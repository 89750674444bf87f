// libFuzzer target: the parsers of outer header and inner messages. What is taken is written back byte for
// byte, so there is one form of each message and nothing is read beyond it.
#include <cstring>

#include "rain/wire.h"
#include "testing/fuzz_input.h"

namespace murky::rain {
namespace {

void CheckSame(const uint8_t* data, size_t size, const uint8_t* written, size_t length) {
  MUST(length == size);
  MUST(std::memcmp(data, written, size) == 0);
}

void CheckInner(const uint8_t* data, size_t size) {
  uint8_t out[kMaxDatagramBytes];
  int taken = 0;
  if (Subscribe message; ParseSubscribe(data, size, &message)) {
    MUST(message.ranges.size() <= kMaxRanges);
    for (const Range& range : message.ranges) MUST(range.count > 0 && range.from + range.count <= 1u << 24);
    CheckSame(data, size, out, WriteSubscribe(message, out));
    taken++;
  }
  SymbolHeader header;
  const uint8_t* symbol;
  size_t symbol_bytes;
  if (ParseSymbol(data, size, &header, &symbol, &symbol_bytes)) {
    MUST(symbol_bytes % 64 == 0 && symbol_bytes > 0 && symbol + symbol_bytes == data + size);
    WriteSymbolHeader(header, out);
    CheckSame(data, kSymbolHeaderBytes, out, kSymbolHeaderBytes);
    taken++;
  }
  if (SharedHeader shared; ParseShared(data, size, &shared, &symbol, &symbol_bytes)) {
    MUST(symbol_bytes % 64 == 0 && symbol_bytes > 0 && symbol + symbol_bytes == data + size);
    WriteSharedHeader(shared, out);
    CheckSame(data, kSymbolHeaderBytes, out, kSymbolHeaderBytes);
    taken++;
  }
  if (Mark message; ParseMark(data, size, &message)) {
    CheckSame(data, size, out, WriteMark(message, out));
    taken++;
  }
  if (Listen message; ParseListen(data, size, &message)) {
    MUST(message.first <= message.last);
    CheckSame(data, size, out, WriteListen(message, out));
    taken++;
  }
  if (Join message; ParseJoin(data, size, &message)) {
    CheckSame(data, size, out, WriteJoin(message, out));
    taken++;
  }
  if (TokenMessage message; ParseToken(data, size, &message)) {
    CheckSame(data, size, out, WriteToken(message, out));
    taken++;
  }
  if (Refuse message; ParseRefuse(data, size, &message)) {
    CheckSame(data, size, out, WriteRefuse(message, out));
    taken++;
  }
  if (Unsubscribe message; ParseUnsubscribe(data, size, &message)) {
    CheckSame(data, size, out, WriteUnsubscribe(message, out));
    taken++;
  }
  if (Request message; ParseRequest(data, size, &message)) {
    CheckSame(data, size, out, WriteRequest(message, out));
    taken++;
  }
  if (Response message; ParseResponse(data, size, &message)) {
    CheckSame(data, size, out, WriteResponse(message, out));
    taken++;
  }
  MUST(taken <= 1);
  MessageType type;
  MUST(taken == 0 || ParseType(data, size, &type));
}

}  // namespace
}  // namespace murky::rain

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace murky::rain;
  // libFuzzer's buffer ends where its size says, so that AddressSanitizer sees each byte read beyond.
  Outer outer;
  if (ParseOuter(data, size, &outer)) {
    MUST(size >= kOuterBytes && outer.counter < uint64_t{1} << 48);
    uint8_t out[kOuterBytes];
    WriteOuter(outer, out);
    MUST(std::memcmp(data, out, kOuterBytes) == 0);
  }
  CheckInner(data, size);
  return 0;
}
