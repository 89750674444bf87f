#include "rain/incoming_requests.h"

#include <algorithm>

#include "rain/peer.h"

namespace murky::rain {

void IncomingRequests::OnRequest(const Address& from, uint64_t boot, const Request& request, Micros now) {
  const Key key{from, boot, request.id};
  if (const auto found = index_.find(key); found != index_.end()) {
    Entry& entry = *found->second.entry;
    if (found->second.answered && now - entry.sent_at >= kRepeatPause) Transmit(entry, now);
    return;
  }
  const auto of_peer = open_of_peer_.find(PeerOf(from));
  if (open_.size() >= limits_.max_inbound_requests ||
      (of_peer != open_of_peer_.end() && of_peer->second >= limits_.max_inbound_requests_per_peer)) {
    counters_.dropped_limit++;
    return;
  }
  const uint64_t handle = next_handle_;
  next_handle_ += handle_step_;
  const auto entry = open_.insert(open_.end(), Entry{key, handle, now, 0, {}});
  open_of_peer_[PeerOf(from)]++;
  index_[key] = Place{entry, false};
  by_handle_[handle] = entry;
  notifications_.Add(
      [handle, from,
       payload = std::vector<uint8_t>(request.payload, request.payload + request.payload_bytes)](
          EngineHost& host) { host.OnRequest(handle, from, payload.data(), payload.size()); });
}

bool IncomingRequests::Respond(uint64_t handle, const uint8_t* payload, size_t bytes, Micros now) {
  const auto found = by_handle_.find(handle);
  if (found == by_handle_.end() || bytes > kMostPayloadBytesSent) return false;
  const auto entry = found->second;
  CloseOne(*entry);
  entry->answer.assign(payload, payload + bytes);
  entry->at = now;
  answered_.splice(answered_.end(), open_, entry);
  index_[entry->key].answered = true;
  answer_bytes_ += sizeof(Entry) + bytes;
  Transmit(*entry, now);
  while (answer_bytes_ > kAnswersKeptBytes) Forget(answered_, answered_.begin());
  return true;
}

void IncomingRequests::Transmit(Entry& entry, Micros now) {
  entry.sent_at = now;
  Response message;
  message.id = entry.key.id;
  message.payload = entry.answer.data();
  message.payload_bytes = entry.answer.size();
  outbox_.Send(entry.key.from, WriteResponse(message, outbox_.inner()));
}

void IncomingRequests::CloseOne(const Entry& entry) {
  by_handle_.erase(entry.handle);
  const auto of_peer = open_of_peer_.find(PeerOf(entry.key.from));
  if (--of_peer->second == 0) open_of_peer_.erase(of_peer);
}

void IncomingRequests::Forget(Entries& entries, Entries::iterator entry) {
  if (&entries == &answered_) {
    answer_bytes_ -= sizeof(Entry) + entry->answer.size();
  } else {
    CloseOne(*entry);
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
