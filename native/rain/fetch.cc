#include "rain/fetch.h"

#include <algorithm>

namespace murky::rain {

Fetch::Fetch(uint32_t handle, uint16_t name, const FetchSpec& spec, const EngineLimits& limits,
             const SymbolDigest& digest, TokenCache& tokens, Outbox& outbox, EngineCounters& counters,
             Notifications& notifications, Micros now)
    : handle_(handle),
      name_(name),
      resource_(spec.resource),
      version_(spec.version),
      symbol_bytes_(spec.symbol_bytes),
      max_blocks_wanted_(limits.max_blocks_wanted),
      digest_(digest),
      tokens_(tokens),
      outbox_(outbox),
      counters_(counters),
      notifications_(notifications),
      hears_group_(limits.group.port != 0 && spec.symbol_bytes <= kMostGroupSymbolBytes),
      still_to_want_(spec.blocks) {
  for (const FetchServer& server : spec.servers) {
    // A server that is named again keeps that index, too, but is asked once.
    if (!AddServer(server, now)) AddPath(Address{}, now).removed = true;
  }
}

bool Fetch::Want(uint32_t block, size_t block_bytes, Micros now) {
  if (blocks_.size() >= max_blocks_wanted_ || by_number_.count(block)) return false;
  if (!lt::ValidBlock(block_bytes, symbol_bytes_)) return false;
  Block wanted;
  wanted.number = block;
  wanted.bytes = block_bytes;
  wanted.k = lt::SourceSymbols(block_bytes, symbol_bytes_);
  bytes_wanted_ += block_bytes;
  lack_changed_ = true;
  by_number_[block] = blocks_.insert(blocks_.end(), std::move(wanted));
  // Its former evidence is of no use any more.
  ended_.erase(std::remove_if(ended_.begin(), ended_.end(),
                              [block](const auto& ended) { return ended.first == block; }),
               ended_.end());
  if (still_to_want_ > 0) still_to_want_--;
  // Busy paths come to it with their next tick.
  if (everything_asked_ || blocks_.size() == 1) WakeAll(now);
  everything_asked_ = false;
  return true;
}

bool Fetch::AddServer(const FetchServer& server, Micros now) {
  if (by_address_.count(server.address) || paths_.size() >= kMaxServersOfAFetch) return false;
  by_address_[server.address] = paths_.size();
  AddPath(server, now);
  return true;
}

ServerPath& Fetch::AddPath(const FetchServer& server, Micros now) {
  const auto bits = static_cast<double>(outbox_.IpPayloadBits(kSymbolHeaderBytes + symbol_bytes_));
  paths_.push_back(std::make_unique<ServerPath>(server.address, bits, server.known_rate_bits_per_second,
                                                tokens_.Find(server.address, now),
                                                tokens_.RoundTrip(server.address, now), now));
  return *paths_.back();
}

bool Fetch::RemoveServer(uint32_t server, Micros now) {
  if (server >= paths_.size() || paths_[server]->removed) return false;
  ServerPath& path = *paths_[server];
  path.removed = true;
  path.asked.CancelAll();
  by_address_.erase(path.address);
  Unsubscribe message;
  message.fetch = name_;
  outbox_.Send(path.address, WriteUnsubscribe(message, outbox_.inner()));
  WakeAll(now);
  return true;
}

void Fetch::Close(Micros now) {
  for (uint32_t server = 0; server < paths_.size(); server++) RemoveServer(server, now);
}

void Fetch::Report(FetchReport* out) const {
  out->servers.clear();
  for (const auto& path : paths_) {
    ServerReport report;
    report.address = path->address;
    report.state = path->state;
    report.reason = path->reason;
    report.symbols = path->symbols;
    report.useful = path->useful;
    report.lost = static_cast<uint64_t>(std::max<int64_t>(path->meter.sequence().lost(), 0));
    report.rate_bits_per_second = static_cast<uint64_t>(path->meter.received_rate());
    report.capacity_bits_per_second = static_cast<uint64_t>(path->law->capacity());
    report.round_trip = path->meter.knows_round_trip() ? path->meter.round_trip() : 0;
    out->servers.push_back(report);
  }
  out->blocks = blocks_decoded_;
  out->source_symbols = source_symbols_;
  out->decoding_symbols = decoding_symbols_;
  out->decoder_bytes = 0;
  for (const Block& block : blocks_) out->decoder_bytes += block.decoder ? block.decoder->memory_bytes() : 0;
  out->look_ahead_bytes = LookAheadBytes();
}

std::vector<uint32_t> Fetch::WrongSymbols(uint32_t block, const uint8_t* bytes, size_t length) const {
  if (!lt::ValidBlock(length, symbol_bytes_)) return {};
  for (auto ended = ended_.rbegin(); ended != ended_.rend(); ++ended) {
    if (ended->first != block) continue;
    return ended->second.WrongSymbols(digest_, bytes, length, symbol_bytes_, paths_.size());
  }
  return {};
}

bool Fetch::OnToken(const Address& from, const Token& token, Micros now) {
  ServerPath* path = Find(from);
  if (!path) return false;
  // What came before a SUBSCRIBE that was repeated is answered as well: an upper bound in any case.
  if (!path->has_token()) {
    path->meter.OnRoundTrip(now - path->first_subscribe);
    path->repeats = kRepeats;
  }
  path->token = token;
  tokens_.Put(from, token, path->meter.round_trip(), now);
  path->OnAnswer(now);
  // Followed at once, but not in an endless exchange with a server that takes none of its own tokens.
  if (now < path->token_followed + kTokenPause) return true;
  path->token_followed = now;
  path->changed = true;
  path->next_tick = now;
  return true;
}

void Fetch::OnRefuse(const Address& from, const Refuse& refuse, Micros now) {
  ServerPath* path = Find(from);
  if (!path || !path->usable()) {
    if (!path) counters_.dropped_unknown++;
    return;
  }
  path->OnAnswer(now);
  path->changed = true;
  path->reason = refuse.reason;
  if (refuse.reason == RefuseReason::kBusy) {
    if (now < path->busy_until) return;
    path->asked.CancelAll();
    path->busy_until = now + path->busy_pause;
    path->busy_pause = std::min(path->busy_pause * 2, kLongestBusyPause);
    path->next_tick = path->busy_until;
    notifications_.Add([handle = handle_, index = IndexOf(*path)](EngineHost& host) {
      host.OnServerState(handle, static_cast<uint32_t>(index), ServerState::kRefused, RefuseReason::kBusy);
    });
  } else if (by_number_.count(refuse.block)) {
    path->asked.CancelBlock(refuse.block);
    path->without.insert(refuse.block);
    const bool never_served = path->symbols == 0;
    if (never_served || Useless(*path)) GiveUp(*path);
  }
  WakeAll(now);
}

void Fetch::OnTime(Micros now) {
  for (const auto& path : paths_) {
    if (path->next_tick <= now) {
      Tick(*path, now);
    } else if (path->next_repeat <= now) {
      path->next_repeat = kNever;
      if (path->flowing() && path->asked.outstanding() > 0) SendSubscribe(*path, now);
    }
  }
}

Micros Fetch::due() const {
  Micros due = kNever;
  for (const auto& path : paths_) due = std::min({due, path->next_tick, path->next_repeat});
  return due;
}

void Fetch::Tick(ServerPath& path, Micros now) {
  if (!path.usable() || blocks_.empty()) {
    if (path.usable() && path.changed && path.has_token()) SendSubscribe(path, now);  // cancels the rest
    path.next_tick = kNever;
    return;
  }
  if (now < path.busy_until) {
    path.next_tick = path.busy_until;
    return;
  }
  if (now - path.last_subscribe > 4 * kHeartbeat) path.meter.ExpectRestart();
  path.asked.ExpireGaps(now - path.meter.reordering());
  if (path.Silent(now) && path.state != ServerState::kSilent) {
    path.OnStall();
    path.stalled = true;
    path.meter.ExpectRestart();
    SetState(path, ServerState::kSilent);
    WakeAll(now);
  }
  if (!path.has_token() || path.state == ServerState::kSilent || path.stalled) {
    TickUnanswered(path, now);
    return;
  }
  const bool estimated = path.law->starting() && path.meter.train_complete();
  if (estimated || now - path.last_measured >= path.TickAfter(now)) {
    path.law->Tick(path.meter.Sample(now, path.Interval(), path.symbol_bits));
    path.last_measured = now;
    if (estimated) path.repeats = kRepeats;
  }
  if (path.Stalled(now, everything_asked_)) {
    path.OnStall();
    if (OtherFlows(path)) {
      path.stalled = true;
      WakeAll(now);
      TickUnanswered(path, now);
      return;
    }
  }
  path.Shrink(now);
  Fill(path, path.TakeCredit(now), now);
  const bool heartbeat_due = now - path.last_subscribe >= kHeartbeat;
  if (path.changed || heartbeat_due || path.asked.outstanding() > 0) SendSubscribe(path, now);
  if (Listens(now) && &path == Pourer()) TellPourer(path, now);
  const bool repeat = path.repeats > 0;
  if (repeat) path.repeats--;
  path.next_tick = now + (repeat ? kRepeatInterval : path.TickAfter(now));
}

// A server that has not answered yet, or no longer: asked for nothing, or for very little.
void Fetch::TickUnanswered(ServerPath& path, Micros now) {
  const Micros interval = path.ProbeInterval(now);
  if (path.changed || now - path.last_subscribe >= interval) {
    path.asked.CancelAll();
    if (path.has_token()) Probe(path, now);
    SendSubscribe(path, now);
  }
  path.next_tick = path.last_subscribe + interval;
}

// True if the server has refused all that is still wanted.
bool Fetch::Useless(const ServerPath& path) const {
  return !blocks_.empty() && std::none_of(blocks_.begin(), blocks_.end(),
                                          [&](const Block& block) { return Usable(path, block); });
}

void Fetch::GiveUp(ServerPath& path) {
  path.asked.CancelAll();
  path.next_repeat = kNever;
  SetState(path, ServerState::kRefused);
}

bool Fetch::OtherFlows(const ServerPath& path) const {
  return std::any_of(paths_.begin(), paths_.end(), [&path](const std::unique_ptr<ServerPath>& other) {
    return other.get() != &path && other->flowing();
  });
}

void Fetch::SendSubscribe(ServerPath& path, Micros now) {
  Subscribe message;
  message.fetch = name_;
  message.token = path.token;
  message.resource = resource_;
  message.version = version_;
  message.symbol_units = static_cast<uint16_t>(symbol_bytes_ / lt::kSymbolAlignment);
  message.rate_kbit = static_cast<uint32_t>(std::min(path.law->rate() / 1000, 4e9));
  message.heartbeat = ++path.heartbeat;
  for (const AskedRange& asked : path.asked.ranges()) message.ranges.push_back(asked.range);
  outbox_.Send(path.address, WriteSubscribe(message, outbox_.inner()));
  if (!path.has_token() && path.heartbeat == 1) path.first_subscribe = now;
  path.last_subscribe = now;
  path.changed = false;
  path.next_repeat = path.RepeatAt(now);
  if (!path.has_token() || path.asked.outstanding() > 0) path.ExpectAnswer(now);
  if (takes_shared_ && path.flowing() && now - path.joined_at >= kJoinInterval) SendJoin(path, now);
}

// Behind a SUBSCRIBE, because it means nothing to a server that has not got one; repeated, as either may be
// lost.
void Fetch::SendJoin(ServerPath& path, Micros now) {
  Join message;
  message.fetch = name_;
  outbox_.Send(path.address, WriteJoin(message, outbox_.inner()));
  path.joined_at = now;
}

void Fetch::SetState(ServerPath& path, ServerState state) {
  if (path.state == state) return;
  path.state = state;
  notifications_.Add(
      [handle = handle_, index = IndexOf(path), state, reason = path.reason](EngineHost& host) {
        host.OnServerState(handle, static_cast<uint32_t>(index), state, reason);
      });
}

void Fetch::WakeAll(Micros now) {
  for (const auto& path : paths_) {
    // One that is busy is waked too, when its pause is over: nobody else may do it.
    if (path->usable()) path->next_tick = std::min(path->next_tick, std::max(now, path->busy_until));
  }
}

ServerPath* Fetch::Find(const Address& server) {
  const auto found = by_address_.find(server);
  return found == by_address_.end() ? nullptr : paths_[found->second].get();
}

size_t Fetch::IndexOf(const ServerPath& path) const {
  return static_cast<size_t>(
      std::find_if(paths_.begin(), paths_.end(),
                   [&path](const std::unique_ptr<ServerPath>& other) { return other.get() == &path; }) -
      paths_.begin());
}

}  // namespace murky::rain
