#include "rain/fetches.h"

#include <algorithm>

namespace murky::rain {

uint32_t Fetches::Open(const FetchSpec& spec, Micros now) {
  if (fetches_.size() >= std::min<size_t>(limits_.max_fetches, UINT16_MAX)) return 0;
  if (!lt::ValidSymbolBytes(spec.symbol_bytes) || spec.servers.size() > kMaxServersOfAFetch) return 0;
  while (by_name_.count(next_name_)) next_name_++;
  uint32_t handle = NextHandle();
  while (fetches_.count(handle)) handle = NextHandle();
  const uint16_t name = next_name_++;
  Entry& entry = fetches_[handle];
  entry.fetch = std::make_unique<Fetch>(handle, name, spec, limits_, digest_, tokens_, outbox_, counters_,
                                        notifications_, now);
  by_name_[name] = handle;
  if (by_stream_.emplace(entry.fetch->stream(), handle).second) entry.fetch->TakeShared();
  Schedule(handle, entry);
  return handle;
}

uint32_t Fetches::NextHandle() {
  const uint32_t handle = next_handle_;
  next_handle_ = handle > UINT32_MAX - handle_step_ ? first_handle_ : handle + handle_step_;
  return handle;
}

void Fetches::Close(uint32_t handle, Micros now) {
  const auto found = fetches_.find(handle);
  if (found == fetches_.end()) return;
  found->second.fetch->Close(now);
  schedule_.erase({found->second.due, handle});
  by_name_.erase(found->second.fetch->name());
  const auto shared = by_stream_.find(found->second.fetch->stream());
  if (shared != by_stream_.end() && shared->second == handle) by_stream_.erase(shared);
  fetches_.erase(found);
}

void Fetches::Schedule(uint32_t handle, Entry& entry) {
  const Micros due = entry.fetch->due();
  if (due == entry.due) return;
  if (entry.due != kNever) schedule_.erase({entry.due, handle});
  if (due != kNever) schedule_.emplace(due, handle);
  entry.due = due;
}

Micros Fetches::OnTime(Micros now) {
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    With(schedule_.begin()->second, [now](Fetch& fetch) { fetch.OnTime(now); });
  }
  return schedule_.empty() ? kNever : schedule_.begin()->first;
}

}  // namespace murky::rain
