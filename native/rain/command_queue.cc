#include "rain/command_queue.h"

#include <memory>

namespace murky::rain {

bool CommandQueue::Post(Command command, size_t bytes) {
  bool was_empty = false;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !Full(); });
    if (closed_) return false;
    was_empty = commands_.empty();
    commands_.push_back(std::move(command));
    bytes_ += bytes;
  }
  if (was_empty) wake_();
  return true;
}

bool CommandQueue::Call(const Command& command) {
  // Shared: the queue may be closed, and this call return, while the command is still in it.
  const auto done = std::make_shared<bool>(false);
  const bool posted = Post([this, &command, done](Engine& engine, Micros now) {
    command(engine, now);
    const std::lock_guard<std::mutex> lock(mutex_);
    *done = true;
  });
  if (!posted) return false;
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return *done || closed_; });
  return *done;
}

void CommandQueue::RunAll(Engine& engine, Micros now) {
  std::vector<Command> commands;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    commands.swap(commands_);
    bytes_ = 0;
  }
  if (commands.empty()) return;
  for (const Command& command : commands) command(engine, now);
  changed_.notify_all();
}

void CommandQueue::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  commands_.clear();
  changed_.notify_all();
}

}  // namespace murky::rain
