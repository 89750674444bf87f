#include "rain/address.h"

#include <set>

#include "testing/check.h"
#include "testing/hex.h"

namespace murky::rain {

namespace {

Address Parsed(const std::string& host, uint16_t port = 1980) {
  Address address;
  CHECK(Address::Parse(host, port, &address));
  return address;
}

}  // namespace

TEST(address_keeps_ipv4_as_mapped_ipv6) {
  const Address address = Parsed("192.0.2.7");
  CHECK_EQ(testing::ToHex(address.ip.data(), 16), "00000000000000000000ffffc0000207");
  CHECK(address.is_v4());
  CHECK(address == Parsed("::ffff:192.0.2.7"));
  CHECK_EQ(address.text(), "192.0.2.7:1980");
}

TEST(address_writes_ipv6_in_brackets) {
  const Address address = Parsed("2001:db8:0:0:0:0:0:1", 65535);
  CHECK(!address.is_v4());
  CHECK_EQ(address.host(), "2001:db8::1");
  CHECK_EQ(address.text(), "[2001:db8::1]:65535");
}

TEST(address_refuses_what_is_not_numeric) {
  Address address = Parsed("127.0.0.1");
  for (const char* host : {"", "localhost", "127.0.0", "127.0.0.256", "1.2.3.4.5", "[::1]", "fe80::1%eth0",
                           "::1::", " 127.0.0.1", "127.0.0.1 ", "0x7f.1"}) {
    CHECK(!Address::Parse(host, 1, &address));
  }
  CHECK(!Address::Parse(std::string("127.0.0.1\0.evil", 15), 1, &address));
  CHECK_EQ(address.text(), "127.0.0.1:1980");  // a refusal leaves the old value
}

TEST(address_knows_loopback_and_unspecified) {
  for (const char* host : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
    CHECK(Parsed(host).is_loopback());
    CHECK(!Parsed(host).is_unspecified());
  }
  for (const char* host : {"128.0.0.1", "10.0.0.1", "::2", "fe80::1", "::127.0.0.1", "1::1"}) {
    CHECK(!Parsed(host).is_loopback());
  }
  CHECK(Parsed("0.0.0.0").is_unspecified());
  CHECK(Parsed("::").is_unspecified());
  CHECK(!Parsed("::").is_loopback());
}

TEST(address_differs_by_port_and_hashes_apart) {
  CHECK(Parsed("127.0.0.1", 1) != Parsed("127.0.0.1", 2));
  std::set<size_t> hashes;
  for (uint16_t port = 1; port <= 1000; port++) {
    hashes.insert(AddressHash()(Parsed("127.0.0.1", port)));
    hashes.insert(AddressHash()(Parsed("2001:db8::" + std::to_string(port), 1)));
  }
  CHECK_EQ(hashes.size(), 2000u);
}

}  // namespace murky::rain
