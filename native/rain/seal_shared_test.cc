// What is sealed once for many receivers.
#include <set>
#include <string>

#include "rain/seal.h"
#include "rain/system_random.h"
#include "testing/check.h"

namespace murky::rain {
namespace {

using Bytes = std::vector<uint8_t>;

const Bytes kInner = {8, 1, 2, 3};
const ClusterKey kKey(32, 7);

struct Side {
  explicit Side(const std::vector<ClusterKey>& keys = {kKey}) {
    std::string error;
    seal = Seal::Make(keys, random, &error);
    CHECK_EQ(error, "");
  }
  Bytes Write(bool shared) {
    Bytes out(kInner.size() + seal->overhead_bytes());
    const size_t length = shared ? seal->WriteShared(kInner.data(), kInner.size(), out.data())
                                 : seal->Write(kInner.data(), kInner.size(), out.data());
    CHECK_EQ(length, out.size());
    return out;
  }
  OpenResult Open(const Bytes& datagram) { return seal->Open(datagram.data(), datagram.size(), 0, &opened); }

  SystemRandom random;
  std::unique_ptr<Seal> seal;
  Opened opened;
};

TEST(seal_shared_opens_for_everybody_in_any_order_and_again) {
  Side sender;
  std::vector<Bytes> shared;
  for (int i = 0; i < 20'000; i++)
    shared.push_back(sender.Write(true));  // far more than the replay window holds
  for (int receivers = 0; receivers < 2; receivers++) {
    Side receiver;
    for (size_t i : {size_t{19'999}, size_t{0}, size_t{10'000}, size_t{0}, size_t{19'999}}) {
      CHECK(receiver.Open(shared[i]) == OpenResult::kOk);
      CHECK(receiver.opened.shared);
      CHECK(Bytes(receiver.opened.inner, receiver.opened.inner + receiver.opened.inner_bytes) == kInner);
    }
    const Bytes own = sender.Write(false);
    CHECK(receiver.Open(own) == OpenResult::kOk);
    CHECK(!receiver.opened.shared);
    CHECK(receiver.Open(own) == OpenResult::kReplayed);
  }
  CHECK(sender.Open(shared[0]) == OpenResult::kReplayed);  // its own, come back from a group
}

TEST(seal_shared_is_authenticated_with_its_scheme) {
  Side sender;
  Side receiver;
  const Bytes own = sender.Write(false);
  const Bytes shared = sender.Write(true);
  CHECK_EQ(own[1], 1);
  CHECK_EQ(shared[1], 2);
  for (size_t at = 2; at < shared.size(); at++) {
    Bytes changed = shared;
    changed[at] ^= 1;
    CHECK(receiver.Open(changed) == OpenResult::kForged);
  }
  for (const Bytes& genuine : {own, shared}) {
    Bytes changed = genuine;
    changed[1] ^= 3;  // passed off as the other kind
    CHECK(receiver.Open(changed) == OpenResult::kForged);
    changed[1] = 3;
    CHECK(receiver.Open(changed) == OpenResult::kWrongScheme);
  }
  CHECK(Side(std::vector<ClusterKey>{}).Open(shared) == OpenResult::kWrongScheme);
}

TEST(seal_shared_uses_no_key_and_nonce_twice_nor_one_of_the_others) {
  Side sender;
  std::set<Bytes> used;  // counter and boot
  for (int i = 0; i < 1000; i++) {
    for (const bool shared : {false, true}) {
      const Bytes datagram = sender.Write(shared);
      used.emplace(datagram.begin() + 2, datagram.begin() + kOuterBytes);
    }
    std::string error;
    if (i % 100 == 99) CHECK(sender.seal->ReplaceKeys({kKey}, &error));
  }
  CHECK_EQ(used.size(), 2000u);
}

TEST(seal_shared_is_worth_nothing_once_keys_change) {
  Side sender;
  const Bytes before = sender.Write(true);
  CHECK(sender.seal->Current(before.data()));
  std::string error;
  CHECK(sender.seal->ReplaceKeys({ClusterKey(32, 9), kKey}, &error));
  CHECK(!sender.seal->Current(before.data()));
  const Bytes after = sender.Write(true);
  CHECK(sender.seal->Current(after.data()));
  CHECK(Side().Open(after) == OpenResult::kForged);
  CHECK(Side({ClusterKey(32, 9)}).Open(after) == OpenResult::kOk);
}

// Receivers hold the keys of two epochs: an older datagram is sealed anew instead of being sent again, and
// one that somebody recorded must not push a key out.
TEST(seal_shared_lasts_for_two_epochs) {
  Side sender;
  Side receiver;
  const Bytes first = sender.Write(true);
  CHECK(receiver.Open(first) == OpenResult::kOk);
  const auto spend = [&sender](uint64_t count) {
    Bytes out(sender.seal->overhead_bytes());
    for (uint64_t i = 0; i < count; i++) sender.seal->WriteShared(nullptr, 0, out.data());
  };
  spend(uint64_t{1} << kKeyEpochBits);
  const Bytes second = sender.Write(true);
  CHECK(receiver.Open(second) == OpenResult::kOk);
  CHECK(sender.seal->Current(first.data()));
  CHECK(receiver.Open(first) == OpenResult::kOk);
  spend(uint64_t{1} << kKeyEpochBits);
  CHECK(!sender.seal->Current(first.data()));
  CHECK(sender.seal->Current(second.data()));
  CHECK(receiver.Open(sender.Write(true)) == OpenResult::kOk);
  CHECK(receiver.Open(first) == OpenResult::kReplayed);
  Opened opened;  // nor is a key derived for it
  CHECK(receiver.seal->OpenAtHand(first.data(), first.size(), &opened) == OpenResult::kReplayed);
  CHECK(receiver.Open(second) == OpenResult::kOk);
}

}  // namespace
}  // namespace murky::rain
