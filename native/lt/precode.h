// From source symbols to intermediate symbols: one pass, since the systematic part is triangular. The encoder
// runs it over the block, the decoder over what it has, with zeros for what is missing.
#ifndef MURKY_LT_PRECODE_H_
#define MURKY_LT_PRECODE_H_

#include <cstddef>
#include <cstdint>

#include "gf2/rows.h"
#include "lt/structure.h"

namespace murky::lt {

// Fills `columns` (structure.columns() rows) from `sources` (structure.k() pointers to symbol_bytes bytes;
// null stands for zeros).
void Precode(const Structure& structure, const uint8_t* const* sources, size_t symbol_bytes,
             gf2::Rows* columns);

}  // namespace murky::lt

#endif  // MURKY_LT_PRECODE_H_
