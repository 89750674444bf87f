// Symbols of one block, or datagrams that hold one each, kept once they are made: all of one length, by
// index, in runs, so that memory grows with what is made.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_KEPT_SYMBOLS_H_
#define MURKY_RAIN_KEPT_SYMBOLS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace murky::rain {

class KeptSymbols {
 public:
  // A place for one. It stays where it is for as long as this lives.
  struct Place {
    uint8_t* bytes;
    bool made;  // has been marked so before
  };

  Place At(uint32_t index, size_t symbol_bytes) {
    const uint32_t number = index / kRunSymbols;
    if (number >= runs_.size()) {
      bytes_ += (number + 1 - runs_.size()) * sizeof(Run);
      runs_.resize(number + 1);
    }
    Run& run = runs_[number];
    if (!run.symbols) {
      run.symbols.reset(new uint8_t[kRunSymbols * symbol_bytes]);
      bytes_ += kRunSymbols * symbol_bytes;
    }
    return {run.symbols.get() + index % kRunSymbols * symbol_bytes,
            (run.made >> index % kRunSymbols & 1) != 0};
  }
  bool Made(uint32_t index) const {
    return index / kRunSymbols < runs_.size() &&
           (runs_[index / kRunSymbols].made >> index % kRunSymbols & 1) != 0;
  }
  void SetMade(uint32_t index) { runs_[index / kRunSymbols].made |= 1u << index % kRunSymbols; }
  size_t memory_bytes() const { return bytes_; }

 private:
  static constexpr uint32_t kRunSymbols = 32;
  struct Run {
    uint32_t made = 0;  // a bit each
    std::unique_ptr<uint8_t[]> symbols;
  };

  std::vector<Run> runs_;  // as far up as anybody has asked
  size_t bytes_ = 0;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_KEPT_SYMBOLS_H_
