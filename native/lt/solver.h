// What a decoder does with the symbols it has: one solver for each kind of code.
#ifndef MURKY_LT_SOLVER_H_
#define MURKY_LT_SOLVER_H_

#include <cstdint>
#include <memory>

#include "lt/codec.h"
#include "lt/symbol_store.h"

namespace murky::lt {

class Solver {
 public:
  virtual ~Solver() = default;

  // Told of each new symbol behind SymbolStore::Insert. kConflict if it contradicts the others; then the
  // solver is as it was before. Otherwise kNeedMore or kDecoded.
  virtual AddResult Add(uint32_t esi, const uint8_t* symbol) = 0;

  // Once decoded: writes source symbol i, which was not received as such.
  virtual void CopySolved(uint32_t i, uint8_t* out) const = 0;

  virtual size_t memory_bytes() const = 0;
  virtual uint32_t inactive_columns() const { return 0; }
  virtual uint64_t row_additions() const { return 0; }
};

// The store outlives the solver.
std::unique_ptr<Solver> MakeSmallSolver(const SymbolStore& store);
std::unique_ptr<Solver> MakeLargeSolver(const SymbolStore& store);

}  // namespace murky::lt

#endif  // MURKY_LT_SOLVER_H_
