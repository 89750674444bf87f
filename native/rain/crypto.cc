#include "rain/crypto.h"

#include <dlfcn.h>

#include <cstring>

#include "rain/wire.h"

namespace murky::rain {

namespace {

// The prototypes of OpenSSL 1.1.1 and 3 (EVP_EncryptInit(3), EVP_Digest(3), HMAC(3), OpenSSL_version(3)),
// declared here so that no OpenSSL headers are needed; its types are never looked into.
struct OpenSsl {
  void* (*cipher_ctx_new)();
  void (*cipher_ctx_free)(void* ctx);
  int (*cipher_ctx_ctrl)(void* ctx, int type, int argument, void* pointer);
  const void* (*aes_128_gcm)();
  const void* (*sha256)();
  int (*digest)(const void* data, size_t bytes, unsigned char* out, unsigned int* out_bytes, const void* type,
                void* engine);
  int (*encrypt_init)(void* ctx, const void* cipher, void* engine, const unsigned char* key,
                      const unsigned char* iv);
  int (*encrypt_update)(void* ctx, unsigned char* out, int* out_bytes, const unsigned char* in, int in_bytes);
  int (*encrypt_final)(void* ctx, unsigned char* out, int* out_bytes);
  int (*decrypt_init)(void* ctx, const void* cipher, void* engine, const unsigned char* key,
                      const unsigned char* iv);
  int (*decrypt_update)(void* ctx, unsigned char* out, int* out_bytes, const unsigned char* in, int in_bytes);
  int (*decrypt_final)(void* ctx, unsigned char* out, int* out_bytes);
  unsigned char* (*hmac)(const void* digest, const void* key, int key_bytes, const unsigned char* data,
                         size_t data_bytes, unsigned char* out, unsigned int* out_bytes);
  const char* (*version)(int type);
};

// EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG.
constexpr int kGetTag = 0x10;
constexpr int kSetTag = 0x11;

template <typename Function>
bool Find(void* library, const char* name, Function* out) {
  void* found = dlsym(library, name);
  std::memcpy(out, &found, sizeof found);
  return found != nullptr;
}

bool FindAll(void* library, OpenSsl* out) {
  return Find(library, "EVP_CIPHER_CTX_new", &out->cipher_ctx_new) &&
         Find(library, "EVP_CIPHER_CTX_free", &out->cipher_ctx_free) &&
         Find(library, "EVP_CIPHER_CTX_ctrl", &out->cipher_ctx_ctrl) &&
         Find(library, "EVP_aes_128_gcm", &out->aes_128_gcm) && Find(library, "EVP_sha256", &out->sha256) &&
         Find(library, "EVP_Digest", &out->digest) &&
         Find(library, "EVP_EncryptInit_ex", &out->encrypt_init) &&
         Find(library, "EVP_EncryptUpdate", &out->encrypt_update) &&
         Find(library, "EVP_EncryptFinal_ex", &out->encrypt_final) &&
         Find(library, "EVP_DecryptInit_ex", &out->decrypt_init) &&
         Find(library, "EVP_DecryptUpdate", &out->decrypt_update) &&
         Find(library, "EVP_DecryptFinal_ex", &out->decrypt_final) && Find(library, "HMAC", &out->hmac) &&
         Find(library, "OpenSSL_version", &out->version);
}

// Node's binary exports its OpenSSL; a program without one (the native tests) gets the system's.
const OpenSsl* Look() {
  static OpenSsl found;
  if (FindAll(RTLD_DEFAULT, &found)) return &found;
  for (const char* name : {"libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.3.dylib"}) {
    void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library && FindAll(library, &found)) return &found;
  }
  return nullptr;
}

const OpenSsl* Library() {
  static const OpenSsl* const library = Look();
  return library;
}

}  // namespace

std::string CryptoVersion() { return Library() ? Library()->version(0) : ""; }

bool Sha256(const uint8_t* data, size_t data_bytes, Sha256Bytes* out) {
  const OpenSsl* ssl = Library();
  return ssl && ssl->digest(data, data_bytes, out->data(), nullptr, ssl->sha256(), nullptr) == 1;
}

bool HmacSha256(const uint8_t* key, size_t key_bytes, const uint8_t* data, size_t data_bytes,
                Sha256Bytes* out) {
  const OpenSsl* ssl = Library();
  return ssl && ssl->hmac(ssl->sha256(), key, static_cast<int>(key_bytes), data, data_bytes, out->data(),
                          nullptr) != nullptr;
}

bool HkdfExtract(const uint8_t* salt, size_t salt_bytes, const uint8_t* secret, size_t secret_bytes,
                 Sha256Bytes* out) {
  const Sha256Bytes zeros{};
  if (salt_bytes == 0) return HmacSha256(zeros.data(), zeros.size(), secret, secret_bytes, out);
  return HmacSha256(salt, salt_bytes, secret, secret_bytes, out);
}

bool HkdfExpand(const Sha256Bytes& key, const uint8_t* info, size_t info_bytes, uint8_t* out,
                size_t out_bytes) {
  constexpr size_t kMaxInfoBytes = 256;
  if (out_bytes > 255 * kSha256Bytes || info_bytes > kMaxInfoBytes) return false;
  // T(i) = HMAC(PRK, T(i-1) | info | i), with T(0) empty.
  uint8_t text[kSha256Bytes + kMaxInfoBytes + 1];
  Sha256Bytes previous{};
  size_t previous_bytes = 0;
  for (size_t done = 0, i = 1; done < out_bytes; i++) {
    std::memcpy(text, previous.data(), previous_bytes);
    if (info_bytes > 0) std::memcpy(text + previous_bytes, info, info_bytes);
    text[previous_bytes + info_bytes] = static_cast<uint8_t>(i);
    if (!HmacSha256(key.data(), key.size(), text, previous_bytes + info_bytes + 1, &previous)) return false;
    previous_bytes = kSha256Bytes;
    const size_t part = out_bytes - done < kSha256Bytes ? out_bytes - done : kSha256Bytes;
    std::memcpy(out + done, previous.data(), part);
    done += part;
  }
  return true;
}

bool EqualInConstantTime(const uint8_t* a, const uint8_t* b, size_t bytes) {
  volatile uint8_t difference = 0;  // volatile: no early way out for the compiler to find
  for (size_t i = 0; i < bytes; i++) difference = static_cast<uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

std::unique_ptr<AesGcm> AesGcm::Make(Direction direction, const uint8_t* key) {
  const OpenSsl* ssl = Library();
  if (!ssl) return nullptr;
  void* context = ssl->cipher_ctx_new();
  if (!context) return nullptr;
  std::unique_ptr<AesGcm> made(new AesGcm(context));
  const auto init = direction == Direction::kSeal ? ssl->encrypt_init : ssl->decrypt_init;
  // The nonce has GCM's default length of 12 bytes (SP 800-38D, section 5.2.1.1).
  if (init(context, ssl->aes_128_gcm(), nullptr, key, nullptr) != 1) return nullptr;
  return made;
}

AesGcm::~AesGcm() { Library()->cipher_ctx_free(context_); }

bool AesGcm::Seal(const GcmNonce& nonce, const uint8_t* aad, size_t aad_bytes, const uint8_t* plain,
                  size_t bytes, uint8_t* out) {
  return Begin(nonce, aad, aad_bytes) && SealPiece(plain, bytes, out) && End(out + bytes);
}

bool AesGcm::Begin(const GcmNonce& nonce, const uint8_t* aad, size_t aad_bytes) {
  const OpenSsl* ssl = Library();
  int written = 0;
  return ssl->encrypt_init(context_, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
         ssl->encrypt_update(context_, nullptr, &written, aad, static_cast<int>(aad_bytes)) == 1;
}

bool AesGcm::SealPiece(const uint8_t* plain, size_t bytes, uint8_t* out) {
  int written = 0;
  return bytes == 0 ||
         Library()->encrypt_update(context_, out, &written, plain, static_cast<int>(bytes)) == 1;
}

bool AesGcm::End(uint8_t* tag) {
  const OpenSsl* ssl = Library();
  int written = 0;
  return ssl->encrypt_final(context_, tag, &written) == 1 &&
         ssl->cipher_ctx_ctrl(context_, kGetTag, kTagBytes, tag) == 1;
}

bool AesGcm::Open(const GcmNonce& nonce, const uint8_t* aad, size_t aad_bytes, const uint8_t* sealed,
                  size_t bytes, uint8_t* out) {
  const OpenSsl* ssl = Library();
  int written = 0;
  uint8_t tag[kTagBytes];
  std::memcpy(tag, sealed + bytes, kTagBytes);
  return ssl->decrypt_init(context_, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
         ssl->decrypt_update(context_, nullptr, &written, aad, static_cast<int>(aad_bytes)) == 1 &&
         ssl->decrypt_update(context_, out, &written, sealed, static_cast<int>(bytes)) == 1 &&
         ssl->cipher_ctx_ctrl(context_, kSetTag, kTagBytes, tag) == 1 &&
         ssl->decrypt_final(context_, out + bytes, &written) == 1;
}

}  // namespace murky::rain
