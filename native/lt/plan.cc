#include "lt/plan.h"

#include <algorithm>
#include <mutex>

namespace murky::lt {

Plan::Plan(uint32_t k) : structure(k), sources(k), rows(k), back(k), checks(2 * k), dense(structure.light()) {
  for (uint32_t i = 0; i < k; i++) {
    sources[i] = structure.RowSource(i);
    rows[sources[i]] = i;
    const uint32_t column = structure.Back(i);
    back[i] = column == kNoColumn ? i : column;
    structure.SparseChecks(i, &checks[2 * i]);
    checks[2 * i] += k;
    checks[2 * i + 1] += k;
  }
  check_starts.assign(structure.sparse() + 1, 0);
  for (uint32_t check : checks) check_starts[check - k + 1]++;
  for (uint32_t s = 0; s < structure.sparse(); s++) check_starts[s + 1] += check_starts[s];
  std::vector<uint32_t> fill = check_starts;
  check_columns.resize(2 * k);
  for (uint32_t i = 0; i < 2 * k; i++) check_columns[fill[checks[i] - k]++] = i / 2;
  const std::vector<uint8_t> checks_of_sums = structure.DenseChecks();
  std::transform(checks_of_sums.begin(), checks_of_sums.end(), dense.begin(),
                 [&](uint8_t check) { return structure.light() + kDensePlaces[check]; });
}

gf2::PrecodeTables Plan::Tables() const {
  return {structure.k(), structure.light(), back.data(), checks.data(), dense.data()};
}

std::shared_ptr<const Plan> PlanFor(uint32_t k) {
  static std::mutex mutex;
  // Never destroyed: threads may still code while the process ends. The one asked for last is in front.
  static std::vector<std::shared_ptr<const Plan>>& cache = *new std::vector<std::shared_ptr<const Plan>>;
  const auto of_k = [k](const std::shared_ptr<const Plan>& plan) { return plan->structure.k() == k; };
  const auto to_front = [of_k]() {
    const auto found = std::find_if(cache.begin(), cache.end(), of_k);
    if (found != cache.end()) std::rotate(cache.begin(), found, found + 1);
    return found != cache.end();
  };
  {
    const std::lock_guard<std::mutex> lock(mutex);
    if (to_front()) return cache.front();
  }
  std::shared_ptr<const Plan> made = std::make_shared<const Plan>(k);
  const std::lock_guard<std::mutex> lock(mutex);
  if (!to_front()) {
    if (cache.size() == kCachedPlans) cache.pop_back();
    cache.insert(cache.begin(), std::move(made));
  }
  return cache.front();
}

}  // namespace murky::lt
