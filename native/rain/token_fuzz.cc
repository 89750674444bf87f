// libFuzzer target: a token is taken for the address, port and time it was made for, and in no other case.
#include <cstring>

#include "rain/seeded_random.h"
#include "rain/token.h"
#include "testing/fuzz_input.h"

namespace murky::rain {
namespace {

Address AddressFrom(testing::FuzzInput& input) {
  Address address;
  if (input.Byte() % 2) {
    for (uint8_t& byte : address.ip) byte = input.Byte();
  } else {
    Address::Parse("10.0.0.1", 1, &address);
    address.ip[15] = input.Byte();
  }
  address.port = static_cast<uint16_t>(input.Take(2));
  return address;
}

}  // namespace
}  // namespace murky::rain

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace murky::rain;
  murky::testing::FuzzInput input(data, size);
  // Another secret for each input: libFuzzer sees what is compared, and would learn tokens of one secret.
  uint64_t seed = size;
  for (size_t i = 0; i < size; i++) seed = (seed ^ data[i]) * 0x9e3779b97f4a7c15u;
  SeededRandom random(seed);
  const TokenIssuer issuer(random);
  const Address owner = AddressFrom(input);
  const auto issued_at = static_cast<Micros>(input.Take(6));
  const Token issued = issuer.Issue(owner, issued_at);

  const Address other = input.Byte() % 4 == 0 ? AddressFrom(input) : owner;
  const auto checked_at = issued_at + static_cast<Micros>(input.Take(input.Byte() % 6));
  Token token = issued;
  for (size_t changes = input.Byte() % 4; changes > 0; changes--) {
    token[input.Byte() % kTokenBytes] ^= input.Byte();
  }
  const bool young = (checked_at >> 10) - (issued_at >> 10) < kTokenLifetime >> 10;
  const bool taken = issuer.Check(token, other, checked_at) != TokenState::kInvalid;
  MUST(taken == (young && token == issued && other == owner));

  Token made_up;
  for (uint8_t& byte : made_up) byte = input.Byte();
  MUST(made_up == issued || issuer.Check(made_up, owner, checked_at) == TokenState::kInvalid);
  return 0;
}
