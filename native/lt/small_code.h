// The code for K <= kMaxSmallK: Cauchy Reed-Solomon over GF(2^8), done with XOR alone (Bloemer et al., "An
// XOR-Based Erasure-Resilient Coding Scheme", 1995). A symbol is eight slices of symbol_bytes / 8 bytes;
// slice j holds bit j of every field element. Multiplying by a field element is then an 8 x 8 bit matrix over
// slices.
//
// Any K of the first 256 symbols decode. Behind them the coefficients are drawn at random, so that the code
// stays rateless: there K symbols fail with a probability of about 1/256.
// The first repair symbol is the plain sum of the source symbols.
//
// Thread-safety: all functions are pure.
#ifndef MURKY_LT_SMALL_CODE_H_
#define MURKY_LT_SMALL_CODE_H_

#include <cstddef>
#include <cstdint>

namespace murky::lt {

constexpr uint32_t kSlices = 8;
constexpr uint32_t kMdsSymbols = 256;  // ESIs below are maximum distance separable

// GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1.
uint8_t FieldMultiply(uint8_t a, uint8_t b);
uint8_t FieldInverse(uint8_t a);  // a != 0

// The coefficient of source symbol `source` in symbol `esi` >= k, for k <= kMaxSmallK.
uint8_t SmallCoefficient(uint32_t k, uint32_t esi, uint32_t source);

// Bit j of row b: input slice j is part of output slice b when multiplied by `factor`.
void BitMatrix(uint8_t factor, uint8_t rows[kSlices]);

// out = sum of factors[i] * inputs[i]. Inputs and out are symbols whose slices lie `stride` bytes apart, each
// of slice_bytes bytes, a multiple of 8. count <= 2 * kMaxSmallK; out overlaps no input.
void CombineSlices(const uint8_t* factors, const uint8_t* const* inputs, size_t count, size_t stride,
                   size_t slice_bytes, uint8_t* out);

// Bytes between slices in a working copy, and the two ways between a symbol and a working copy.
size_t SliceStride(size_t symbol_bytes);
void SpreadSlices(const uint8_t* symbol, size_t symbol_bytes, uint8_t* slices);
void JoinSlices(const uint8_t* slices, size_t symbol_bytes, uint8_t* symbol);

}  // namespace murky::lt

#endif  // MURKY_LT_SMALL_CODE_H_
