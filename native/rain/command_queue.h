// What other threads want done on the loop's thread, in order. Bounded: who posts too much waits.
//
// Thread-safety: Post and Call from any thread but the loop's; RunAll and Close from the loop's.
#ifndef MURKY_RAIN_COMMAND_QUEUE_H_
#define MURKY_RAIN_COMMAND_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include "rain/seam.h"

namespace murky::rain {

class Engine;

using Command = std::function<void(Engine& engine, Micros now)>;

constexpr size_t kMaxQueuedCommands = 1024;
constexpr size_t kMaxQueuedCommandBytes = 64u << 20;  // of the blocks that commands carry

class CommandQueue {
 public:
  // `wake` is called when the queue is no longer empty.
  explicit CommandQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  // `bytes`: what the command carries. Waits while the queue is full. False once closed.
  bool Post(Command command, size_t bytes = 0);
  // Posts and waits until the command has run. False, and it will not run, once closed.
  bool Call(const Command& command);

  void RunAll(Engine& engine, Micros now);
  void Close();

 private:
  bool Full() const { return commands_.size() >= kMaxQueuedCommands || bytes_ >= kMaxQueuedCommandBytes; }

  const std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable changed_;  // room, a call done, or closed
  std::vector<Command> commands_;
  size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_COMMAND_QUEUE_H_
