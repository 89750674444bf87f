#include "rain/crypto.h"

#include <vector>

#include "testing/check.h"
#include "testing/hex.h"

namespace murky::rain {

using testing::FromHex;
using testing::ToHex;

namespace {

std::vector<uint8_t> Run(uint8_t from, uint8_t to) {
  std::vector<uint8_t> bytes;
  for (int byte = from; byte <= to; byte++) bytes.push_back(static_cast<uint8_t>(byte));
  return bytes;
}

void CheckHkdf(const std::vector<uint8_t>& secret, const std::vector<uint8_t>& salt,
               const std::vector<uint8_t>& info, const std::string& extracted, const std::string& expanded) {
  Sha256Bytes key;
  CHECK(HkdfExtract(salt.data(), salt.size(), secret.data(), secret.size(), &key));
  CHECK_EQ(ToHex(key.data(), key.size()), extracted);
  std::vector<uint8_t> out(expanded.size() / 2);
  CHECK(HkdfExpand(key, info.data(), info.size(), out.data(), out.size()));
  CHECK_EQ(ToHex(out.data(), out.size()), expanded);
}

// Test case 4 of the GCM specification submitted to NIST (McGrew, Viega): 60 bytes, 20 of them associated.
const auto kKey = FromHex("feffe9928665731c6d6a8f9467308308");
const auto kPlain = FromHex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
const auto kAad = FromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
const GcmNonce kNonce = {0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88};
const char kSealedHex[] =
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
    "5bc94fbc3221a5db94fae95ae7121a47";

}  // namespace

TEST(crypto_finds_openssl) { CHECK(!CryptoVersion().empty()); }

TEST(crypto_hmac_sha256_rfc4231_case_2) {
  const std::string key = "Jefe";
  const std::string data = "what do ya want for nothing?";
  Sha256Bytes out;
  CHECK(HmacSha256(reinterpret_cast<const uint8_t*>(key.data()), key.size(),
                   reinterpret_cast<const uint8_t*>(data.data()), data.size(), &out));
  CHECK_EQ(ToHex(out.data(), out.size()), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(crypto_hkdf_rfc5869_case_1) {
  CheckHkdf(std::vector<uint8_t>(22, 0x0b), Run(0x00, 0x0c), Run(0xf0, 0xf9),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(crypto_hkdf_rfc5869_case_2_longer) {
  CheckHkdf(Run(0x00, 0x4f), Run(0x60, 0xaf), Run(0xb0, 0xff),
            "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

TEST(crypto_hkdf_rfc5869_case_3_no_salt_no_info) {
  CheckHkdf(std::vector<uint8_t>(22, 0x0b), {}, {},
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(crypto_hkdf_refuses_more_than_255_hashes) {
  const Sha256Bytes key{};
  std::vector<uint8_t> out(255 * kSha256Bytes + 1);
  CHECK(!HkdfExpand(key, nullptr, 0, out.data(), out.size()));
  CHECK(HkdfExpand(key, nullptr, 0, out.data(), out.size() - 1));
}

TEST(crypto_gcm_case_4_seals_and_opens) {
  const auto seal = AesGcm::Make(AesGcm::Direction::kSeal, kKey.data());
  const auto open = AesGcm::Make(AesGcm::Direction::kOpen, kKey.data());
  CHECK(seal && open);
  std::vector<uint8_t> sealed(kPlain.size() + 16);
  std::vector<uint8_t> opened(kPlain.size());
  for (int round = 0; round < 3; round++) {  // the kept key schedule serves again
    CHECK(seal->Seal(kNonce, kAad.data(), kAad.size(), kPlain.data(), kPlain.size(), sealed.data()));
    CHECK_EQ(ToHex(sealed.data(), sealed.size()), kSealedHex);
    CHECK(open->Open(kNonce, kAad.data(), kAad.size(), sealed.data(), kPlain.size(), opened.data()));
    CHECK(opened == kPlain);
  }
}

TEST(crypto_gcm_seals_in_place) {
  const auto seal = AesGcm::Make(AesGcm::Direction::kSeal, kKey.data());
  std::vector<uint8_t> bytes = kPlain;
  bytes.resize(kPlain.size() + 16);
  CHECK(seal->Seal(kNonce, kAad.data(), kAad.size(), bytes.data(), kPlain.size(), bytes.data()));
  CHECK_EQ(ToHex(bytes.data(), bytes.size()), kSealedHex);
}

TEST(crypto_gcm_refuses_a_changed_bit_anywhere) {
  const auto open = AesGcm::Make(AesGcm::Direction::kOpen, kKey.data());
  const auto genuine = FromHex(kSealedHex);
  std::vector<uint8_t> out(kPlain.size());
  for (size_t bit = 0; bit < genuine.size() * 8; bit++) {
    auto sealed = genuine;
    sealed[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    CHECK(!open->Open(kNonce, kAad.data(), kAad.size(), sealed.data(), kPlain.size(), out.data()));
  }
  for (size_t i = 0; i < kAad.size(); i++) {
    auto aad = kAad;
    aad[i] ^= 0x80;
    CHECK(!open->Open(kNonce, aad.data(), aad.size(), genuine.data(), kPlain.size(), out.data()));
  }
  // A refusal does not spoil the context.
  CHECK(open->Open(kNonce, kAad.data(), kAad.size(), genuine.data(), kPlain.size(), out.data()));
}

TEST(crypto_compares_every_byte) {
  std::vector<uint8_t> a(32, 7);
  for (size_t i = 0; i < a.size(); i++) {
    auto b = a;
    b[i] ^= 1;
    CHECK(!EqualInConstantTime(a.data(), b.data(), a.size()));
  }
  CHECK(EqualInConstantTime(a.data(), std::vector<uint8_t>(a).data(), a.size()));
}

}  // namespace murky::rain
