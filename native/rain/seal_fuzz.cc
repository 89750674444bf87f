// libFuzzer target: a receiver between genuine senders and somebody who changes, cuts, lengthens, repeats and
// reorders what they send, while keys change. Only what a sender wrote is opened, and only once, but for what
// is sealed for many.
#include <set>
#include <string>

#include "rain/seal.h"
#include "rain/seeded_random.h"
#include "testing/fuzz_input.h"

namespace murky::rain {
namespace {

using Datagram = std::vector<uint8_t>;

ClusterKey Key(uint8_t name) { return ClusterKey(16 + name % 3 * 24, name); }

struct Sender {
  Sender(uint8_t name, uint64_t seed) : random(seed), name(name) {
    std::string error;
    seal = Seal::Make({Key(name)}, random, &error);
    MUST(seal != nullptr);
  }
  SeededRandom random;
  uint8_t name;  // of its key
  std::unique_ptr<Seal> seal;
};

struct Written {
  Datagram datagram;
  Datagram inner;
  uint8_t key;
  bool shared;
  bool taken = false;
};

}  // namespace
}  // namespace murky::rain

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace murky::rain;
  murky::testing::FuzzInput input(data, size);
  SeededRandom random(99);
  std::string error;
  std::set<uint8_t> opens = {1, 2};
  const auto receiver = Seal::Make({Key(1), Key(2)}, random, &error);
  Sender senders[] = {{1, 5}, {2, 6}, {3, 7}};
  std::vector<Written> written;
  for (int steps = 0; steps < 300 && !input.empty(); steps++) {
    const uint8_t action = input.Byte();
    if (action < 64 || written.empty()) {
      Sender& sender = senders[action % 3];
      Written one;
      one.inner = input.Bytes(input.Byte());
      one.key = sender.name;
      one.shared = action % 8 == 0;
      one.datagram.resize(one.inner.size() + sender.seal->overhead_bytes());
      uint8_t* out = one.datagram.data();
      MUST((one.shared ? sender.seal->WriteShared(one.inner.data(), one.inner.size(), out)
                       : sender.seal->Write(one.inner.data(), one.inner.size(), out)) == one.datagram.size());
      written.push_back(std::move(one));
      continue;
    }
    if (action >= 250) {
      const uint8_t first = 1 + input.Byte() % 3, second = 1 + (first + input.Byte() % 2) % 3;
      MUST(receiver->ReplaceKeys({Key(first), Key(second)}, &error));
      opens = {first, second};
      continue;
    }
    Written& original = written[input.Byte() % written.size()];
    Datagram datagram = original.datagram;
    if (action >= 128 && action < 192) {
      for (int changes = 1 + action % 3; changes > 0; changes--) {
        datagram[input.Byte() % datagram.size()] ^= input.Byte();
      }
    } else if (action >= 192 && action < 210) {
      datagram.resize(input.Byte() % datagram.size());
    } else if (action >= 210 && action < 230) {
      const Datagram more = input.Bytes(1 + action % 8);
      datagram.insert(datagram.end(), more.begin(), more.end());
    } else if (action >= 230) {
      datagram = input.Bytes(200);
    }
    // No byte behind the datagram may be looked at.
    const std::vector<uint8_t> exact(datagram.begin(), datagram.end());
    Opened opened;
    const bool taken = receiver->Open(exact.data(), exact.size(), 0, &opened) == OpenResult::kOk;
    const bool genuine = datagram == original.datagram;
    const bool again = original.taken && !original.shared;
    MUST(taken == (genuine && !again && opens.count(original.key) == 1));
    if (!taken) continue;
    MUST(opened.shared == original.shared);
    original.taken = true;
    MUST(Datagram(opened.inner, opened.inner + opened.inner_bytes) == original.inner);
  }
  return 0;
}
