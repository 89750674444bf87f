// What every UDP socket of a node is given.
#ifndef MURKY_RAIN_SOCKET_SETUP_H_
#define MURKY_RAIN_SOCKET_SETUP_H_

namespace murky::rain {

constexpr int kWantedReceiveBufferBytes = 8 << 20;
constexpr int kWantedSendBufferBytes = 2 << 20;

// The name of an errno ("EADDRINUSE"); EIO for those that no socket call is known to fail with.
const char* ErrorCode(int number);
// Makes it non-blocking, and closed in programs that this one starts.
bool PrepareDescriptor(int fd);
// As far as the system allows: a burst must wait in the kernel while the loop's thread decodes, and the
// default holds some 100 datagrams.
void RaiseReceiveBuffer(int fd);
void RaiseSendBuffer(int fd);

}  // namespace murky::rain

#endif  // MURKY_RAIN_SOCKET_SETUP_H_
