#include "rain/sha256_lanes.h"

#include <string>
#include <vector>

#include "rain/seeded_random.h"
#include "rain/sha256_streams.h"
#include "testing/check.h"
#include "testing/hex.h"

namespace murky::rain {

namespace {

using Together = void (*)(const uint8_t* const* messages, size_t count, size_t bytes, Sha256Bytes* out);

// `count` random messages of one length, hashed together and by OpenSSL.
void CheckAgainstOpenSsl(Together together, size_t count, size_t bytes, SeededRandom& random) {
  std::vector<std::vector<uint8_t>> messages(count);
  std::vector<const uint8_t*> places;
  for (auto& message : messages) {
    message.reserve(bytes + 1);  // so that an empty one has a place, too
    for (size_t i = 0; i < bytes; i++) message.push_back(static_cast<uint8_t>(random.Next()));
    places.push_back(message.data());
  }
  std::vector<Sha256Bytes> hashes(count);
  together(places.data(), count, bytes, hashes.data());
  for (size_t i = 0; i < count; i++) {
    Sha256Bytes expected;
    CHECK(Sha256(messages[i].data(), bytes, &expected));
    CHECK_EQ(testing::ToHex(hashes[i].data(), hashes[i].size()),
             testing::ToHex(expected.data(), expected.size()));
  }
}

}  // namespace

TEST(sha256_lanes_agree_with_openssl_at_every_length_of_two_blocks) {
  if (!HasSha256Lanes()) return;
  SeededRandom random(1);
  for (size_t bytes = 0; bytes <= 130; bytes++)
    CheckAgainstOpenSsl(Sha256InLanes, kSha256Lanes, bytes, random);
}

TEST(sha256_lanes_agree_with_openssl_at_random_lengths_and_counts) {
  if (!HasSha256Lanes()) return;
  SeededRandom random(2);
  for (int trial = 0; trial < 200; trial++) {
    const size_t count = 1 + random.Next() % kSha256Lanes;
    CheckAgainstOpenSsl(Sha256InLanes, count, random.Next() % 20'000, random);
  }
}

TEST(sha256_streams_agree_with_openssl_at_every_length_of_two_blocks) {
  if (!HasSha256Streams()) return;
  SeededRandom random(3);
  for (size_t count = 1; count <= kSha256Streams; count++) {
    for (size_t bytes = 0; bytes <= 130; bytes++) CheckAgainstOpenSsl(Sha256InStreams, count, bytes, random);
  }
}

TEST(sha256_streams_agree_with_openssl_at_random_lengths_and_counts) {
  if (!HasSha256Streams()) return;
  SeededRandom random(4);
  for (int trial = 0; trial < 200; trial++) {
    const size_t count = 1 + random.Next() % kSha256Streams;
    CheckAgainstOpenSsl(Sha256InStreams, count, random.Next() % 20'000, random);
  }
}

// FIPS 180-4's example of one block (NIST, "Examples with Intermediate Values", SHA256).
TEST(sha256_lanes_hash_the_example_of_the_standard) {
  if (!HasSha256Lanes()) return;
  const std::string text = "abc";
  const auto* message = reinterpret_cast<const uint8_t*>(text.data());
  Sha256Bytes hash;
  Sha256InLanes(&message, 1, text.size(), &hash);
  CHECK_EQ(testing::ToHex(hash.data(), hash.size()),
           "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace murky::rain
