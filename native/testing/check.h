// A minimal test runner for the native sources: TEST registers, CHECK fails the test and goes on with the
// next one. Why not a framework: a clone must test itself with a C++17 compiler alone.
#ifndef MURKY_TESTING_CHECK_H_
#define MURKY_TESTING_CHECK_H_

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace murky::testing {

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& Cases() {
  static std::vector<Case> cases;
  return cases;
}

struct Registration {
  Registration(const char* name, void (*run)()) { Cases().push_back({name, run}); }
};

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] inline void Fail(const char* file, int line, const std::string& what) {
  std::ostringstream text;
  text << file << ":" << line << ": " << what;
  throw Failure(text.str());
}

}  // namespace murky::testing

#define TEST(name)                                                                     \
  static void Test_##name();                                                           \
  static const ::murky::testing::Registration registration_##name(#name, Test_##name); \
  static void Test_##name()

#define CHECK(condition) \
  if (!(condition)) ::murky::testing::Fail(__FILE__, __LINE__, "CHECK(" #condition ")")

#define CHECK_EQ(actual, expected)                                                          \
  do {                                                                                      \
    auto&& actual_value = (actual);                                                         \
    auto&& expected_value = (expected);                                                     \
    if (!(actual_value == expected_value)) {                                                \
      std::ostringstream what;                                                              \
      what << #actual " is " << actual_value << ", not " #expected " = " << expected_value; \
      ::murky::testing::Fail(__FILE__, __LINE__, what.str());                               \
    }                                                                                       \
  } while (false)

#endif  // MURKY_TESTING_CHECK_H_
