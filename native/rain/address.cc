#include "rain/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include "rain/big_endian.h"

namespace murky::rain {

namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// The finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every input bit reaches every output bit.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

bool Address::Parse(const std::string& host, uint16_t port, Address* out) {
  if (host.find('\0') != std::string::npos) return false;  // inet_pton would not look behind it
  Address parsed;
  parsed.port = port;
  if (inet_pton(AF_INET, host.c_str(), parsed.ip.data() + 12) == 1) {
    std::memcpy(parsed.ip.data(), kMappedPrefix, sizeof kMappedPrefix);
  } else if (inet_pton(AF_INET6, host.c_str(), parsed.ip.data()) != 1) {
    return false;
  }
  *out = parsed;
  return true;
}

bool Address::is_v4() const { return std::memcmp(ip.data(), kMappedPrefix, sizeof kMappedPrefix) == 0; }

bool Address::is_loopback() const {
  if (is_v4()) return ip[12] == 127;
  return GetBig<8>(ip.data()) == 0 && GetBig<8>(ip.data() + 8) == 1;
}

bool Address::is_unspecified() const {
  if (is_v4()) return GetBig<4>(ip.data() + 12) == 0;
  return GetBig<8>(ip.data()) == 0 && GetBig<8>(ip.data() + 8) == 0;
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = is_v4();
  const char* made = inet_ntop(v4 ? AF_INET : AF_INET6, ip.data() + (v4 ? 12 : 0), text, sizeof text);
  return made ? made : "";
}

std::string Address::text() const {
  const std::string number = std::to_string(port);
  return is_v4() ? host() + ":" + number : "[" + host() + "]:" + number;
}

size_t AddressHash::operator()(const Address& address) const {
  const uint64_t high = Mix(GetBig<8>(address.ip.data()) + address.port);
  return static_cast<size_t>(Mix(high ^ GetBig<8>(address.ip.data() + 8)));
}

}  // namespace murky::rain
