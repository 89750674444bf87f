#include "rain/incoming_requests.h"

#include <algorithm>

namespace murky::rain {

void IncomingRequests::OnRequest(const Address& from, uint64_t boot, const Request& request, Micros now) {
  const Key key{from, boot, request.id};
  if (const auto found = index_.find(key); found != index_.end()) {
    if (found->second.answered) Transmit(*found->second.entry);
    return;
  }
  if (open_.size() >= limits_.max_inbound_requests) {
    counters_.dropped_limit++;
    return;
  }
  const uint64_t handle = next_handle_++;
  const auto entry = open_.insert(open_.end(), Entry{key, handle, now, {}});
  index_[key] = Place{entry, false};
  by_handle_[handle] = entry;
  notifications_.Add(
      [handle, from,
       payload = std::vector<uint8_t>(request.payload, request.payload + request.payload_bytes)](
          EngineHost& host) { host.OnRequest(handle, from, payload.data(), payload.size()); });
}

bool IncomingRequests::Respond(uint64_t handle, const uint8_t* payload, size_t bytes, Micros now) {
  const auto found = by_handle_.find(handle);
  if (found == by_handle_.end() || bytes > kMaxPayloadBytes) return false;
  const auto entry = found->second;
  by_handle_.erase(found);
  entry->answer.assign(payload, payload + bytes);
  entry->at = now;
  answered_.splice(answered_.end(), open_, entry);
  index_[entry->key].answered = true;
  answer_bytes_ += sizeof(Entry) + bytes;
  Transmit(*entry);
  while (answer_bytes_ > kAnswersKeptBytes) Forget(answered_, answered_.begin());
  return true;
}

void IncomingRequests::Transmit(const Entry& entry) {
  Response message;
  message.id = entry.key.id;
  message.payload = entry.answer.data();
  message.payload_bytes = entry.answer.size();
  outbox_.Send(entry.key.from, WriteResponse(message, outbox_.inner()));
}

void IncomingRequests::Forget(Entries& entries, Entries::iterator entry) {
  if (&entries == &answered_) {
    answer_bytes_ -= sizeof(Entry) + entry->answer.size();
  } else {
    by_handle_.erase(entry->handle);
  }
  index_.erase(entry->key);
  entries.erase(entry);
}

Micros IncomingRequests::OnTime(Micros now) {
  while (!answered_.empty() && answered_.front().at + kAnswerKept <= now)
    Forget(answered_, answered_.begin());
  while (!open_.empty() && open_.front().at + kUnansweredKept <= now) Forget(open_, open_.begin());
  Micros next = kNever;
  if (!answered_.empty()) next = std::min(next, answered_.front().at + kAnswerKept);
  if (!open_.empty()) next = std::min(next, open_.front().at + kUnansweredKept);
  return next;
}

}  // namespace murky::rain
