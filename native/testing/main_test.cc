// Runs the registered tests, those whose name contains an argument if there are any, and prints the totals.
#include <cstdio>
#include <cstring>

#include "testing/check.h"

int main(int argc, char** argv) {
  int passed = 0;
  int failed = 0;
  for (const auto& test : murky::testing::Cases()) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; i++) wanted = wanted || std::strstr(test.name, argv[i]) != nullptr;
    if (!wanted) continue;
    try {
      test.run();
      passed++;
    } catch (const std::exception& error) {
      std::printf("FAIL %s: %s\n", test.name, error.what());
      failed++;
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed || !passed ? 1 : 0;
}
