// The structure of the code for K > kMaxSmallK: which intermediate symbols make which encoding symbol. It is
// part of the wire format: two nodes that disagree on one draw cannot talk. test/vectors pins it.
//
// Intermediate symbols, in the order of their column numbers:
//   C[0..K)    one per source symbol; source row:  x[RowSource(i)] = C[i] + C[i-1] + C[Back(i)]
//   D[0..S)    sparse checks;                      D[s] = D[s-1] + sum of the C in check s
//   F[0..64)   dense sums of the 22 dense checks E over C and D:
//              E[p] = sum of the prefix sums P[i] with DensePlace(i) = p, where P[i] = sum of columns 0..i;
//              F[t] = sum of the E[p] with p a subset of t, as 6-bit sets; p has at most two bits.
// A repair symbol is the sum of a few C and D and of one F. The F are the Reed-Muller code RM(2,6) over the
// E: whatever the E are, if not all zero, at least 16 of the 64 F see it.
//
// Thread-safety: a Structure is immutable.
#ifndef MURKY_LT_STRUCTURE_H_
#define MURKY_LT_STRUCTURE_H_

#include <cstdint>
#include <vector>

namespace murky::lt {

constexpr uint32_t kMaxSmallK = 32;    // up to here lt/small_code.h codes the block
constexpr uint32_t kDenseChecks = 22;  // with 16, some K needed 100 extra symbols once in 20,000 blocks
constexpr uint32_t kDenseSums = 64;
constexpr uint32_t kBackWindow = 128;  // Back(i) permutes blocks of so many columns
constexpr uint32_t kMaxDegree = 30;    // of a repair symbol over C and D
constexpr uint32_t kNoColumn = UINT32_MAX;

// A bijection of 32-bit words that looks random ("lowbias32" of C. Wellons' hash prospector, 2018).
inline uint32_t Mix32(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ (x >> 16);
}

// Draws from a counter hashed with a key. Below(n) is the high word of draw * n.
class Draws {
 public:
  explicit Draws(uint32_t key) : state_(Mix32(key)) {}
  uint32_t Next() { return Mix32(state_ += 0x9e3779b9u); }
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>((uint64_t{Next()} * n) >> 32); }

 private:
  uint32_t state_;
};

// The places of the dense checks among the dense sums: the 6-bit sets of at most two members.
constexpr uint8_t kDensePlaces[kDenseChecks] = {0,  1,  2,  3,  4,  5,  6,  8,  9,  10, 12,
                                                16, 17, 18, 20, 24, 32, 33, 34, 36, 40, 48};

// Bit n: dense check n, at kDensePlaces[n], is part of dense sum F[sum].
uint32_t DenseChecksOf(uint32_t sum);

// What a repair symbol is the sum of.
struct RepairRow {
  uint32_t count;  // C and D columns, all different
  uint32_t columns[kMaxDegree];
  uint32_t sum;  // F
};

class Structure {
 public:
  explicit Structure(uint32_t k);  // kMaxSmallK < k <= kMaxSourceSymbols

  uint32_t k() const { return k_; }
  uint32_t sparse() const { return sparse_; }                     // S
  uint32_t light() const { return k_ + sparse_; }                 // columns C and D
  uint32_t columns() const { return k_ + sparse_ + kDenseSums; }  // all

  // The source symbol of source row i: neighbours lie far apart. A row that is lost makes an unknown that
  // all later columns carry along, so a run of lost rows would leave unknowns that few repair symbols see.
  uint32_t RowSource(uint32_t i) const { return static_cast<uint32_t>(uint64_t{i} * source_stride_ % k_); }
  // The third column of source row i >= 2, below i - 1; kNoColumn for i < 2.
  uint32_t Back(uint32_t i) const;
  // The two checks that C[i] enters; they differ.
  void SparseChecks(uint32_t i, uint32_t checks[2]) const;
  // For each i < light() the number of the dense check that takes the prefix sum P[i]. Any 11 in a row
  // differ.
  std::vector<uint8_t> DenseChecks() const;
  // What makes repair symbol `esi` >= k.
  void Repair(uint32_t esi, RepairRow* row) const;

 private:
  uint32_t k_;
  uint32_t sparse_;
  uint32_t least_step_;     // from the first to the second check
  uint32_t steps_;          // so many from there on are in use
  uint32_t stride_;         // between those of one round of columns and the next
  uint32_t source_stride_;  // between the source symbols of neighbouring rows
};

// Degree of a repair symbol over C and D from a 32-bit draw:
// P(1) = .005, P(d) = 1/(d(d-1)) for 2 <= d <= 29, P(30) the rest; the mean is 4.8.
uint32_t RepairDegree(uint32_t draw);

}  // namespace murky::lt

#endif  // MURKY_LT_STRUCTURE_H_
