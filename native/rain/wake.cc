#include "rain/wake.h"

#include <fcntl.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/eventfd.h>
#endif

#include <cerrno>
#include <cstdint>

namespace murky::rain {

Wake::Wake() {
#if defined(__linux__)
  read_fd_ = write_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
#else
  int ends[2];
  if (pipe(ends) != 0) return;
  for (const int end : ends) {
    fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK);
    fcntl(end, F_SETFD, FD_CLOEXEC);
  }
  read_fd_ = ends[0];
  write_fd_ = ends[1];
#endif
}

Wake::~Wake() {
  if (write_fd_ != read_fd_) close(write_fd_);
  if (read_fd_ >= 0) close(read_fd_);
}

void Wake::Signal() {
  const uint64_t one = 1;
  // A full pipe (EAGAIN) is signalled already.
  while (write(write_fd_, &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Wake::Clear() {
  uint64_t drained[8];
  while (read(read_fd_, drained, sizeof drained) > 0) {
  }
}

}  // namespace murky::rain
