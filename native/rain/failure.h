// An error of the system, or of what was asked of it, for whoever asked.
#ifndef MURKY_RAIN_FAILURE_H_
#define MURKY_RAIN_FAILURE_H_

#include <string>

namespace murky::rain {

// `code` is stable ("EADDRINUSE", "MURKY_..."), `sentence` is for people.
struct Failure {
  std::string code;
  std::string sentence;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_FAILURE_H_
