// Measures the codec on this machine, for bench/codec. Times are seconds that one thread ran, medians over
// repetitions on warm memory; those of the last symbol and of taking the block are wall-clock seconds.
#ifndef MURKY_MEASURE_CODEC_MEASURE_H_
#define MURKY_MEASURE_CODEC_MEASURE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace murky::measure {

struct EncodeFigures {
  double memcpy_seconds;   // of the block, from one buffer to another
  double setup_seconds;    // Encoder and its first repair symbol
  double encode_seconds;   // Encoder and its first K repair symbols
  double setup_additions;  // of rows, per source symbol
};

// Repeats for about `seconds` in all.
EncodeFigures MeasureEncode(uint32_t k, size_t symbol_bytes, double seconds);

struct DecodeFigures {
  double decode_seconds;  // Decoder, all symbols added, block handed over
  double decode_mean_seconds;
  double tail_seconds;  // adding the last symbol
  double tail_p99_seconds;
  double take_seconds;      // handing the block over: missing source symbols are put together
  double inactive_columns;  // mean
  double additions;         // of rows, per source symbol, mean
};

// Each source symbol is lost with probability `loss`; 1 means repair symbols only.
DecodeFigures MeasureDecode(uint32_t k, size_t symbol_bytes, double loss, double seconds);

// Seconds that this thread has run.
double ThreadSeconds();

// Which source symbols are lost.
enum class LossPattern {
  kEach,  // each by itself, with the probability that is given
  kRun,   // neighbours: so large a share, as a server leaves it that dies
};

// How often decoding took n symbols beyond K, by n. The bytes of every block are compared; a wrong one throws
// std::logic_error.
std::vector<uint32_t> OverheadHistogram(uint32_t k, double loss, LossPattern pattern, uint32_t trials,
                                        uint32_t seed);

}  // namespace murky::measure

#endif  // MURKY_MEASURE_CODEC_MEASURE_H_
