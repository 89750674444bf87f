// From source symbols to intermediate symbols: one pass, since the systematic part is triangular. The encoder
// runs it over the block, the decoder over what it has, with zeros for what is missing.
//
// Thread-safety: pure functions.
#ifndef MURKY_LT_PRECODE_H_
#define MURKY_LT_PRECODE_H_

#include <cstddef>
#include <cstdint>

#include "gf2/rows.h"
#include "lt/plan.h"

namespace murky::lt {

// Fills all columns from `sources`: structure.k() pointers to symbol_bytes bytes.
void Precode(const Plan& plan, const uint8_t* const* sources, size_t symbol_bytes, gf2::Rows* columns);

// Additions of whole rows in Precode.
uint64_t PrecodeAdditions(const Plan& plan);

// The same over masks of `words` words: C[i] has the mask that masks[i] holds before, then all columns are
// filled. For structure.columns() masks, one behind the other.
void PrecodeMasks(const Plan& plan, size_t words, uint64_t* masks);

// From the dense checks, at their places among the dense sums, to all dense sums. Other places are zeros
// before. `from` and `bytes` choose a part of each row.
void DenseSums(const Plan& plan, gf2::Rows* columns, size_t from, size_t bytes);

}  // namespace murky::lt

#endif  // MURKY_LT_PRECODE_H_
