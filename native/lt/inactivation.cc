// The decoder for many missing symbols. All decisions are made on bits first; what comes out is lists of row
// sums, which then run over the payloads in strips narrow enough for the second-level cache.
#include <algorithm>
#include <cstring>
#include <utility>

#include "gf2/kernels.h"
#include "lt/dense_elimination.h"
#include "lt/partial_solution.h"
#include "lt/peeling.h"

namespace murky::lt {
namespace {

constexpr size_t kStripBytes = 256;
constexpr uint32_t kMakerBits = 4;  // rows of a table of sums in the dense part
constexpr uint32_t kNoPayload = UINT32_MAX;

bool Bit(const uint64_t* mask, uint32_t bit) { return (mask[bit / 64] >> (bit % 64)) & 1; }

class Inactivation {
 public:
  Inactivation(const SymbolStore& store, PartialSolution* solution)
      : store_(store),
        solution_(*solution),
        plan_(*solution->plan),
        structure_(plan_.structure),
        k_(structure_.k()),
        light_(structure_.light()),
        first_source_(structure_.columns()),
        first_repair_(first_source_ + k_),
        first_residual_(first_repair_ + store.repair_count()) {}

  // False if the symbols contradict each other.
  bool Run() {
    BuildRows();
    order_ = Peel(matrix_, light_);
    AimRows();
    MaskColumns();
    Eliminate();
    MaskByFree();
    WriteDense();
    solution_.inactive_columns = static_cast<uint32_t>(order_.inactive.size());
    solution_.row_additions = uint64_t{2} * light_;
    for (const auto* sums : {&first_round_, &dense_, &second_round_}) {
      for (const gf2::RowSum& sum : *sums) solution_.row_additions += sum.count;
    }
    return Execute();
  }

 private:
  // Sparse rows: a payload, the columns, a dense sum.
  void BuildRows() {
    const uint32_t count = store_.received() + structure_.sparse();
    matrix_.rows.reserve(count);
    sum_.reserve(count);
    matrix_.words.reserve(count * 9 + 2 * k_);
    for (uint32_t i = 0; i < k_; i++) {
      if (!store_.has_source(plan_.sources[i])) continue;
      BeginRow(first_source_ + i, kNoColumn);
      matrix_.words.push_back(i);
      if (i > 0) matrix_.words.push_back(i - 1);
      if (plan_.back[i] != i) matrix_.words.push_back(plan_.back[i]);
      EndRow();
    }
    for (uint32_t n = 0; n < store_.repair_count(); n++) {
      RepairRow repair;
      structure_.Repair(store_.repair_esi(n), &repair);
      BeginRow(first_repair_ + n, repair.sum);
      matrix_.words.insert(matrix_.words.end(), repair.columns, repair.columns + repair.count);
      EndRow();
    }
    for (uint32_t s = 0; s < structure_.sparse(); s++) {
      BeginRow(kNoPayload, kNoColumn);
      matrix_.words.push_back(k_ + s);
      if (s > 0) matrix_.words.push_back(k_ + s - 1);
      for (uint32_t at = plan_.check_starts[s]; at < plan_.check_starts[s + 1]; at++) {
        matrix_.words.push_back(plan_.check_columns[at]);
      }
      EndRow();
    }
  }

  void BeginRow(uint32_t payload, uint32_t sum) {
    const uint32_t at = static_cast<uint32_t>(matrix_.words.size());
    if (payload != kNoPayload) matrix_.words.push_back(payload);
    matrix_.rows.push_back({at, static_cast<uint32_t>(matrix_.words.size()), 0});
    sum_.push_back(sum);
  }

  void EndRow() {
    matrix_.rows.back().end = static_cast<uint32_t>(matrix_.words.size());
    if (sum_.back() != kNoColumn) matrix_.words.push_back(light_ + sum_.back());
  }

  // Rows become sums for their target. In the first round the inactive columns and the dense sums are zero:
  // they stand last in a row and are left out.
  void AimRows() {
    first_round_.reserve(matrix_.rows.size());
    second_round_.reserve(order_.steps.size());
    std::vector<uint8_t> zero(light_);
    for (uint32_t column : order_.inactive) zero[column] = 1;
    const auto aim = [&](uint32_t row_number, uint32_t target) {
      SparseRows::Row& row = matrix_.rows[row_number];
      uint32_t* const words = matrix_.words.data();
      uint32_t* const found = std::find(words + row.first, words + row.end, target);
      if (found != words + row.end) {
        *found = words[--row.end];
        if (sum_[row_number] != kNoColumn) words[row.end] = words[row.end + 1];
      }
      const uint32_t* const zeros =
          std::partition(words + row.first, words + row.end, [&](uint32_t column) { return !zero[column]; });
      first_round_.push_back({target, row.payload, static_cast<uint32_t>(zeros - words) - row.payload});
    };
    for (const PeelingOrder::Step& step : order_.steps) {
      aim(step.row, step.column);
      const SparseRows::Row& row = matrix_.rows[step.row];
      const uint32_t end = row.end + (sum_[step.row] == kNoColumn ? 0 : 1);
      second_round_.push_back({step.column, row.payload, end - row.payload});
    }
    for (uint32_t n = 0; n < order_.unused.size(); n++) aim(order_.unused[n], first_residual_ + n);
  }

  // Unknowns of the dense part: the inactive columns, then the dense checks.
  uint32_t dense_count() const { return static_cast<uint32_t>(order_.inactive.size()) + kDenseChecks; }
  uint64_t* column_mask(uint32_t column) { return &masks_[column * words_]; }

  void AddRowMask(uint32_t row, uint64_t* mask) {
    const SparseRows::Row& range = matrix_.rows[row];
    for (uint32_t at = range.first; at < range.end; at++) {
      const uint64_t* other = column_mask(matrix_.words[at]);
      for (size_t w = 0; w < words_; w++) mask[w] ^= other[w];
    }
    if (sum_[row] == kNoColumn) return;
    const uint64_t checks = DenseChecksOf(sum_[row]);
    const uint32_t first = static_cast<uint32_t>(order_.inactive.size());
    mask[first / 64] ^= checks << (first % 64);
    if (first % 64 > 64 - kDenseChecks) mask[first / 64 + 1] ^= checks >> (64 - first % 64);
  }

  // Each column as a sum of unknowns of the dense part.
  void MaskColumns() {
    words_ = (dense_count() + 63) / 64;
    masks_.assign(light_ * words_, 0);
    for (uint32_t u = 0; u < order_.inactive.size(); u++) {
      column_mask(order_.inactive[u])[u / 64] = uint64_t{1} << (u % 64);
    }
    for (const PeelingOrder::Step& step : order_.steps) {
      AddRowMask(step.row, column_mask(step.column));
    }
  }

  // The rows that peeling did not use, and the dense checks, give the unknowns.
  void Eliminate() {
    residual_count_ = static_cast<uint32_t>(order_.unused.size()) + kDenseChecks;
    elimination_ = std::make_unique<DenseElimination>(dense_count(), residual_count_);
    std::vector<uint64_t> mask(words_);
    for (uint32_t row : order_.unused) {
      std::fill(mask.begin(), mask.end(), 0);
      AddRowMask(row, mask.data());
      elimination_->Add(mask.data());
    }
    std::vector<uint64_t> prefix(words_);
    std::vector<uint64_t> dense(kDenseSums * words_);
    for (uint32_t i = 0; i < light_; i++) {
      uint64_t* to = &dense[(plan_.dense[i] - light_) * words_];
      const uint64_t* own = column_mask(i);
      for (size_t w = 0; w < words_; w++) to[w] ^= prefix[w] ^= own[w];
    }
    for (uint32_t n = 0; n < kDenseChecks; n++) {
      uint64_t* row = &dense[kDensePlaces[n] * words_];
      const uint32_t own = static_cast<uint32_t>(order_.inactive.size()) + n;
      row[own / 64] ^= uint64_t{1} << (own % 64);
      elimination_->Add(row);
    }
  }

  // Each column as a sum of the unknowns that stay free.
  void MaskByFree() {
    std::vector<uint32_t> free_number(dense_count(), kNoColumn);
    for (uint32_t u = 0; u < dense_count(); u++) {
      if (!elimination_->settled(u)) free_number[u] = solution_.unknowns++;
    }
    solution_.words = (solution_.unknowns + 63) / 64;
    const size_t words = solution_.words;
    solution_.column_masks.assign(structure_.columns() * words, 0);
    if (words == 0) return;
    uint64_t* const masks = solution_.column_masks.data();
    for (uint32_t u = 0; u < dense_count(); u++) {
      uint64_t* mask = masks + DenseColumn(u) * words;
      if (free_number[u] != kNoColumn) {
        mask[free_number[u] / 64] = uint64_t{1} << (free_number[u] % 64);
        continue;
      }
      for (uint32_t v = 0; v < dense_count(); v++) {
        if (v == u || !Bit(elimination_->Mask(u), v)) continue;
        mask[free_number[v] / 64] |= uint64_t{1} << (free_number[v] % 64);
      }
    }
    const auto add = [masks, words](uint64_t* to, uint32_t from) {
      for (size_t w = 0; w < words; w++) to[w] ^= masks[from * words + w];
    };
    for (uint32_t member = 1; member < kDenseSums; member *= 2) {
      for (uint32_t sum = 0; sum < kDenseSums; sum++) {
        if (sum & member) add(masks + (light_ + sum) * words, light_ + sum - member);
      }
    }
    for (const PeelingOrder::Step& step : order_.steps) {
      uint64_t* mask = masks + step.column * words;
      const SparseRows::Row& range = matrix_.rows[step.row];
      for (uint32_t at = range.first; at < range.end; at++) add(mask, matrix_.words[at]);
      if (sum_[step.row] != kNoColumn) add(mask, light_ + sum_[step.row]);
    }
  }

  uint32_t DenseColumn(uint32_t unknown) const {
    const uint32_t inactive = static_cast<uint32_t>(order_.inactive.size());
    return unknown < inactive ? order_.inactive[unknown] : light_ + kDensePlaces[unknown - inactive];
  }

  // One sum of the dense part: its target, then terms pushed behind the rows of the matrix, then EndSum.
  void BeginSum(uint32_t target) {
    dense_.push_back({target, static_cast<uint32_t>(matrix_.words.size()), 0});
  }
  void EndSum() { dense_.back().count = static_cast<uint32_t>(matrix_.words.size()) - dense_.back().first; }

  // The row of residual n: a dense check's lies where the prefix sums put it.
  uint32_t ResidualRow(uint32_t n) const {
    const uint32_t unused = static_cast<uint32_t>(order_.unused.size());
    return n < unused ? first_residual_ + n : light_ + kDensePlaces[n - unused];
  }

  // The unknowns from the residual rows, through tables of the sums of kMakerBits neighbouring rows.
  void WriteDense() {
    const uint32_t groups = (residual_count_ + kMakerBits - 1) / kMakerBits;
    first_table_ = first_residual_ + static_cast<uint32_t>(order_.unused.size());
    first_check_ = first_table_ + (groups << kMakerBits);
    row_count_ = first_check_ + static_cast<uint32_t>(elimination_->empty_sums().size());
    matrix_.words.reserve(matrix_.words.size() + groups * 64 + dense_count() * (groups + 2) +
                          kDenseSums * 12);
    dense_.reserve((groups << kMakerBits) + dense_count() + kDenseSums * 3 + kDenseChecks);
    for (uint32_t group = 0; group < groups; group++) {
      for (uint32_t set = 1; set < (1u << kMakerBits); set++) {
        const uint32_t n = group * kMakerBits + static_cast<uint32_t>(__builtin_ctz(set));
        if (n >= residual_count_) continue;
        BeginSum(Table(group, set));
        if (set & (set - 1)) matrix_.words.push_back(Table(group, set & (set - 1)));
        matrix_.words.push_back(ResidualRow(n));
        EndSum();
      }
    }
    const auto write = [&](uint32_t target, const uint64_t* makers) {
      BeginSum(target);
      for (uint32_t group = 0; group < groups && makers; group++) {
        const uint32_t at = group * kMakerBits;
        const uint32_t set = (makers[at / 64] >> (at % 64)) & ((1u << kMakerBits) - 1);
        if (set) matrix_.words.push_back(Table(group, set));
      }
      EndSum();
    };
    for (uint32_t u = 0; u < dense_count(); u++) {
      write(DenseColumn(u), elimination_->settled(u) ? elimination_->Makers(u) : nullptr);
    }
    uint32_t check = first_check_;
    for (const std::vector<uint64_t>& makers : elimination_->empty_sums()) write(check++, makers.data());
    for (uint32_t member = 1; member < kDenseSums; member *= 2) {
      for (uint32_t sum = 0; sum < kDenseSums; sum++) {
        if (!(sum & member)) continue;
        BeginSum(light_ + sum);
        matrix_.words.push_back(light_ + sum);
        matrix_.words.push_back(light_ + sum - member);
        EndSum();
      }
    }
  }

  uint32_t Table(uint32_t group, uint32_t set) const { return first_table_ + (group << kMakerBits) + set; }

  // Runs the sums strip by strip: the columns as if the unknowns of the dense part were zero, what the
  // residual rows and dense checks then come to, the unknowns, the columns anew. Residual rows, tables and
  // checks are as wide as a strip.
  bool Execute() {
    const gf2::Kernels& kernels = gf2::ActiveKernels();
    const size_t bytes = store_.symbol_bytes();
    solution_.columns = gf2::Rows(structure_.columns(), bytes);
    gf2::Rows narrow(row_count_ - first_residual_ + 1, std::min(bytes, kStripBytes));
    gf2::Rows& columns = solution_.columns;
    for (uint32_t column : order_.inactive) std::memset(columns[column], 0, bytes);
    for (uint32_t sum = 0; sum < kDenseSums; sum++) std::memset(columns[light_ + sum], 0, bytes);
    std::vector<uint8_t*> rows(row_count_);
    for (uint32_t r = first_residual_; r < row_count_; r++) rows[r] = narrow[r - first_residual_];
    for (size_t from = 0; from < bytes; from += kStripBytes) {
      const size_t strip = std::min(kStripBytes, bytes - from);
      for (uint32_t c = 0; c < structure_.columns(); c++) rows[c] = columns[c] + from;
      // The list only reads what was received.
      for (uint32_t i = 0; i < k_; i++)
        rows[first_source_ + i] = const_cast<uint8_t*>(store_.source(plan_.sources[i])) + from;
      for (uint32_t n = 0; n < store_.repair_count(); n++) {
        rows[first_repair_ + n] = const_cast<uint8_t*>(store_.repair(n)) + from;
      }
      const auto run = [&](const std::vector<gf2::RowSum>& sums, bool fetch_ahead) {
        kernels.run(sums.data(), sums.size(), matrix_.words.data(), rows.data(), strip, fetch_ahead);
      };
      run(first_round_, false);
      kernels.add_prefix_sums(plan_.Tables(), columns[0], columns.stride(), from, strip);
      run(dense_, false);
      run(second_round_, true);
      for (uint32_t check = first_check_; check < row_count_; check++) {
        for (size_t b = 0; b < strip; b++) {
          if (rows[check][b] != 0) return false;
        }
      }
    }
    return true;
  }

  const SymbolStore& store_;
  PartialSolution& solution_;
  const Plan& plan_;
  const Structure& structure_;
  const uint32_t k_;
  const uint32_t light_;
  // Numbers of rows in the lists of sums: columns, received source and repair symbols, then those
  // as wide as a strip: residual rows, tables, checks.
  const uint32_t first_source_;
  const uint32_t first_repair_;
  const uint32_t first_residual_;
  uint32_t first_table_ = 0;
  uint32_t first_check_ = 0;
  uint32_t row_count_ = 0;

  SparseRows matrix_;          // behind the rows, the terms of the dense part
  std::vector<uint32_t> sum_;  // of each row; kNoColumn for none
  PeelingOrder order_;
  size_t words_ = 0;
  std::vector<uint64_t> masks_;
  uint32_t residual_count_ = 0;
  std::unique_ptr<DenseElimination> elimination_;
  std::vector<gf2::RowSum> first_round_;   // columns and residual rows, the unknowns taken as zero
  std::vector<gf2::RowSum> dense_;         // tables, unknowns, dense sums
  std::vector<gf2::RowSum> second_round_;  // columns, the unknowns known
};

}  // namespace

bool Inactivate(const SymbolStore& store, std::shared_ptr<const Plan> plan, PartialSolution* solution) {
  solution->plan = std::move(plan);
  return Inactivation(store, solution).Run();
}

}  // namespace murky::lt
