// The client's tokens: what each server last handed out, so that a second fetch or request needs no further
// round trip. Bounded; the oldest goes first.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_TOKEN_CACHE_H_
#define MURKY_RAIN_TOKEN_CACHE_H_

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

  void Put(const Address& server, const Token& token, Micros now) {
    if (const auto found = index_.find(server); found != index_.end()) {
      entries_.erase(found->second);
    } else if (entries_.size() >= kMaxTokensKept) {
      index_.erase(entries_.back().server);
      entries_.pop_back();
    }
    entries_.push_front(Entry{server, token, now});
    index_[server] = entries_.begin();
  }

 private:
  struct Entry {
    Address server;
    Token token;
    Micros at;
  };

  std::list<Entry> entries_;  // newest first
  std::unordered_map<Address, std::list<Entry>::iterator, AddressHash> index_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_TOKEN_CACHE_H_
