// Names one block of one version of a resource.
#ifndef MURKY_RAIN_BLOCK_ID_H_
#define MURKY_RAIN_BLOCK_ID_H_

#include <cstring>

#include "rain/wire.h"

namespace murky::rain {

struct BlockId {
  uint64_t resource = 0;
  Version version{};
  uint32_t block = 0;

  bool operator==(const BlockId& other) const {
    return resource == other.resource && block == other.block && version == other.version;
  }
};

struct BlockIdHash {
  size_t operator()(const BlockId& id) const {
    uint64_t high, low;
    std::memcpy(&high, id.version.data(), 8);
    std::memcpy(&low, id.version.data() + 8, 8);
    uint64_t hash = id.resource * 0x9e3779b97f4a7c15u;
    for (uint64_t word : {high, low, static_cast<uint64_t>(id.block)}) {
      hash = (hash ^ (hash >> 29) ^ word) * 0xbf58476d1ce4e5b9u;
    }
    return static_cast<size_t>(hash ^ (hash >> 32));
  }
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_BLOCK_ID_H_
