#include "rain/wire.h"

#include <cstring>

#include "lt/codec.h"
#include "rain/big_endian.h"

namespace murky::rain {

namespace {

constexpr size_t kSubscribeBytes = 54;  // before the ranges
constexpr size_t kRangeBytes = 14;
constexpr size_t kTokenMessageBytes = 28;
constexpr size_t kRefuseBytes = 8;
constexpr size_t kUnsubscribeBytes = 4;
constexpr size_t kMarkBytes = 10;
constexpr size_t kJoinBytes = 4;
constexpr size_t kListenBytes = 12;
constexpr size_t kRequestBytes = 28;   // before the payload
constexpr size_t kResponseBytes = 12;  // before the payload

static_assert(kSubscribeBytes + kMaxRanges * kRangeBytes <= kMaxInnerBytes);
static_assert(kOuterBytes + kSubscribeBytes + kMostRangesSent * kRangeBytes + kTagBytes <=
              kPassingDatagramBytes);
static_assert(kOuterBytes + kRequestBytes + kMostPayloadBytesSent + kTagBytes <= kPassingDatagramBytes);
static_assert(kResponseBytes <= kRequestBytes);
static_assert(kRequestBytes + kMaxPayloadBytes <= kMaxInnerBytes);
// What answers an address that has not proved itself is no longer than what it sent (RFC 9000, section 8.1,
// allows three times as much).
static_assert(kTokenMessageBytes <= kSubscribeBytes && kTokenMessageBytes <= kRequestBytes);

bool ValidSymbolBytes(size_t bytes) {
  return bytes >= lt::kSymbolAlignment && bytes <= lt::kMaxSymbolBytes && bytes % lt::kSymbolAlignment == 0;
}

// A cursor over a message; the length has been checked before it is used.
class Reader {
 public:
  explicit Reader(const uint8_t* at) : at_(at) {}
  template <size_t Bytes>
  uint64_t Number() {
    const uint64_t value = GetBig<Bytes>(at_);
    at_ += Bytes;
    return value;
  }
  template <size_t Bytes>
  void Copy(std::array<uint8_t, Bytes>* out) {
    std::memcpy(out->data(), at_, Bytes);
    at_ += Bytes;
  }
  const uint8_t* at() const { return at_; }

 private:
  const uint8_t* at_;
};

bool Is(const uint8_t* inner, size_t length, size_t least, MessageType type) {
  return length >= least && inner[0] == static_cast<uint8_t>(type);
}

uint8_t* PutBytes(uint8_t* out, const uint8_t* bytes, size_t length) {
  if (length > 0) std::memcpy(out, bytes, length);
  return out + length;
}

uint8_t* PutType(uint8_t* out, MessageType type) { return PutBig<1>(out, static_cast<uint8_t>(type)); }

bool ReadRange(Reader& reader, Range* out) {
  out->number = static_cast<uint32_t>(reader.Number<4>());
  out->block = static_cast<uint32_t>(reader.Number<4>());
  out->from = static_cast<uint32_t>(reader.Number<3>());
  out->count = static_cast<uint32_t>(reader.Number<3>());
  return out->count >= 1 && out->from + out->count - 1 <= lt::kMaxEsi;
}

}  // namespace

bool ParseOuter(const uint8_t* bytes, size_t length, Outer* out) {
  if (length < kOuterBytes) return false;
  Reader reader(bytes);
  out->version = static_cast<uint8_t>(reader.Number<1>());
  out->seal = static_cast<SealScheme>(reader.Number<1>());
  out->counter = reader.Number<6>();
  out->boot = reader.Number<8>();
  return true;
}

bool ParseType(const uint8_t* inner, size_t length, MessageType* out) {
  if (length < 1) return false;
  if (inner[0] < static_cast<uint8_t>(MessageType::kSubscribe) ||
      inner[0] > static_cast<uint8_t>(MessageType::kListen)) {
    return false;
  }
  *out = static_cast<MessageType>(inner[0]);
  return true;
}

bool ParseSubscribe(const uint8_t* inner, size_t length, Subscribe* out) {
  if (!Is(inner, length, kSubscribeBytes, MessageType::kSubscribe)) return false;
  Reader reader(inner + 1);
  const size_t count = reader.Number<1>();
  if (count > kMaxRanges || length != kSubscribeBytes + count * kRangeBytes) return false;
  out->fetch = static_cast<uint16_t>(reader.Number<2>());
  reader.Copy(&out->token);
  out->resource = reader.Number<8>();
  reader.Copy(&out->version);
  out->symbol_units = static_cast<uint16_t>(reader.Number<2>());
  out->rate_kbit = static_cast<uint32_t>(reader.Number<4>());
  out->heartbeat = static_cast<uint32_t>(reader.Number<4>());
  if (!ValidSymbolBytes(out->symbol_units * lt::kSymbolAlignment)) return false;
  out->ranges.resize(count);
  for (size_t i = 0; i < count; i++) {
    if (!ReadRange(reader, &out->ranges[i])) return false;
    if (i > 0 && out->ranges[i].number <= out->ranges[i - 1].number) return false;
  }
  return true;
}

bool ParseSymbol(const uint8_t* inner, size_t length, SymbolHeader* out, const uint8_t** symbol,
                 size_t* symbol_bytes) {
  if (!Is(inner, length, kSymbolHeaderBytes, MessageType::kSymbol)) return false;
  if (!ValidSymbolBytes(length - kSymbolHeaderBytes)) return false;
  Reader reader(inner + 1);
  out->fetch = static_cast<uint16_t>(reader.Number<2>());
  out->sequence = static_cast<uint32_t>(reader.Number<3>());
  out->time = static_cast<uint32_t>(reader.Number<3>());
  out->esi = static_cast<uint32_t>(reader.Number<3>());
  out->block = static_cast<uint32_t>(reader.Number<4>());
  *symbol = reader.at();
  *symbol_bytes = length - kSymbolHeaderBytes;
  return true;
}

bool ParseShared(const uint8_t* inner, size_t length, SharedHeader* out, const uint8_t** symbol,
                 size_t* symbol_bytes) {
  if (!Is(inner, length, kSymbolHeaderBytes, MessageType::kShared)) return false;
  if (!ValidSymbolBytes(length - kSymbolHeaderBytes)) return false;
  Reader reader(inner + 1);
  out->stream = reader.Number<8>();
  out->esi = static_cast<uint32_t>(reader.Number<3>());
  out->block = static_cast<uint32_t>(reader.Number<4>());
  *symbol = reader.at();
  *symbol_bytes = length - kSymbolHeaderBytes;
  return true;
}

bool ParseMark(const uint8_t* inner, size_t length, Mark* out) {
  if (!Is(inner, length, kMarkBytes, MessageType::kMark) || length != kMarkBytes) return false;
  Reader reader(inner + 1);
  if (reader.Number<1>() != 0) return false;
  out->fetch = static_cast<uint16_t>(reader.Number<2>());
  out->sequence = static_cast<uint32_t>(reader.Number<3>());
  out->time = static_cast<uint32_t>(reader.Number<3>());
  return true;
}

bool ParseJoin(const uint8_t* inner, size_t length, Join* out) {
  if (!Is(inner, length, kJoinBytes, MessageType::kJoin) || length != kJoinBytes) return false;
  Reader reader(inner + 1);
  if (reader.Number<1>() != 0) return false;
  out->fetch = static_cast<uint16_t>(reader.Number<2>());
  return true;
}

bool ParseListen(const uint8_t* inner, size_t length, Listen* out) {
  if (!Is(inner, length, kListenBytes, MessageType::kListen) || length != kListenBytes) return false;
  Reader reader(inner + 1);
  if (reader.Number<1>() != 0) return false;
  out->fetch = static_cast<uint16_t>(reader.Number<2>());
  out->first = static_cast<uint32_t>(reader.Number<4>());
  out->last = static_cast<uint32_t>(reader.Number<4>());
  return out->first <= out->last;
}

bool ParseToken(const uint8_t* inner, size_t length, TokenMessage* out) {
  if (!Is(inner, length, kTokenMessageBytes, MessageType::kToken) || length != kTokenMessageBytes) {
    return false;
  }
  Reader reader(inner + 1);
  out->answered = static_cast<MessageType>(reader.Number<1>());
  out->fetch = static_cast<uint16_t>(reader.Number<2>());
  out->request = reader.Number<8>();
  reader.Copy(&out->token);
  if (out->answered == MessageType::kSubscribe) return out->request == 0;
  return out->answered == MessageType::kRequest && out->fetch == 0;
}

bool ParseRefuse(const uint8_t* inner, size_t length, Refuse* out) {
  if (!Is(inner, length, kRefuseBytes, MessageType::kRefuse) || length != kRefuseBytes) return false;
  Reader reader(inner + 1);
  out->reason = static_cast<RefuseReason>(reader.Number<1>());
  out->fetch = static_cast<uint16_t>(reader.Number<2>());
  out->block = static_cast<uint32_t>(reader.Number<4>());
  return out->reason >= RefuseReason::kNotHere && out->reason <= RefuseReason::kUnreadable;
}

bool ParseUnsubscribe(const uint8_t* inner, size_t length, Unsubscribe* out) {
  if (!Is(inner, length, kUnsubscribeBytes, MessageType::kUnsubscribe) || length != kUnsubscribeBytes) {
    return false;
  }
  Reader reader(inner + 1);
  if (reader.Number<1>() != 0) return false;
  out->fetch = static_cast<uint16_t>(reader.Number<2>());
  return true;
}

bool ParseRequest(const uint8_t* inner, size_t length, Request* out) {
  if (!Is(inner, length, kRequestBytes, MessageType::kRequest)) return false;
  Reader reader(inner + 1);
  if (reader.Number<1>() != 0) return false;
  out->payload_bytes = reader.Number<2>();
  out->id = reader.Number<8>();
  reader.Copy(&out->token);
  out->payload = reader.at();
  return out->payload_bytes <= kMaxPayloadBytes && length == kRequestBytes + out->payload_bytes;
}

bool ParseResponse(const uint8_t* inner, size_t length, Response* out) {
  if (!Is(inner, length, kResponseBytes, MessageType::kResponse)) return false;
  Reader reader(inner + 1);
  if (reader.Number<1>() != 0) return false;
  out->payload_bytes = reader.Number<2>();
  out->id = reader.Number<8>();
  out->payload = reader.at();
  return out->payload_bytes <= kMaxPayloadBytes && length == kResponseBytes + out->payload_bytes;
}

void WriteOuter(const Outer& outer, uint8_t* out) {
  out = PutBig<1>(out, outer.version);
  out = PutBig<1>(out, static_cast<uint8_t>(outer.seal));
  out = PutBig<6>(out, outer.counter);
  PutBig<8>(out, outer.boot);
}

size_t WriteVersionAnswer(const uint8_t* unknown, uint8_t* out) {
  uint8_t* at = PutBig<1>(out, 0);
  at = PutBig<1>(at, 1);
  at = PutBig<1>(at, kWireVersion);
  at = PutBytes(at, unknown + 2, kOuterBytes - 2);
  return static_cast<size_t>(at - out);
}

void WriteSymbolHeader(const SymbolHeader& header, uint8_t* out) {
  out = PutType(out, MessageType::kSymbol);
  out = PutBig<2>(out, header.fetch);
  out = PutBig<3>(out, header.sequence);
  out = PutBig<3>(out, header.time);
  out = PutBig<3>(out, header.esi);
  PutBig<4>(out, header.block);
}

void WriteSharedHeader(const SharedHeader& header, uint8_t* out) {
  out = PutType(out, MessageType::kShared);
  out = PutBig<8>(out, header.stream);
  out = PutBig<3>(out, header.esi);
  PutBig<4>(out, header.block);
}

size_t WriteMark(const Mark& message, uint8_t* out) {
  uint8_t* at = PutType(out, MessageType::kMark);
  at = PutBig<1>(at, 0);
  at = PutBig<2>(at, message.fetch);
  at = PutBig<3>(at, message.sequence);
  at = PutBig<3>(at, message.time);
  return static_cast<size_t>(at - out);
}

size_t WriteJoin(const Join& message, uint8_t* out) {
  uint8_t* at = PutType(out, MessageType::kJoin);
  at = PutBig<1>(at, 0);
  at = PutBig<2>(at, message.fetch);
  return static_cast<size_t>(at - out);
}

size_t WriteListen(const Listen& message, uint8_t* out) {
  uint8_t* at = PutType(out, MessageType::kListen);
  at = PutBig<1>(at, 0);
  at = PutBig<2>(at, message.fetch);
  at = PutBig<4>(at, message.first);
  at = PutBig<4>(at, message.last);
  return static_cast<size_t>(at - out);
}

size_t WriteSubscribe(const Subscribe& message, uint8_t* out) {
  const size_t count = message.ranges.size() < kMaxRanges ? message.ranges.size() : kMaxRanges;
  uint8_t* at = PutType(out, MessageType::kSubscribe);
  at = PutBig<1>(at, count);
  at = PutBig<2>(at, message.fetch);
  at = PutBytes(at, message.token.data(), kTokenBytes);
  at = PutBig<8>(at, message.resource);
  at = PutBytes(at, message.version.data(), kVersionBytes);
  at = PutBig<2>(at, message.symbol_units);
  at = PutBig<4>(at, message.rate_kbit);
  at = PutBig<4>(at, message.heartbeat);
  for (size_t i = 0; i < count; i++) {
    at = PutBig<4>(at, message.ranges[i].number);
    at = PutBig<4>(at, message.ranges[i].block);
    at = PutBig<3>(at, message.ranges[i].from);
    at = PutBig<3>(at, message.ranges[i].count);
  }
  return static_cast<size_t>(at - out);
}

size_t WriteToken(const TokenMessage& message, uint8_t* out) {
  uint8_t* at = PutType(out, MessageType::kToken);
  at = PutType(at, message.answered);
  at = PutBig<2>(at, message.fetch);
  at = PutBig<8>(at, message.request);
  at = PutBytes(at, message.token.data(), kTokenBytes);
  return static_cast<size_t>(at - out);
}

size_t WriteRefuse(const Refuse& message, uint8_t* out) {
  uint8_t* at = PutType(out, MessageType::kRefuse);
  at = PutBig<1>(at, static_cast<uint8_t>(message.reason));
  at = PutBig<2>(at, message.fetch);
  at = PutBig<4>(at, message.block);
  return static_cast<size_t>(at - out);
}

size_t WriteUnsubscribe(const Unsubscribe& message, uint8_t* out) {
  uint8_t* at = PutType(out, MessageType::kUnsubscribe);
  at = PutBig<1>(at, 0);
  at = PutBig<2>(at, message.fetch);
  return static_cast<size_t>(at - out);
}

size_t WriteRequest(const Request& message, uint8_t* out) {
  uint8_t* at = PutType(out, MessageType::kRequest);
  at = PutBig<1>(at, 0);
  at = PutBig<2>(at, message.payload_bytes);
  at = PutBig<8>(at, message.id);
  at = PutBytes(at, message.token.data(), kTokenBytes);
  at = PutBytes(at, message.payload, message.payload_bytes);
  return static_cast<size_t>(at - out);
}

size_t WriteResponse(const Response& message, uint8_t* out) {
  uint8_t* at = PutType(out, MessageType::kResponse);
  at = PutBig<1>(at, 0);
  at = PutBig<2>(at, message.payload_bytes);
  at = PutBig<8>(at, message.id);
  at = PutBytes(at, message.payload, message.payload_bytes);
  return static_cast<size_t>(at - out);
}

}  // namespace murky::rain
