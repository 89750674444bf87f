// Bytes as hexadecimal text, so that tests read like the test vectors they quote.
#ifndef MURKY_TESTING_HEX_H_
#define MURKY_TESTING_HEX_H_

#include <cstdint>
#include <string>
#include <vector>

namespace murky::testing {

// Anything but hexadecimal digits is skipped.
inline std::vector<uint8_t> FromHex(const std::string& text) {
  std::vector<uint8_t> bytes;
  int high = -1;
  for (const char c : text) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high >= 0) bytes.push_back(static_cast<uint8_t>(high << 4 | digit));
    high = high >= 0 ? -1 : digit;
  }
  return bytes;
}

inline std::string ToHex(const uint8_t* bytes, size_t length) {
  std::string text;
  for (size_t i = 0; i < length; i++) {
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

}  // namespace murky::testing

#endif  // MURKY_TESTING_HEX_H_
