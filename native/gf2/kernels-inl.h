// The kernels for one instruction set, written once over a vector type. Included by kernels_<isa>.cc, which
// defines before: `Vector` (loaded and stored through memcpy, so that nothing needs alignment), Zero() and
// Xor3(). Everything lands in an unnamed namespace: no two instruction sets ever share a symbol.
//
// The vector size is a power of two of at least 8 bytes; what is left of a row goes word by word.

namespace murky::gf2 {
namespace {

constexpr size_t kVectorBytes = sizeof(Vector);

inline Vector Load(const uint8_t* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

inline void Store(uint8_t* to, Vector value) { __builtin_memcpy(to, &value, sizeof value); }

inline uint64_t LoadWord(const uint8_t* from) {
  uint64_t value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

inline void StoreWord(uint8_t* to, uint64_t value) { __builtin_memcpy(to, &value, sizeof value); }

// kUnroll vectors side by side stay in registers while the sources pass by.
template <size_t kUnroll>
inline void GatherStep(uint8_t* dst, const uint8_t* const* srcs, size_t count, size_t at) {
  Vector sum[kUnroll];
  size_t s = 0;
  if (count & 1) {
    for (size_t u = 0; u < kUnroll; u++) sum[u] = Load(srcs[0] + at + u * kVectorBytes);
    s = 1;
  } else {
    const uint8_t* a = srcs[0] + at;
    const uint8_t* b = srcs[1] + at;
    for (size_t u = 0; u < kUnroll; u++) sum[u] = Load(a + u * kVectorBytes) ^ Load(b + u * kVectorBytes);
    s = 2;
  }
  for (; s < count; s += 2) {
    const uint8_t* a = srcs[s] + at;
    const uint8_t* b = srcs[s + 1] + at;
    for (size_t u = 0; u < kUnroll; u++) {
      sum[u] = Xor3(sum[u], Load(a + u * kVectorBytes), Load(b + u * kVectorBytes));
    }
  }
  for (size_t u = 0; u < kUnroll; u++) Store(dst + at + u * kVectorBytes, sum[u]);
}

void Gather(uint8_t* dst, const uint8_t* const* srcs, size_t count, size_t bytes) {
  if (count == 0) {
    __builtin_memset(dst, 0, bytes);
    return;
  }
  size_t at = 0;
  for (; at + 4 * kVectorBytes <= bytes; at += 4 * kVectorBytes) GatherStep<4>(dst, srcs, count, at);
  for (; at + kVectorBytes <= bytes; at += kVectorBytes) GatherStep<1>(dst, srcs, count, at);
  for (; at < bytes; at += 8) {
    uint64_t sum = LoadWord(srcs[0] + at);
    for (size_t s = 1; s < count; s++) sum ^= LoadWord(srcs[s] + at);
    StoreWord(dst + at, sum);
  }
}

void Scatter(uint8_t* const* dsts, const uint8_t* src, size_t count, size_t bytes) {
  size_t at = 0;
  for (; at + 4 * kVectorBytes <= bytes; at += 4 * kVectorBytes) {
    Vector value[4];
    for (size_t u = 0; u < 4; u++) value[u] = Load(src + at + u * kVectorBytes);
    for (size_t d = 0; d < count; d++) {
      uint8_t* dst = dsts[d] + at;
      for (size_t u = 0; u < 4; u++) Store(dst + u * kVectorBytes, Load(dst + u * kVectorBytes) ^ value[u]);
    }
  }
  for (; at + kVectorBytes <= bytes; at += kVectorBytes) {
    const Vector value = Load(src + at);
    for (size_t d = 0; d < count; d++) Store(dsts[d] + at, Load(dsts[d] + at) ^ value);
  }
  for (; at < bytes; at += 8) {
    const uint64_t value = LoadWord(src + at);
    for (size_t d = 0; d < count; d++) StoreWord(dsts[d] + at, LoadWord(dsts[d] + at) ^ value);
  }
}

}  // namespace
}  // namespace murky::gf2
