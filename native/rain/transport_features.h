// What the transport finds on this machine: for `murky doctor` and for bug reports.
#ifndef MURKY_RAIN_TRANSPORT_FEATURES_H_
#define MURKY_RAIN_TRANSPORT_FEATURES_H_

#include <string>

namespace murky::rain {

struct TransportFeatures {
  std::string platform;          // system, release, machine
  bool batched_socket = false;   // recvmmsg and sendmmsg are used
  bool gso = false;              // the kernel cuts one message into many datagrams (UDP_SEGMENT)
  bool gro = false;              // the kernel joins received datagrams (UDP_GRO)
  std::string crypto;            // what OpenSSL calls itself; empty: none found
  int receive_buffer_bytes = 0;  // of a socket as the loop makes it; 0: none could be made
  int send_buffer_bytes = 0;
};

// Opens a socket on loopback for a moment. From any thread.
TransportFeatures ProbeTransport();

}  // namespace murky::rain

#endif  // MURKY_RAIN_TRANSPORT_FEATURES_H_
