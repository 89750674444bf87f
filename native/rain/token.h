// Tokens against forged source addresses: a keyed hash of address, port and time that costs the server no
// state. The idea is that of QUIC's address validation tokens (RFC 9000, section 8.1).
#ifndef MURKY_RAIN_TOKEN_H_
#define MURKY_RAIN_TOKEN_H_

#include "rain/seam.h"
#include "rain/wire.h"

namespace murky::rain {

constexpr Micros kTokenLifetime = 10'000'000;  // a token older than this proves nothing
constexpr Micros kTokenRenewal =
    4'000'000;  // one older than this is answered with a new one beside the service

enum class TokenState { kInvalid, kValid, kValidRenew };

class TokenIssuer {
 public:
  explicit TokenIssuer(Random& random);
  Token Issue(const Address& to, Micros now) const;
  TokenState Check(const Token& token, const Address& from, Micros now) const;

 private:
  std::array<uint8_t, 32> secret_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_TOKEN_H_
