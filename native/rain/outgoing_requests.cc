#include "rain/outgoing_requests.h"

#include <algorithm>

namespace murky::rain {

bool OutgoingRequests::Send(uint64_t id, const Address& to, const uint8_t* payload, size_t bytes,
                            Micros timeout, Micros now) {
  if (bytes > kMostPayloadBytesSent || pending_.size() >= limits_.max_requests) return false;
  const auto [at, added] = pending_.try_emplace(id);
  if (!added) return false;
  Pending& pending = at->second;
  pending.to = to;
  pending.payload.assign(payload, payload + bytes);
  pending.asked_at = now;
  pending.deadline = now + timeout;
  Transmit(id, pending, now);
  return true;
}

void OutgoingRequests::Transmit(uint64_t id, Pending& pending, Micros now) {
  Request message;
  message.id = id;
  message.token = tokens_.Find(pending.to, now);
  if (pending.proven_at == kNever && message.token != Token{}) pending.proven_at = now;
  message.payload = pending.payload.data();
  message.payload_bytes = pending.payload.size();
  outbox_.Send(pending.to, WriteRequest(message, outbox_.inner()));
  schedule_.erase({pending.due, id});
  pending.due = std::min(now + pending.repeat_after, pending.deadline);
  schedule_.emplace(pending.due, id);
}

void OutgoingRequests::Cancel(uint64_t id) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  schedule_.erase({found->second.due, id});
  pending_.erase(found);
}

bool OutgoingRequests::Expects(uint64_t id, const Address& from) const {
  const auto found = pending_.find(id);
  return found != pending_.end() && found->second.to == from;
}

void OutgoingRequests::OnToken(uint64_t id, const Token& token, Micros now) {
  Pending& pending = pending_.at(id);
  tokens_.Put(pending.to, token, now - pending.asked_at, now);
  if (pending.token_used) return;
  pending.token_used = true;
  Transmit(id, pending, now);
}

void OutgoingRequests::OnResponse(const Address& from, const Response& response, Micros now) {
  const auto found = pending_.find(response.id);
  if (found == pending_.end() || found->second.to != from) {
    counters_.dropped_unknown++;
    return;
  }
  // Before a repeat could be answered, it is the first one with a token that was.
  const Micros proven_at = found->second.proven_at;
  const bool known = proven_at != kNever && now - proven_at < kFirstRepeat;
  tokens_.SawRoundTrip(from, now - (known ? proven_at : found->second.asked_at));
  schedule_.erase({found->second.due, response.id});
  pending_.erase(found);
  notifications_.Add([id = response.id, payload = std::vector<uint8_t>(
                                            response.payload, response.payload + response.payload_bytes)](
                         EngineHost& host) { host.OnResponse(id, payload.data(), payload.size()); });
}

Micros OutgoingRequests::OnTime(Micros now) {
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    const uint64_t id = schedule_.begin()->second;
    const auto found = pending_.find(id);
    if (found->second.deadline <= now) {
      schedule_.erase(schedule_.begin());
      pending_.erase(found);
      notifications_.Add([id](EngineHost& host) { host.OnRequestTimeout(id); });
    } else {
      found->second.token_used = false;
      found->second.repeat_after = std::min(found->second.repeat_after * 2, kLongestRepeat);
      Transmit(id, found->second, now);
    }
  }
  return schedule_.empty() ? kNever : schedule_.begin()->first;
}

}  // namespace murky::rain
