// The client's tokens: what each server last handed out, so that a second fetch or request needs no further
// round trip; and how long that round trip took, without which the next fetch would take a far server for a
// silent one. Bounded; the oldest goes first.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_TOKEN_CACHE_H_
#define MURKY_RAIN_TOKEN_CACHE_H_

#include <algorithm>
#include <list>
#include <unordered_map>

#include "rain/token.h"

namespace murky::rain {

constexpr size_t kMaxTokensKept = 4096;

class TokenCache {
 public:
  // Zeros where there is none that the server would still take.
  Token Find(const Address& server, Micros now) const {
    const auto found = index_.find(server);
    if (found == index_.end() || now - found->second->at >= kTokenLifetime) return Token{};
    return found->second->token;
  }

  // At most what a round trip to the server took lately; kNever where there is no token either.
  Micros RoundTrip(const Address& server, Micros now) const {
    const auto found = index_.find(server);
    if (found == index_.end() || now - found->second->at >= kTokenLifetime) return kNever;
    return found->second->round_trip;
  }

  // The server answered after this time, with a token or otherwise.
  void SawRoundTrip(const Address& server, Micros round_trip) {
    const auto found = index_.find(server);
    if (found != index_.end()) found->second->round_trip = std::min(found->second->round_trip, round_trip);
  }

  void Put(const Address& server, const Token& token, Micros round_trip, Micros now) {
    if (const auto found = index_.find(server); found != index_.end()) {
      entries_.erase(found->second);
    } else if (entries_.size() >= kMaxTokensKept) {
      index_.erase(entries_.back().server);
      entries_.pop_back();
    }
    entries_.push_front(Entry{server, token, round_trip, now});
    index_[server] = entries_.begin();
  }

 private:
  struct Entry {
    Address server;
    Token token;
    Micros round_trip;
    Micros at;
  };

  std::list<Entry> entries_;  // newest first
  std::unordered_map<Address, std::list<Entry>::iterator, AddressHash> index_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_TOKEN_CACHE_H_
