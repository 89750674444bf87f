#include "rain/token.h"

#include "rain/token_cache.h"
#include "testing/check.h"

namespace murky::rain {

namespace {

class CountedRandom : public Random {
 public:
  explicit CountedRandom(uint64_t seed) : next_(seed) {}
  uint64_t Next() override { return next_ += 0x9e3779b97f4a7c15u; }

 private:
  uint64_t next_;
};

Address At(const char* host, uint16_t port) {
  Address address;
  CHECK(Address::Parse(host, port, &address));
  return address;
}

constexpr Micros kNow = 987'654'321'000;

}  // namespace

TEST(token_proves_its_address_while_it_is_young) {
  CountedRandom random(1);
  const TokenIssuer issuer(random);
  const Address address = At("192.0.2.1", 4000);
  const Token token = issuer.Issue(address, kNow);
  CHECK(issuer.Check(token, address, kNow) == TokenState::kValid);
  CHECK(issuer.Check(token, address, kNow + kTokenRenewal - 5000) == TokenState::kValid);
  CHECK(issuer.Check(token, address, kNow + kTokenRenewal + 5000) == TokenState::kValidRenew);
  CHECK(issuer.Check(token, address, kNow + kTokenLifetime - 5000) == TokenState::kValidRenew);
}

TEST(token_expires_and_is_not_valid_before_its_time) {
  CountedRandom random(1);
  const TokenIssuer issuer(random);
  const Address address = At("192.0.2.1", 4000);
  const Token token = issuer.Issue(address, kNow);
  CHECK(issuer.Check(token, address, kNow + kTokenLifetime) == TokenState::kInvalid);
  CHECK(issuer.Check(token, address, kNow - 2000) == TokenState::kInvalid);
  // 2^32 ticks of 1024 microseconds later the four bytes of time are the same, but not what was hashed.
  CHECK(issuer.Check(token, address, kNow + (Micros{1} << 42)) == TokenState::kInvalid);
}

TEST(token_is_bound_to_address_and_port) {
  CountedRandom random(1);
  const TokenIssuer issuer(random);
  const Token token = issuer.Issue(At("192.0.2.1", 4000), kNow);
  CHECK(issuer.Check(token, At("192.0.2.1", 4001), kNow) == TokenState::kInvalid);
  CHECK(issuer.Check(token, At("192.0.2.2", 4000), kNow) == TokenState::kInvalid);
  CHECK(issuer.Check(token, At("2001:db8::1", 4000), kNow) == TokenState::kInvalid);
}

TEST(token_is_spoiled_by_any_changed_bit) {
  CountedRandom random(1);
  const TokenIssuer issuer(random);
  const Address address = At("2001:db8::1", 4000);
  const Token token = issuer.Issue(address, kNow);
  for (size_t bit = 0; bit < kTokenBytes * 8; bit++) {
    Token changed = token;
    changed[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    CHECK(issuer.Check(changed, address, kNow + 1'000'000) == TokenState::kInvalid);
  }
  CHECK(issuer.Check(Token{}, address, kNow) == TokenState::kInvalid);
  CHECK(issuer.Check(Token{}, address, 0) == TokenState::kInvalid);
}

TEST(token_of_another_boot_is_worthless) {
  CountedRandom random(1);
  const TokenIssuer before(random);
  const TokenIssuer after(random);
  const Address address = At("127.0.0.1", 4000);
  CHECK(after.Check(before.Issue(address, kNow), address, kNow) == TokenState::kInvalid);
}

TEST(token_works_around_time_zero) {
  CountedRandom random(1);
  const TokenIssuer issuer(random);
  const Address address = At("127.0.0.1", 4000);
  CHECK(issuer.Check(issuer.Issue(address, -3'000'000), address, 500'000) == TokenState::kValid);
}

TEST(the_cache_knows_how_far_a_server_is_as_long_as_its_token_is_good) {
  TokenCache cache;
  const Address server = At("192.0.2.1", 4000);
  const Token token{1};
  CHECK_EQ(cache.RoundTrip(server, kNow), kNever);
  cache.SawRoundTrip(server, 1);  // of a server without a token nothing is kept
  CHECK_EQ(cache.RoundTrip(server, kNow), kNever);
  cache.Put(server, token, 600'000, kNow);
  cache.SawRoundTrip(server, 900'000);  // it had to think
  CHECK_EQ(cache.RoundTrip(server, kNow), 600'000);
  cache.SawRoundTrip(server, 550'000);
  CHECK_EQ(cache.RoundTrip(server, kNow + kTokenLifetime - 1), 550'000);
  CHECK_EQ(cache.RoundTrip(server, kNow + kTokenLifetime), kNever);
  // The path may be longer now.
  cache.Put(server, token, 700'000, kNow + 1);
  CHECK_EQ(cache.RoundTrip(server, kNow + 1), 700'000);
}

}  // namespace murky::rain
