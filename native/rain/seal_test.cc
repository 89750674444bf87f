#include "rain/seal.h"

#include <cstring>
#include <set>
#include <utility>

#include "rain/big_endian.h"
#include "rain/system_random.h"
#include "testing/check.h"
#include "testing/hex.h"

namespace murky::rain {

using testing::FromHex;
using testing::ToHex;

namespace {

using Bytes = std::vector<uint8_t>;
using Keys = std::vector<ClusterKey>;

class FixedRandom : public Random {
 public:
  explicit FixedRandom(uint64_t next) : next_(next) {}
  // What is drawn later is far off, so that no two of the small boot ids below meet.
  uint64_t Next() override { return std::exchange(next_, next_ + (uint64_t{1} << 40)); }

 private:
  uint64_t next_;
};

constexpr uint64_t kBoot = 0x1112131415161718;
const Bytes kInner = {5, 0, 1, 2};  // an UNSUBSCRIBE

// One sealing side with a key 00 01 02 ... and its own boot id.
struct Side {
  explicit Side(uint64_t boot, Keys keys = {CountedKey()}) : random(boot) {
    std::string error;
    seal = Seal::Make(keys, random, &error);
    CHECK_EQ(error, "");
  }
  static Bytes CountedKey() {
    Bytes key(32);
    for (size_t i = 0; i < key.size(); i++) key[i] = static_cast<uint8_t>(i);
    return key;
  }
  Bytes Write(const Bytes& inner = kInner) {
    Bytes out(inner.size() + seal->overhead_bytes());
    CHECK_EQ(seal->Write(inner.data(), inner.size(), out.data()), out.size());
    return out;
  }
  OpenResult Open(const Bytes& datagram) {
    const Bytes copy(datagram.begin(), datagram.end());
    return seal->Open(copy.data(), copy.size(), 0, &opened);
  }
  FixedRandom random;
  std::unique_ptr<Seal> seal;
  Opened opened;
};

// The outer header of a datagram with a chosen counter; the rest is noise.
Bytes Noise(uint64_t boot, uint64_t counter) {
  Bytes bytes(64, 0x77);
  WriteOuter({kWireVersion, SealScheme::kAes128Gcm, counter, boot}, bytes.data());
  return bytes;
}

}  // namespace

// The bytes were computed with another implementation of HKDF and GCM (Node's hkdfSync and createCipheriv).
TEST(seal_golden_bytes) {
  Side sender(kBoot);
  CHECK_EQ(ToHex(sender.Write().data(), 36),
           "0101000000000000111213141516171882991dcd6403832e458133223c45a400de684851");
}

TEST(seal_golden_bytes_of_the_second_epoch) {
  Side receiver(1);
  const Bytes datagram = FromHex("01010000004000051112131415161718e99a8013376a318cd6ed8d77a0a4b89964239095");
  CHECK(receiver.Open(datagram) == OpenResult::kOk);
  CHECK_EQ(ToHex(receiver.opened.inner, receiver.opened.inner_bytes), "05000102");
}

TEST(seal_opens_what_it_wrote) {
  Side sender(kBoot);
  Side receiver(1);
  for (size_t size : {0, 1, 4, 1360, 8912}) {
    const Bytes inner(size, 0x42);
    CHECK(receiver.Open(sender.Write(inner)) == OpenResult::kOk);
    CHECK_EQ(receiver.opened.boot, kBoot);
    CHECK(Bytes(receiver.opened.inner, receiver.opened.inner + receiver.opened.inner_bytes) == inner);
  }
}

TEST(seal_writes_in_place) {
  Side sender(kBoot);
  Bytes out(kInner.size() + sender.seal->overhead_bytes());
  std::memcpy(out.data() + kOuterBytes, kInner.data(), kInner.size());
  sender.seal->Write(out.data() + kOuterBytes, kInner.size(), out.data());
  CHECK(out == Side(kBoot).Write());
}

// Wherever the message is cut in two, and whether or not that is where the cipher's blocks end.
TEST(seal_writes_two_pieces_as_one) {
  Bytes inner(1000);
  for (size_t i = 0; i < inner.size(); i++) inner[i] = static_cast<uint8_t>(i * 7);
  const Bytes whole = Side(kBoot).Write(inner);
  for (const size_t head : {0, 1, 15, 16, 17, 999, 1000}) {
    const Bytes body(inner.begin() + static_cast<ptrdiff_t>(head), inner.end());  // elsewhere
    Bytes out(whole.size());
    Side sender(kBoot);
    CHECK_EQ(sender.seal->Write({inner.data(), head, body.data(), body.size()}, out.data()), out.size());
    CHECK(out == whole);
  }
}

TEST(seal_refuses_every_changed_byte) {
  Side sender(kBoot);
  Side receiver(1);
  const Bytes datagram = sender.Write();
  for (size_t i = 0; i < datagram.size(); i++) {
    for (int bit = 0; bit < 8; bit++) {
      Bytes changed = datagram;
      changed[i] ^= static_cast<uint8_t>(1 << bit);
      const OpenResult expected = i == 0   ? OpenResult::kUnknownVersion
                                  : i == 1 ? OpenResult::kWrongScheme
                                           : OpenResult::kForged;
      CHECK(receiver.Open(changed) == expected);
    }
  }
  CHECK(receiver.Open(datagram) == OpenResult::kOk);  // the forgeries left no trace
}

TEST(seal_refuses_every_truncation_and_extension) {
  Side sender(kBoot);
  Side receiver(1);
  const Bytes datagram = sender.Write();
  for (size_t length = 0; length < datagram.size(); length++) {
    const Bytes shorter(datagram.begin(), datagram.begin() + length);
    CHECK(receiver.Open(shorter) == (length < 32 ? OpenResult::kTooShort : OpenResult::kForged));
  }
  for (size_t more : {1, 16, 1000, 10'000, 65'000}) {
    Bytes longer = datagram;
    longer.resize(longer.size() + more);
    CHECK(receiver.Open(longer) == OpenResult::kForged);
  }
}

TEST(seal_refuses_another_clusters_key) {
  Side sender(kBoot, {Bytes(32, 0x99)});
  Side receiver(1);
  CHECK(receiver.Open(sender.Write()) == OpenResult::kForged);
}

TEST(seal_refuses_replays_and_takes_late_ones) {
  Side sender(kBoot);
  Side receiver(1);
  std::vector<Bytes> sent;
  for (size_t i = 0; i < kReplayWindowCounters + 100; i++) sent.push_back(sender.Write());
  CHECK(receiver.Open(sent[150]) == OpenResult::kOk);
  CHECK(receiver.Open(sent[150]) == OpenResult::kReplayed);
  CHECK(receiver.Open(sent[0]) == OpenResult::kOk);  // late, but new
  CHECK(receiver.Open(sent[0]) == OpenResult::kReplayed);
  CHECK(receiver.Open(sent.back()) == OpenResult::kOk);
  CHECK(receiver.Open(sent[20]) == OpenResult::kReplayed);  // new, but behind the window
  CHECK(receiver.Open(sent[200]) == OpenResult::kOk);
}

TEST(seal_window_is_not_moved_by_a_forger) {
  Side sender(kBoot);
  Side receiver(1);
  const Bytes first = sender.Write();
  CHECK(receiver.Open(Noise(kBoot, (uint64_t{1} << 48) - 1)) ==
        OpenResult::kForged);  // an unknown sender yet
  CHECK(receiver.Open(first) == OpenResult::kOk);
  CHECK(receiver.Open(Noise(kBoot, (uint64_t{1} << 48) - 1)) == OpenResult::kForged);
  CHECK(receiver.Open(sender.Write()) == OpenResult::kOk);
}

TEST(seal_refuses_its_own_datagrams_reflected) {
  for (const Keys& keys : {Keys{Side::CountedKey()}, Keys{}}) {
    Side sender(kBoot, keys);
    CHECK(sender.Open(sender.Write()) == OpenResult::kReplayed);
  }
}

TEST(seal_forgeries_of_many_senders_push_nobody_out) {
  Side sender(kBoot);
  Side receiver(1);
  const Bytes datagram = sender.Write();
  CHECK(receiver.Open(datagram) == OpenResult::kOk);
  for (uint64_t boot = 1000; boot < 1000 + 2 * kMaxKnownSenders; boot++) {
    CHECK(receiver.Open(Noise(boot, 0)) == OpenResult::kForged);
  }
  CHECK(receiver.Open(datagram) == OpenResult::kReplayed);  // still known
}

TEST(seal_forgets_the_sender_unheard_for_longest) {
  Side receiver(1);
  Side kept(kBoot);
  const Bytes first = kept.Write();
  const Bytes lost = Side(2).Write();
  CHECK(receiver.Open(lost) == OpenResult::kOk);
  CHECK(receiver.Open(first) == OpenResult::kOk);
  for (uint64_t boot = 1000; boot < 1000 + kMaxKnownSenders; boot++) {
    if (boot == 1500) CHECK(receiver.Open(kept.Write()) == OpenResult::kOk);  // heard again, so it stays
    CHECK(receiver.Open(Side(boot).Write()) == OpenResult::kOk);
  }
  CHECK(receiver.Open(first) == OpenResult::kReplayed);
  CHECK(receiver.Open(lost) == OpenResult::kOk);  // forgotten: the bound on memory has this price
}

TEST(seal_changes_its_key_after_2_to_the_22_datagrams) {
  Side sender(kBoot);
  Side receiver(1);
  Bytes out(32);
  const uint64_t count = uint64_t{1} << kKeyEpochBits;
  for (uint64_t i = 0; i + 1 < count; i++) sender.seal->Write(nullptr, 0, out.data());
  const Bytes last = sender.Write();
  const Bytes next = sender.Write();
  CHECK_EQ(GetBig<6>(next.data() + 2), count);
  CHECK(receiver.Open(next) == OpenResult::kOk);
  CHECK(receiver.Open(last) == OpenResult::kOk);  // of the epoch before, late
  CHECK(receiver.Open(sender.Write()) == OpenResult::kOk);
  CHECK(receiver.Open(last) == OpenResult::kReplayed);
}

TEST(seal_unsealed_adds_a_header_only) {
  Side sender(kBoot, {});
  Side receiver(1, {});
  CHECK(!sender.seal->sealed());
  const Bytes datagram = sender.Write();
  CHECK_EQ(ToHex(datagram.data(), datagram.size()), "0100000000000000111213141516171805000102");
  CHECK(receiver.Open(datagram) == OpenResult::kOk);
  CHECK_EQ(ToHex(receiver.opened.inner, receiver.opened.inner_bytes), "05000102");
  for (size_t length = 0; length < kOuterBytes; length++) {
    CHECK(receiver.Open(Bytes(datagram.begin(), datagram.begin() + length)) == OpenResult::kTooShort);
  }
}

TEST(seal_sealed_and_unsealed_do_not_mix) {
  Side sealed(kBoot);
  Side unsealed(1, {});
  CHECK(unsealed.Open(sealed.Write()) == OpenResult::kWrongScheme);
  CHECK(sealed.Open(unsealed.Write()) == OpenResult::kWrongScheme);
}

TEST(seal_opens_with_every_key_and_seals_with_the_first) {
  const Bytes old = Bytes(32, 1);
  const Bytes fresh = Bytes(32, 2);
  Side only_old(1, {old}), both_old_first(2, {old, fresh}), both_new_first(3, {fresh, old}),
      only_new(4, {fresh});
  CHECK(both_new_first.Open(only_old.Write()) == OpenResult::kOk);
  CHECK(both_old_first.Open(only_new.Write()) == OpenResult::kOk);
  CHECK(only_old.Open(both_old_first.Write()) == OpenResult::kOk);
  CHECK(only_old.Open(both_new_first.Write()) == OpenResult::kForged);
  CHECK(only_new.Open(both_new_first.Write()) == OpenResult::kOk);
  CHECK(only_new.Open(both_old_first.Write()) == OpenResult::kForged);
}

TEST(seal_takes_other_keys_while_it_runs) {
  const Bytes old = Bytes(32, 1);
  const Bytes fresh = Bytes(32, 2);
  Side sender(kBoot, {old});
  Side receiver(1, {old, fresh});
  std::string error;
  const Bytes first = sender.Write();
  const Bytes late = sender.Write();
  CHECK(receiver.Open(first) == OpenResult::kOk);
  CHECK(sender.seal->ReplaceKeys({fresh, old}, &error));
  const Bytes next = sender.Write();
  CHECK_EQ(GetBig<6>(next.data() + 2), 2u);  // the counter goes on
  CHECK_EQ(GetBig<8>(next.data() + 8), kBoot);
  CHECK(receiver.Open(next) == OpenResult::kOk);
  CHECK(receiver.Open(late) == OpenResult::kOk);  // of the old key, overtaken
  CHECK(receiver.Open(first) == OpenResult::kReplayed);
  CHECK(receiver.seal->ReplaceKeys({fresh}, &error));
  CHECK(receiver.Open(next) == OpenResult::kReplayed);  // remembered across the change
  CHECK(sender.seal->ReplaceKeys({old, fresh}, &error));
  CHECK(receiver.Open(sender.Write()) == OpenResult::kForged);
}

TEST(seal_refuses_keys_that_make_no_sense_and_keeps_those_it_has) {
  Side sender(kBoot);
  Side receiver(1);
  const Bytes key = Bytes(32, 1);
  std::string error;
  CHECK(!sender.seal->ReplaceKeys({key, key}, &error));
  CHECK_EQ(error, "The same cluster key is given twice.");
  CHECK(!sender.seal->ReplaceKeys({}, &error));
  CHECK_EQ(error, "A node takes 1 to 4 cluster keys at once, not 0.");
  CHECK(!sender.seal->ReplaceKeys(Keys(5, key), &error));
  CHECK_EQ(error, "A node takes 1 to 4 cluster keys at once, not 5.");
  CHECK(!sender.seal->ReplaceKeys({key, Bytes(15)}, &error));
  CHECK(receiver.Open(sender.Write()) == OpenResult::kOk);
  CHECK(!Side(kBoot, {}).seal->ReplaceKeys({key}, &error));
  CHECK_EQ(error, "A node that speaks in clear takes up a cluster key only at its start.");
}

// A nonce may come twice only under another key: two starts differ in the boot, one start in the counter.
TEST(seal_never_uses_a_key_and_nonce_twice_over_many_starts) {
  SystemRandom random;
  std::set<std::string> used;  // boot and counter: what key and nonce are made from
  std::set<std::string> sealed;
  constexpr size_t kStarts = 2000, kEach = 5;
  for (size_t start = 0; start < kStarts; start++) {
    std::string error;
    const auto seal = Seal::Make({Side::CountedKey()}, random, &error);
    for (size_t i = 0; i < kEach; i++) {
      Bytes out(kInner.size() + seal->overhead_bytes());
      seal->Write(kInner.data(), kInner.size(), out.data());
      CHECK_EQ(GetBig<6>(out.data() + 2), i);
      used.emplace(out.begin() + 2, out.begin() + kOuterBytes);
      sealed.emplace(out.begin() + kOuterBytes, out.end());  // one plain text, so equal only for an equal key
    }
  }
  CHECK_EQ(used.size(), kStarts * kEach);
  CHECK_EQ(sealed.size(), kStarts * kEach);
}

TEST(seal_wants_a_key_of_16_to_64_bytes) {
  for (size_t size : {1, 15, 65}) {
    FixedRandom random(1);
    std::string error;
    CHECK(Seal::Make({Bytes(size)}, random, &error) == nullptr);
    CHECK_EQ(error, "A cluster key has 16 to 64 bytes, this one " + std::to_string(size) + ".");
  }
  for (size_t size : {16, 64}) Side(kBoot, {Bytes(size, 1)}).Write();
}

}  // namespace murky::rain
