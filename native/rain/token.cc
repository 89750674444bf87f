#include "rain/token.h"

#include <cstring>

#include "rain/big_endian.h"
#include "rain/crypto.h"

namespace murky::rain {

namespace {

constexpr size_t kTimeBytes = 4;
constexpr size_t kMacBytes = kTokenBytes - kTimeBytes;  // 96 bits

// The token carries the low 32 bits of the issuer's time in ticks of 1024 microseconds; the hash covers all
// 64, so that one that comes back 50 days later does not fit again.
uint64_t Ticks(Micros time) { return static_cast<uint64_t>(time >> 10); }

bool Mac(const std::array<uint8_t, 32>& secret, const Address& address, uint64_t ticks, uint8_t* out) {
  uint8_t text[16 + 2 + 8];
  std::memcpy(text, address.ip.data(), 16);
  PutBig<8>(PutBig<2>(text + 16, address.port), ticks);
  Sha256Bytes hash;
  if (!HmacSha256(secret.data(), secret.size(), text, sizeof text, &hash)) return false;
  std::memcpy(out, hash.data(), kMacBytes);  // RFC 2104, section 5: the leftmost bits
  return true;
}

}  // namespace

TokenIssuer::TokenIssuer(Random& random) {
  for (size_t i = 0; i < secret_.size(); i += 8) PutBig<8>(secret_.data() + i, random.Next());
}

Token TokenIssuer::Issue(const Address& to, Micros now) const {
  Token token{};
  PutBig<kTimeBytes>(token.data(), Ticks(now));
  if (!Mac(secret_, to, Ticks(now), token.data() + kTimeBytes)) token = Token{};
  return token;
}

TokenState TokenIssuer::Check(const Token& token, const Address& from, Micros now) const {
  const uint32_t age = static_cast<uint32_t>(Ticks(now) - GetBig<kTimeBytes>(token.data()));
  if (age >= Ticks(kTokenLifetime)) return TokenState::kInvalid;
  uint8_t mac[kMacBytes];
  if (!Mac(secret_, from, Ticks(now) - age, mac)) return TokenState::kInvalid;
  if (!EqualInConstantTime(mac, token.data() + kTimeBytes, kMacBytes)) return TokenState::kInvalid;
  return age >= Ticks(kTokenRenewal) ? TokenState::kValidRenew : TokenState::kValid;
}

}  // namespace murky::rain
