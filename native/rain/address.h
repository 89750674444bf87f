// An IP address and UDP port. IPv4 is kept as IPv4-mapped IPv6 (RFC 4291, section 2.5.5.2). Zone ids are not
// kept.
#ifndef MURKY_RAIN_ADDRESS_H_
#define MURKY_RAIN_ADDRESS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace murky::rain {

struct Address {
  std::array<uint8_t, 16> ip{};
  uint16_t port = 0;  // host byte order

  // Parses a numeric IPv4 or IPv6 address (no names, no brackets). False if it is neither.
  static bool Parse(const std::string& host, uint16_t port, Address* out);

  bool is_v4() const;
  bool is_loopback() const;     // 127.0.0.0/8 or ::1
  bool is_unspecified() const;  // 0.0.0.0 or ::
  std::string host() const;     // without brackets
  std::string text() const;     // host:port or [host]:port

  bool operator==(const Address& other) const { return port == other.port && ip == other.ip; }
  bool operator!=(const Address& other) const { return !(*this == other); }
};

struct AddressHash {
  size_t operator()(const Address& address) const;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_ADDRESS_H_
