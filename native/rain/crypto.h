// The cryptography of the transport: SHA-256 (FIPS 180-4), HMAC-SHA256 (RFC 2104), HKDF-SHA256 (RFC 5869) and
// AES-128-GCM (NIST SP 800-38D), by the OpenSSL that is in the process already. Its functions are looked up
// at run time, so that the addon loads, and says what it misses, where a runtime does not export them.
//
// Thread-safety: the functions may be called from any thread; an AesGcm belongs to one thread at a time.
#ifndef MURKY_RAIN_CRYPTO_H_
#define MURKY_RAIN_CRYPTO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace murky::rain {

constexpr size_t kSha256Bytes = 32;
constexpr size_t kAesKeyBytes = 16;
constexpr size_t kGcmNonceBytes = 12;

using Sha256Bytes = std::array<uint8_t, kSha256Bytes>;
using GcmNonce = std::array<uint8_t, kGcmNonceBytes>;

// What OpenSSL calls itself, or an empty text where there is none; then every function below fails.
std::string CryptoVersion();

// True and *out set, or false where OpenSSL fails.
bool Sha256(const uint8_t* data, size_t data_bytes, Sha256Bytes* out);
bool HmacSha256(const uint8_t* key, size_t key_bytes, const uint8_t* data, size_t data_bytes,
                Sha256Bytes* out);

// RFC 5869, section 2.2: an empty salt stands for 32 zero bytes.
bool HkdfExtract(const uint8_t* salt, size_t salt_bytes, const uint8_t* secret, size_t secret_bytes,
                 Sha256Bytes* out);
// RFC 5869, section 2.3. At most 255 * 32 bytes of output and 256 bytes of info.
bool HkdfExpand(const Sha256Bytes& key, const uint8_t* info, size_t info_bytes, uint8_t* out,
                size_t out_bytes);

// True if the bytes are equal; takes the same time wherever they differ.
bool EqualInConstantTime(const uint8_t* a, const uint8_t* b, size_t bytes);

// One direction of AES-128-GCM under one key: the key schedule is kept, each message only sets its nonce.
class AesGcm {
 public:
  enum class Direction { kSeal, kOpen };

  // Null where OpenSSL fails.
  static std::unique_ptr<AesGcm> Make(Direction direction, const uint8_t* key);
  ~AesGcm();
  AesGcm(const AesGcm&) = delete;
  AesGcm& operator=(const AesGcm&) = delete;

  // Encrypts `bytes` bytes of `plain` to `out` (which may be `plain`) and writes the 16-byte tag behind them.
  // Only for kSeal.
  bool Seal(const GcmNonce& nonce, const uint8_t* aad, size_t aad_bytes, const uint8_t* plain, size_t bytes,
            uint8_t* out);
  // Seal in steps, for what lies in several pieces: each is encrypted to where it belongs, which is its own
  // place or one that does not overlap it.
  bool Begin(const GcmNonce& nonce, const uint8_t* aad, size_t aad_bytes);
  bool SealPiece(const uint8_t* plain, size_t bytes, uint8_t* out);
  bool End(uint8_t* tag);
  // Decrypts `bytes` bytes of `sealed`, which the 16-byte tag follows, to `out`. False, and `out` is not to
  // be looked at, unless the tag is right. Only for kOpen.
  bool Open(const GcmNonce& nonce, const uint8_t* aad, size_t aad_bytes, const uint8_t* sealed, size_t bytes,
            uint8_t* out);

 private:
  explicit AesGcm(void* context) : context_(context) {}
  void* context_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_CRYPTO_H_
