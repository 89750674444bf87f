#include "measure/codec_measure.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <stdexcept>

#include "lt/codec.h"
#include "lt/plan.h"
#include "lt/precode.h"
#include "lt/structure.h"

namespace murky::measure {
namespace {

constexpr size_t kLeastRepetitions = 7;
constexpr uint32_t kSpareSymbols = 64;
constexpr double kLeastSampleSeconds = 20e-6;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Calls `once` for about `seconds`; the median of what it took. What is short is timed several times in one,
// since the clock itself takes a third of a microsecond.
template <typename Once>
double MedianSeconds(double seconds, Once once) {
  std::vector<double> times;
  const double first = ThreadSeconds();
  once();
  const int batch = 1 + static_cast<int>(kLeastSampleSeconds / (ThreadSeconds() - first));
  const double end = Now() + seconds;
  while (times.size() < kLeastRepetitions || Now() < end) {
    const double start = ThreadSeconds();
    for (int n = 0; n < batch; n++) once();
    times.push_back((ThreadSeconds() - start) / batch);
  }
  return Quantile(times, 0.5);
}

std::vector<uint8_t> RandomBytes(size_t count, uint32_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint8_t> bytes(count);
  for (size_t at = 0; at < count; at += 8) {
    const uint64_t word = random();
    std::memcpy(&bytes[at], &word, std::min<size_t>(8, count - at));
  }
  return bytes;
}

// The ESIs that come through: source symbols, then repair symbols from somewhere on.
std::vector<uint32_t> Arrivals(uint32_t k, double loss, LossPattern pattern, std::mt19937_64* random) {
  std::vector<uint32_t> esis;
  std::uniform_real_distribution<> uniform;
  const auto run = pattern == LossPattern::kRun ? std::max(1u, static_cast<uint32_t>(loss * k)) : 0;
  const auto run_from = run > 0 ? static_cast<uint32_t>(uniform(*random) * (k - run + 1)) : 0;
  for (uint32_t i = 0; i < k && loss < 1; i++) {
    const bool lost = run > 0 ? i - run_from < run : uniform(*random) < loss;
    if (!lost) esis.push_back(i);
  }
  // A small block stays below the 256 symbols any K of which decode, where it can.
  const bool small = k <= lt::kMaxSmallK;
  uint32_t esi = small ? k : k + static_cast<uint32_t>((*random)() % (1u << 23));
  while (esis.size() < k + (small ? 0 : kSpareSymbols)) esis.push_back(esi++);
  return esis;
}

}  // namespace

double ThreadSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

EncodeFigures MeasureEncode(uint32_t k, size_t symbol_bytes, double seconds) {
  const std::vector<uint8_t> block = RandomBytes(k * symbol_bytes, k);
  std::vector<uint8_t> out(block.size());
  EncodeFigures figures = {};
  figures.memcpy_seconds = MedianSeconds(seconds / 3, [&] {
    std::memcpy(out.data(), block.data(), block.size());
    asm volatile("" : : "r"(out.data()) : "memory");  // so that the copy is not left out
  });
  figures.setup_seconds = MedianSeconds(seconds / 3, [&] {
    const lt::Encoder encoder(block.data(), block.size(), symbol_bytes);
    encoder.Symbol(k, out.data());
  });
  figures.encode_seconds = MedianSeconds(seconds / 3, [&] {
    const lt::Encoder encoder(block.data(), block.size(), symbol_bytes);
    encoder.Symbols(k, k, out.data());
  });
  if (k > lt::kMaxSmallK) {
    figures.setup_additions = static_cast<double>(lt::PrecodeAdditions(*lt::PlanFor(k))) / k;
  }
  return figures;
}

DecodeFigures MeasureDecode(uint32_t k, size_t symbol_bytes, double loss, double seconds) {
  const std::vector<uint8_t> block = RandomBytes(k * symbol_bytes, k);
  const lt::Encoder encoder(block.data(), block.size(), symbol_bytes);
  std::vector<uint8_t> symbols((k + kSpareSymbols) * symbol_bytes);
  std::mt19937_64 random(k);
  std::vector<double> whole, tail, take, inactive, additions;
  const double end = Now() + seconds;
  while (whole.size() < kLeastRepetitions || Now() < end) {
    const std::vector<uint32_t> esis = Arrivals(k, loss, LossPattern::kEach, &random);
    for (size_t n = 0; n < esis.size(); n++) encoder.Symbol(esis[n], &symbols[n * symbol_bytes]);
    const double start = ThreadSeconds();
    lt::Decoder decoder(block.size(), symbol_bytes);
    size_t n = 0;
    while (n + 1 < k) {
      decoder.Add(esis[n], &symbols[n * symbol_bytes]);
      n++;
    }
    double last = Now();
    while (decoder.Add(esis[n], &symbols[n * symbol_bytes]) != lt::AddResult::kDecoded) {
      if (++n == esis.size()) throw std::logic_error("too few symbols");
      last = Now();
    }
    const double decoded = Now();
    const gf2::Buffer out = decoder.Release();
    const double taken = Now();
    const double cpu = ThreadSeconds() - start;
    if (!std::equal(block.begin(), block.end(), out.data())) throw std::logic_error("wrong bytes");
    whole.push_back(cpu);
    tail.push_back(decoded - last);
    take.push_back(taken - decoded);
    inactive.push_back(decoder.inactive_columns());
    additions.push_back(static_cast<double>(decoder.row_additions()) / k);
  }
  return {Quantile(whole, 0.5), Mean(whole),    Quantile(tail, 0.5), Quantile(tail, 0.99),
          Quantile(take, 0.5),  Mean(inactive), Mean(additions)};
}

std::vector<uint32_t> OverheadHistogram(uint32_t k, double loss, LossPattern pattern, uint32_t trials,
                                        uint32_t seed) {
  constexpr size_t kSymbolBytes = 64;
  const std::vector<uint8_t> block = RandomBytes(k * kSymbolBytes, k);
  const lt::Encoder encoder(block.data(), block.size(), kSymbolBytes);
  std::vector<uint8_t> out(block.size());
  uint8_t symbol[kSymbolBytes];
  std::mt19937_64 random(seed);
  std::vector<uint32_t> histogram;
  for (uint32_t trial = 0; trial < trials; trial++) {
    lt::Decoder decoder(block.size(), kSymbolBytes);
    std::vector<uint32_t> esis = Arrivals(k, loss, pattern, &random);
    for (size_t n = 0; !decoder.decoded(); n++) {
      if (n == esis.size()) esis.push_back(esis.back() + 1);
      encoder.Symbol(esis[n], symbol);
      decoder.Add(esis[n], symbol);
    }
    decoder.Take(out.data());
    if (out != block) throw std::logic_error("wrong bytes");
    const uint32_t overhead = decoder.received() - k;
    if (overhead >= histogram.size()) histogram.resize(overhead + 1);
    histogram[overhead]++;
  }
  return histogram;
}

}  // namespace murky::measure
