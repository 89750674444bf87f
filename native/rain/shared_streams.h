// Which versions have a crowd of readers that take shared symbols, so that it pays to keep them sealed.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SHARED_STREAMS_H_
#define MURKY_RAIN_SHARED_STREAMS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "rain/wire.h"

namespace murky::rain {

// Below this a reader's own symbols cost less memory and hardly more work.
constexpr size_t kReadersToShare = 4;

// Names a version in SHARED: the first 64 bits of HMAC-SHA256("murky-waters rain 1 stream", resource (8) |
// version (16)), so that whoever fetches that version knows it, and no other's symbols are taken for its own.
uint64_t StreamId(uint64_t resource, const Version& version);

class SharedStreams {
 public:
  // One version, cut into symbols of one size, and its readers.
  struct Stream {
    uint64_t id = 0;
    size_t readers = 0;
    bool crowded =
        false;  // and remains so to the last reader: what was made sealed is not made again in clear
  };

  // Counts one reader more. The stream stays where it is until its last reader has left.
  Stream* Join(uint64_t id, size_t symbol_bytes) {
    Stream& stream = streams_[{id, symbol_bytes}];
    stream.id = id;
    stream.crowded |= ++stream.readers >= kReadersToShare;
    return &stream;
  }
  void Leave(uint64_t id, size_t symbol_bytes) {
    const auto found = streams_.find({id, symbol_bytes});
    if (--found->second.readers == 0) streams_.erase(found);
  }

 private:
  std::map<std::pair<uint64_t, size_t>, Stream> streams_;  // no more than there are subscriptions
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SHARED_STREAMS_H_
