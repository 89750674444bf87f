// The wire format, version 1: every byte is described in docs/wire.md. All integers are big-endian.
//
// A datagram is an outer header, an inner message, and a tag if sealed. Parsing is exact: a message of any
// other length than its fields say is refused.
#ifndef MURKY_RAIN_WIRE_H_
#define MURKY_RAIN_WIRE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace murky::rain {

constexpr uint8_t kWireVersion = 1;
constexpr size_t kOuterBytes = 16;  // version 1, seal 1, counter 6, boot id 8
constexpr size_t kTagBytes = 16;    // AES-128-GCM; absent when unsealed
constexpr size_t kSymbolHeaderBytes =
    16;  // inner header of SYMBOL: 48 bytes in all with outer header and tag
constexpr size_t kTokenBytes = 16;
constexpr size_t kVersionBytes = 16;
constexpr size_t kMaxInnerBytes = 1360;  // of every message but SYMBOL, which has 16 + S
constexpr size_t kMaxDatagramBytes = 16 + 16 + 8896 + 16;
constexpr size_t kMaxPayloadBytes = 1332;  // of REQUEST and RESPONSE
constexpr size_t kMaxRanges = 90;          // in one SUBSCRIBE

// What is no symbol is sent in datagrams of at most so many bytes, which pass wherever IPv6's least MTU of
// 1280 does (RFC 8200, section 5; 40 bytes of IPv6 and 8 of UDP). More is taken, up to kMaxInnerBytes.
constexpr size_t kPassingDatagramBytes = 1232;
constexpr size_t kMostRangesSent = 81;
constexpr size_t kMostPayloadBytesSent = 1172;  // of REQUEST and RESPONSE

constexpr uint32_t kManifestBlock = 0xffffffffu;  // block number that stands for the manifest itself

using Token = std::array<uint8_t, kTokenBytes>;
using Version = std::array<uint8_t, kVersionBytes>;

enum class SealScheme : uint8_t {
  kNone = 0,
  kAes128Gcm = 1,
  kAes128GcmShared = 2,  // sealed once for many readers, so that no order of counters can be asked for
};

enum class MessageType : uint8_t {
  kSubscribe = 1,
  kSymbol = 2,
  kToken = 3,
  kRefuse = 4,
  kUnsubscribe = 5,
  kRequest = 6,
  kResponse = 7,
  kShared = 8,
  kMark = 9,
  kJoin = 10,
  kListen = 11,
};

enum class RefuseReason : uint8_t {
  kNotHere = 1,     // no such resource, version or block on this server
  kBadShape = 2,    // symbol size or ESI range that does not fit the block
  kBusy = 3,        // a limit of the server is reached; try again later
  kUnreadable = 4,  // the block is damaged or could not be read
};

// The answer to a version that is not spoken here (docs/wire.md, Versions): 1 byte of 0, the count of
// versions, the versions, and the counter and boot of what it answers. It is never sealed, for who speaks
// another version may seal in another way.
constexpr size_t kVersionAnswerBytes = 17;

struct Outer {
  uint8_t version = kWireVersion;
  SealScheme seal = SealScheme::kNone;
  uint64_t counter = 0;  // 48 bits; the nonce; never repeats within a boot
  uint64_t boot = 0;     // random, new at each start of the sender
};

// One run of symbols of one block that a client wants from one server.
struct Range {
  // Ascending per subscription, and strictly so within one SUBSCRIBE (the parser insists): tells a new range
  // from a repeated one.
  uint32_t number = 0;
  uint32_t block = 0;
  uint32_t from = 0;   // first ESI, 24 bits
  uint32_t count = 0;  // 24 bits, >= 1
};

// The whole state that a client wants of one server for one fetch; also the heartbeat. Ranges that an earlier
// SUBSCRIBE had and this one has not are cancelled; numbers above all seen so far are new.
struct Subscribe {
  uint16_t fetch = 0;  // the client's name for the fetch
  Token token{};
  uint64_t resource = 0;
  Version version{};
  uint16_t symbol_units = 0;  // symbol size / 64
  uint32_t rate_kbit = 0;     // of IP payload, per second
  uint32_t heartbeat = 0;     // ascending: an older SUBSCRIBE that arrives late is ignored
  std::vector<Range> ranges;
};

struct SymbolHeader {
  uint16_t fetch = 0;
  uint32_t sequence = 0;  // 24 bits, one more for each SYMBOL of this subscription
  uint32_t time = 0;      // 24 bits of the sender's microseconds
  uint32_t esi = 0;       // 24 bits
  uint32_t block = 0;
};

// Of a symbol that is sealed once and sent to many readers: nothing in it is one reader's.
struct SharedHeader {
  uint64_t stream = 0;  // StreamId of resource and version
  uint32_t esi = 0;     // 24 bits
  uint32_t block = 0;
};

// What a SYMBOL says beside the symbol, for a reader that is sent SHARED ones.
struct Mark {
  uint16_t fetch = 0;
  uint32_t sequence = 0;  // 24 bits: so many SYMBOL and SHARED were sent to this subscription before
  uint32_t time = 0;      // as in SymbolHeader
};

// The client takes SHARED for this subscription.
struct Join {
  uint16_t fetch = 0;
};

// The client hears the multicast group, and lacks these blocks of the version.
struct Listen {
  uint16_t fetch = 0;
  uint32_t first = 0;
  uint32_t last = 0;  // not below `first`
};

struct TokenMessage {
  MessageType answered = MessageType::kSubscribe;  // or kRequest
  uint16_t fetch = 0;                              // of the SUBSCRIBE answered, else 0
  uint64_t request = 0;                            // of the REQUEST answered, else 0
  Token token{};
};

struct Refuse {
  RefuseReason reason = RefuseReason::kNotHere;
  uint16_t fetch = 0;
  uint32_t block = 0;
};

struct Unsubscribe {
  uint16_t fetch = 0;
};

struct Request {
  uint64_t id = 0;
  Token token{};
  const uint8_t* payload = nullptr;  // points into the parsed bytes
  size_t payload_bytes = 0;
};

struct Response {
  uint64_t id = 0;
  const uint8_t* payload = nullptr;
  size_t payload_bytes = 0;
};

// Parsers: false unless `bytes` is exactly one well-formed message of that type.
bool ParseOuter(const uint8_t* bytes, size_t length, Outer* out);  // looks at the first kOuterBytes only
bool ParseType(const uint8_t* inner, size_t length, MessageType* out);
bool ParseSubscribe(const uint8_t* inner, size_t length, Subscribe* out);
// *symbol points into `inner`; *symbol_bytes is a multiple of 64.
bool ParseSymbol(const uint8_t* inner, size_t length, SymbolHeader* out, const uint8_t** symbol,
                 size_t* symbol_bytes);
bool ParseShared(const uint8_t* inner, size_t length, SharedHeader* out, const uint8_t** symbol,
                 size_t* symbol_bytes);
bool ParseMark(const uint8_t* inner, size_t length, Mark* out);
bool ParseJoin(const uint8_t* inner, size_t length, Join* out);
bool ParseListen(const uint8_t* inner, size_t length, Listen* out);
bool ParseToken(const uint8_t* inner, size_t length, TokenMessage* out);
bool ParseRefuse(const uint8_t* inner, size_t length, Refuse* out);
bool ParseUnsubscribe(const uint8_t* inner, size_t length, Unsubscribe* out);
bool ParseRequest(const uint8_t* inner, size_t length, Request* out);
bool ParseResponse(const uint8_t* inner, size_t length, Response* out);

// Writers: return the length written. `out` has room for kOuterBytes, kSymbolHeaderBytes or kMaxInnerBytes.
void WriteOuter(const Outer& outer, uint8_t* out);
// `unknown` has at least kOuterBytes, `out` room for kVersionAnswerBytes.
size_t WriteVersionAnswer(const uint8_t* unknown, uint8_t* out);
void WriteSymbolHeader(const SymbolHeader& header, uint8_t* out);
void WriteSharedHeader(const SharedHeader& header, uint8_t* out);  // kSymbolHeaderBytes too
size_t WriteMark(const Mark& message, uint8_t* out);
size_t WriteJoin(const Join& message, uint8_t* out);
size_t WriteListen(const Listen& message, uint8_t* out);
size_t WriteSubscribe(const Subscribe& message, uint8_t* out);
size_t WriteToken(const TokenMessage& message, uint8_t* out);
size_t WriteRefuse(const Refuse& message, uint8_t* out);
size_t WriteUnsubscribe(const Unsubscribe& message, uint8_t* out);
size_t WriteRequest(const Request& message, uint8_t* out);
size_t WriteResponse(const Response& message, uint8_t* out);

}  // namespace murky::rain

#endif  // MURKY_RAIN_WIRE_H_
