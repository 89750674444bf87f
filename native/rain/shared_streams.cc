#include "rain/shared_streams.h"

#include <cstring>

#include "rain/big_endian.h"
#include "rain/crypto.h"

namespace murky::rain {

uint64_t StreamId(uint64_t resource, const Version& version) {
  static constexpr char kLabel[] = "murky-waters rain 1 stream";
  uint8_t named[8 + kVersionBytes];
  std::memcpy(PutBig<8>(named, resource), version.data(), kVersionBytes);
  Sha256Bytes mac{};  // stays so where there is no OpenSSL; then no loop starts
  HmacSha256(reinterpret_cast<const uint8_t*>(kLabel), sizeof kLabel - 1, named, sizeof named, &mac);
  return GetBig<8>(mac.data());
}

}  // namespace murky::rain
