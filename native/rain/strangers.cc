#include "rain/strangers.h"

#include <algorithm>

#include "rain/peer.h"

namespace murky::rain {

namespace {

constexpr size_t kPlaces = 4096;
constexpr double kShareOfAPeer = 0.01;
// Back to back, before the rate counts: a fleet that restarts at once, and a node behind one address.
constexpr double kBurstSeconds = 0.1;
constexpr double kLeastBurst = 32;

}  // namespace

Strangers::Strangers(uint64_t per_second, Random& random)
    : per_second_(static_cast<double>(per_second)), secret_(random.Next()), peers_(kPlaces) {}

bool Strangers::MayTry(const Address& from, Micros now) {
  // The peer first: who is over its own share takes nothing from the others.
  const double share = per_second_ * kShareOfAPeer;
  return Spend(BudgetOf(from), share, std::max(share * kBurstSeconds, kLeastBurst), now) &&
         Spend(all_, per_second_, std::max(per_second_ * kBurstSeconds, kLeastBurst), now);
}

void Strangers::WasGenuine(const Address& from) {
  BudgetOf(from).spent = std::max(BudgetOf(from).spent - 1, 0.0);
  all_.spent = std::max(all_.spent - 1, 0.0);
}

bool Strangers::Spend(Budget& budget, double per_second, double burst, Micros now) {
  const double regained = static_cast<double>(now - budget.at) / 1e6 * per_second;
  budget.spent = std::max(budget.spent - regained, 0.0);
  budget.at = now;
  if (budget.spent + 1 > burst) return false;
  budget.spent += 1;
  return true;
}

Strangers::Budget& Strangers::BudgetOf(const Address& from) {
  // The secret keeps others from choosing addresses that share a place with one they mean to shut out.
  uint64_t mixed = secret_;
  const Address peer = PeerOf(from);
  for (size_t i = 0; i < peer.ip.size(); i++) mixed = (mixed ^ peer.ip[i]) * 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ peer.port) * 0x9e3779b97f4a7c15u;
  return peers_[(mixed >> 32) % kPlaces];
}

}  // namespace murky::rain
