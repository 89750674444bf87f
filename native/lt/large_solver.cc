// Decoder for K > kMaxSmallK: waits until it pays to make a partial solution, then settles what is left
// symbol by symbol.
#include <optional>

#include "lt/online_solver.h"
#include "lt/partial_solution.h"
#include "lt/plan.h"
#include "lt/solver.h"

namespace murky::lt {
namespace {

// So many symbols before the least number that can decode, a partial solution is made: what comes after that
// is settled in microseconds. Not earlier, because it takes the memory of a second block.
constexpr uint32_t kEarlySymbols = 4;

// A replay costs about 8 K row additions and the square of what is missing, an inactivation about 20 K.
bool ReplayIsCheaper(uint32_t k, uint32_t missing) { return uint64_t{missing} * missing <= uint64_t{12} * k; }

class LargeSolver final : public Solver {
 public:
  explicit LargeSolver(const SymbolStore& store) : store_(store) {}

  AddResult Add(uint32_t esi, const uint8_t* symbol) override {
    if (store_.missing() == 0) {
      online_.reset();
      return AddResult::kDecoded;
    }
    if (online_) return online_->Add(esi, symbol) ? Verdict() : AddResult::kConflict;
    const bool replay = ReplayIsCheaper(store_.k(), store_.missing());
    if (store_.received() + kEarlySymbols < store_.k()) return AddResult::kNeedMore;
    if (replay && store_.repair_count() == 0) return AddResult::kNeedMore;
    return replay ? StartReplay() : StartInactivation();
  }

  void CopySolved(uint32_t i, uint8_t* out) const override { online_->CopySource(i, out); }

  size_t memory_bytes() const override { return online_ ? online_->memory_bytes() : 0; }
  uint32_t inactive_columns() const override { return online_ ? online_->solution().inactive_columns : 0; }
  uint64_t row_additions() const override { return online_ ? online_->solution().row_additions : 0; }

 private:
  AddResult Verdict() const { return online_->done() ? AddResult::kDecoded : AddResult::kNeedMore; }

  AddResult StartReplay() {
    online_.emplace(Replay(store_, PlanFor(store_.k())), store_.symbol_bytes());
    for (uint32_t n = 0; n < store_.repair_count(); n++) {
      if (!online_->Add(store_.repair_esi(n), store_.repair(n))) {
        online_.reset();
        return AddResult::kConflict;
      }
    }
    return Verdict();
  }

  AddResult StartInactivation() {
    PartialSolution solution;
    if (!Inactivate(store_, PlanFor(store_.k()), &solution)) return AddResult::kConflict;
    online_.emplace(std::move(solution), store_.symbol_bytes());
    return Verdict();
  }

  const SymbolStore& store_;
  std::optional<OnlineSolver> online_;
};

}  // namespace

std::unique_ptr<Solver> MakeLargeSolver(const SymbolStore& store) {
  return std::make_unique<LargeSolver>(store);
}

}  // namespace murky::lt
