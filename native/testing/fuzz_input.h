// What a fuzzer made up, taken from the front. Beyond the end everything is 0.
#ifndef MURKY_TESTING_FUZZ_INPUT_H_
#define MURKY_TESTING_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace murky::testing {

class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : data_(data), left_(size) {}

  bool empty() const { return left_ == 0; }
  uint64_t Take(size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) value = value << 8 | Byte();
    return value;
  }
  uint8_t Byte() {
    if (left_ == 0) return 0;
    left_--;
    return *data_++;
  }
  std::vector<uint8_t> Bytes(size_t most) {
    const size_t count = std::min(most, left_);
    std::vector<uint8_t> taken(data_, data_ + count);
    data_ += count;
    left_ -= count;
    return taken;
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

// Ends the process, so that the fuzzer keeps the input, if something that must hold does not.
#define MUST(condition)                                                        \
  if (!(condition)) {                                                          \
    std::fprintf(stderr, "%s:%d: MUST(%s)\n", __FILE__, __LINE__, #condition); \
    std::abort();                                                              \
  }

}  // namespace murky::testing

#endif  // MURKY_TESTING_FUZZ_INPUT_H_
