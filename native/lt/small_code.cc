#include "lt/small_code.h"

#include <cstring>

#include "gf2/kernels.h"
#include "gf2/rows.h"
#include "lt/structure.h"

namespace murky::lt {
namespace {

constexpr uint32_t kFieldPolynomial = 0x11d;
constexpr uint32_t kRandomKey = 0x4d000000u;

struct FieldTables {
  uint8_t log[256];
  uint8_t power[510];
  constexpr FieldTables() : log(), power() {
    uint32_t value = 1;
    for (uint32_t i = 0; i < 255; i++) {
      power[i] = power[i + 255] = static_cast<uint8_t>(value);
      log[value] = static_cast<uint8_t>(i);
      value <<= 1;
      if (value & 0x100) value ^= kFieldPolynomial;
    }
  }
};
constexpr FieldTables kField;

}  // namespace

uint8_t FieldMultiply(uint8_t a, uint8_t b) {
  return a && b ? kField.power[kField.log[a] + kField.log[b]] : 0;
}

uint8_t FieldInverse(uint8_t a) { return kField.power[255 - kField.log[a]]; }

uint8_t SmallCoefficient(uint32_t k, uint32_t esi, uint32_t source) {
  if (esi >= kMdsSymbols) {
    Draws draws(Mix32(kRandomKey + k) + esi);
    uint32_t coefficient = 0;
    for (uint32_t i = 0; i <= source; i++) coefficient = 1 + draws.Below(255);
    return static_cast<uint8_t>(coefficient);
  }
  // Cauchy's 1 / (x + y) with x = esi and y = source, columns scaled so that row esi = k is all ones. Scaling
  // leaves every square submatrix regular.
  const uint8_t scale = static_cast<uint8_t>(k ^ source);
  return FieldMultiply(scale, FieldInverse(static_cast<uint8_t>(esi ^ source)));
}

void BitMatrix(uint8_t factor, uint8_t rows[kSlices]) {
  std::memset(rows, 0, kSlices);
  for (uint32_t j = 0; j < kSlices; j++) {
    const uint8_t product = FieldMultiply(factor, static_cast<uint8_t>(1u << j));
    for (uint32_t b = 0; b < kSlices; b++) rows[b] |= static_cast<uint8_t>(((product >> b) & 1u) << j);
  }
}

void CombineSlices(const uint8_t* factors, const uint8_t* const* inputs, size_t count, size_t stride,
                   size_t slice_bytes, uint8_t* out) {
  uint8_t matrices[2 * kMaxSmallK][kSlices];
  for (size_t i = 0; i < count; i++) BitMatrix(factors[i], matrices[i]);
  const uint8_t* terms[2 * kMaxSmallK * kSlices];
  for (uint32_t b = 0; b < kSlices; b++) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
      for (uint32_t j = 0; j < kSlices; j++) {
        if ((matrices[i][b] >> j) & 1) terms[n++] = inputs[i] + j * stride;
      }
    }
    gf2::ActiveKernels().gather(out + b * stride, terms, n, slice_bytes);
  }
}

// Whole vectors and no tails: the gap between slices is padding.
size_t SliceStride(size_t symbol_bytes) {
  const size_t slice_bytes = symbol_bytes / kSlices;
  return (slice_bytes + gf2::kCacheLineBytes - 1) / gf2::kCacheLineBytes * gf2::kCacheLineBytes;
}

void SpreadSlices(const uint8_t* symbol, size_t symbol_bytes, uint8_t* slices) {
  const size_t slice_bytes = symbol_bytes / kSlices;
  const size_t stride = SliceStride(symbol_bytes);
  for (uint32_t j = 0; j < kSlices; j++) {
    std::memcpy(slices + j * stride, symbol + j * slice_bytes, slice_bytes);
    std::memset(slices + j * stride + slice_bytes, 0, stride - slice_bytes);
  }
}

void JoinSlices(const uint8_t* slices, size_t symbol_bytes, uint8_t* symbol) {
  const size_t slice_bytes = symbol_bytes / kSlices;
  const size_t stride = SliceStride(symbol_bytes);
  for (uint32_t j = 0; j < kSlices; j++) {
    std::memcpy(symbol + j * slice_bytes, slices + j * stride, slice_bytes);
  }
}

}  // namespace murky::lt
