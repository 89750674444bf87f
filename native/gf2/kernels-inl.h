// The kernels for one instruction set, written once over a vector type. Included by kernels_<isa>.cc, which
// defines before: `Vector` (loaded and stored through memcpy, so that nothing needs alignment), Xor3() and
// kStripVectors, the vectors of a strip in `precode`. Everything lands in an unnamed namespace: no two
// instruction sets ever share a symbol.
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

// A strip of the next rows is fetched this many rows ahead: to the hardware it is a jump of a row each time,
// which it does not follow.
constexpr uint32_t kAheadRows = 8;

// Strips of kStripVectors vectors; what is left of a row goes in strips of one cache line.
template <size_t kVectors>
inline void PrecodeStrip(const PrecodeTables& tables, const uint8_t* const* sources, uint8_t* columns,
                         size_t stride, size_t at) {
  Vector column[kVectors];
  Vector prefix[kVectors];
  for (size_t v = 0; v < kVectors; v++) column[v] = prefix[v] = Vector{};
  uint8_t* const base = columns + at;
  for (uint32_t i = 0; i < tables.sources; i++) {
    const uint8_t* source = sources[i] + at;
    uint8_t* const own = base + i * stride;
    const uint32_t ahead = i + kAheadRows < tables.sources ? i + kAheadRows : i;
    for (size_t o = 0; o < kVectors * kVectorBytes; o += 64) {
      __builtin_prefetch(sources[ahead] + at + o, 0, 2);
      __builtin_prefetch(base + ahead * stride + o, 1, 2);
    }
    if (tables.back[i] != i) {
      const uint8_t* back = base + tables.back[i] * stride;
      for (size_t v = 0; v < kVectors; v++) {
        column[v] = Xor3(column[v], Load(source + v * kVectorBytes), Load(back + v * kVectorBytes));
      }
    } else {
      for (size_t v = 0; v < kVectors; v++) column[v] = column[v] ^ Load(source + v * kVectorBytes);
    }
    uint8_t* const first = base + tables.checks[2 * i] * stride;
    uint8_t* const second = base + tables.checks[2 * i + 1] * stride;
    uint8_t* const dense = base + tables.dense[i] * stride;
    for (size_t v = 0; v < kVectors; v++) {
      const size_t o = v * kVectorBytes;
      Store(own + o, column[v]);
      prefix[v] = prefix[v] ^ column[v];
      Store(first + o, Load(first + o) ^ column[v]);
      Store(second + o, Load(second + o) ^ column[v]);
      Store(dense + o, Load(dense + o) ^ prefix[v]);
    }
  }
  for (size_t v = 0; v < kVectors; v++) column[v] = Vector{};
  for (uint32_t i = tables.sources; i < tables.light; i++) {
    uint8_t* const own = base + i * stride;
    uint8_t* const dense = base + tables.dense[i] * stride;
    for (size_t v = 0; v < kVectors; v++) {
      const size_t o = v * kVectorBytes;
      column[v] = column[v] ^ Load(own + o);
      Store(own + o, column[v]);
      prefix[v] = prefix[v] ^ column[v];
      Store(dense + o, Load(dense + o) ^ prefix[v]);
    }
  }
}

constexpr size_t kLineVectors = 64 / kVectorBytes;
constexpr size_t kStripBytes = kStripVectors * kVectorBytes;

void Precode(const PrecodeTables& tables, const uint8_t* const* sources, uint8_t* columns, size_t stride,
             size_t bytes) {
  size_t at = 0;
  for (; at + kStripBytes <= bytes; at += kStripBytes) {
    PrecodeStrip<kStripVectors>(tables, sources, columns, stride, at);
  }
  for (; at < bytes; at += 64) PrecodeStrip<kLineVectors>(tables, sources, columns, stride, at);
}

template <size_t kVectors>
inline void PrefixStrip(const PrecodeTables& tables, uint8_t* base, size_t stride) {
  Vector prefix[kVectors];
  for (size_t v = 0; v < kVectors; v++) prefix[v] = Vector{};
  for (uint32_t i = 0; i < tables.light; i++) {
    const uint8_t* column = base + i * stride;
    uint8_t* const dense = base + tables.dense[i] * stride;
    for (size_t v = 0; v < kVectors; v++) {
      const size_t o = v * kVectorBytes;
      prefix[v] = prefix[v] ^ Load(column + o);
      Store(dense + o, Load(dense + o) ^ prefix[v]);
    }
  }
}

void AddPrefixSums(const PrecodeTables& tables, uint8_t* columns, size_t stride, size_t from, size_t bytes) {
  size_t at = from;
  for (; at + kStripBytes <= from + bytes; at += kStripBytes) {
    PrefixStrip<kStripVectors>(tables, columns + at, stride);
  }
  for (; at < from + bytes; at += 64) PrefixStrip<kLineVectors>(tables, columns + at, stride);
}

// One sum of the list, for kVectors vectors of each row.
template <size_t kVectors>
inline void RunStep(const uint32_t* terms, uint32_t count, uint8_t* const* rows, uint8_t* dst, size_t at) {
  Vector sum[kVectors];
  for (size_t v = 0; v < kVectors; v++) sum[v] = Vector{};
  uint32_t t = 0;
  for (; t + 2 <= count; t += 2) {
    const uint8_t* a = rows[terms[t]] + at;
    const uint8_t* b = rows[terms[t + 1]] + at;
    for (size_t v = 0; v < kVectors; v++) {
      sum[v] = Xor3(sum[v], Load(a + v * kVectorBytes), Load(b + v * kVectorBytes));
    }
  }
  if (t < count) {
    const uint8_t* a = rows[terms[t]] + at;
    for (size_t v = 0; v < kVectors; v++) sum[v] = sum[v] ^ Load(a + v * kVectorBytes);
  }
  for (size_t v = 0; v < kVectors; v++) Store(dst + at + v * kVectorBytes, sum[v]);
}

void Run(const RowSum* sums, size_t count, const uint32_t* terms, uint8_t* const* rows, size_t bytes,
         bool fetch_ahead) {
  for (size_t n = 0; n < count; n++) {
    const uint32_t* const own = terms + sums[n].first;
    uint8_t* const dst = rows[sums[n].target];
    if (fetch_ahead) {
      const uint8_t* const next = rows[own[0]] + bytes;
      for (size_t o = 0; o < bytes; o += 64) __builtin_prefetch(next + o, 0, 2);
    }
    size_t at = 0;
    for (; at + 4 * kVectorBytes <= bytes; at += 4 * kVectorBytes) {
      RunStep<4>(own, sums[n].count, rows, dst, at);
    }
    for (; at < bytes; at += kVectorBytes) RunStep<1>(own, sums[n].count, rows, dst, at);
  }
}

}  // namespace
}  // namespace murky::gf2
