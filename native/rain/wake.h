// Wakes a thread that waits in poll(2).
//
// Thread-safety: Signal may be called from any thread, the rest from the one that waits.
#ifndef MURKY_RAIN_WAKE_H_
#define MURKY_RAIN_WAKE_H_

namespace murky::rain {

class Wake {
 public:
  Wake();
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  bool ok() const { return read_fd_ >= 0; }  // false where the process is out of file descriptors
  int fd() const { return read_fd_; }        // readable once signalled
  void Signal();
  void Clear();

 private:
  int read_fd_ = -1;
  int write_fd_ = -1;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_WAKE_H_
