#include "gf2/kernels.h"

#include <cstdlib>
#include <cstring>

#include "gf2/kernels_isa.h"

namespace murky::gf2 {
namespace {

struct Candidate {
  const Kernels* kernels;
  bool (*runs)();
};

// The fastest first.
constexpr Candidate kCandidates[] = {
#if defined(__x86_64__)
    {&kAvx512Kernels, [] { return __builtin_cpu_supports("avx512f") != 0; }},
    {&kAvx2Kernels, [] { return __builtin_cpu_supports("avx2") != 0; }},
    {&kSse2Kernels, [] { return true; }},
#elif defined(__aarch64__)
    {&kNeonKernels, [] { return true; }},
#endif
    {&kScalarKernels, [] { return true; }},
};

const Kernels& Choose() {
  const char* wanted = std::getenv("MURKY_KERNEL");
  const Kernels* found = wanted ? FindKernels(wanted) : nullptr;
  if (found) return *found;
  for (const Candidate& candidate : kCandidates) {
    if (candidate.runs()) return *candidate.kernels;
  }
  return kScalarKernels;
}

}  // namespace

const Kernels* FindKernels(const char* name) {
  for (const Candidate& candidate : kCandidates) {
    if (std::strcmp(candidate.kernels->name, name) == 0 && candidate.runs()) return candidate.kernels;
  }
  return nullptr;
}

const Kernels& ActiveKernels() {
  static const Kernels& chosen = Choose();
  return chosen;
}

}  // namespace murky::gf2
