// Several sockets of one UDP port, one for each thread. Which of them a datagram reaches is decided by a rule
// of our own and not by the kernel's secret hash, so that a thread can be chosen where the answers will
// arrive.
//
// Linux only: elsewhere SharePort says false.
#ifndef MURKY_RAIN_SHARED_PORT_H_
#define MURKY_RAIN_SHARED_PORT_H_

#include <cstddef>

#include "rain/address.h"

namespace murky::rain {

// Lets further sockets of this user that say the same bind this one's port: said of the first behind its
// bind, so that a port in use is still refused; of the others before theirs. False where the system cannot.
bool SharePort(int fd);
// From now on a datagram reaches the socket PlaceOf(its sender, sockets), in the order in which they were
// bound. `fd` is any of them; all must be bound.
bool SteerBySender(int fd, size_t sockets);
// What the rule says: 0 to sockets - 1.
size_t PlaceOf(const Address& sender, size_t sockets);

}  // namespace murky::rain

#endif  // MURKY_RAIN_SHARED_PORT_H_
