#include "rain/socket_setup.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>

namespace murky::rain {

namespace {

void RaiseBuffer(int fd, int forced, int plain, int bytes) {
  if (forced != 0 && setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) == 0) return;
  setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);  // the kernel cuts it to what it allows
}

#if defined(__linux__)
constexpr int kForcedReceive = SO_RCVBUFFORCE;
constexpr int kForcedSend = SO_SNDBUFFORCE;
#else
constexpr int kForcedReceive = 0;
constexpr int kForcedSend = 0;
#endif

}  // namespace

const char* ErrorCode(int number) {
  switch (number) {
    case EACCES:
      return "EACCES";
    case EADDRINUSE:
      return "EADDRINUSE";
    case EADDRNOTAVAIL:
      return "EADDRNOTAVAIL";
    case EAFNOSUPPORT:
      return "EAFNOSUPPORT";
    case EINVAL:
      return "EINVAL";
    case EMFILE:
      return "EMFILE";
    case ENFILE:
      return "ENFILE";
    case ENOBUFS:
      return "ENOBUFS";
    case ENOMEM:
      return "ENOMEM";
    case EPERM:
      return "EPERM";
    default:
      return "EIO";
  }
}

bool PrepareDescriptor(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

void RaiseReceiveBuffer(int fd) { RaiseBuffer(fd, kForcedReceive, SO_RCVBUF, kWantedReceiveBufferBytes); }
void RaiseSendBuffer(int fd) { RaiseBuffer(fd, kForcedSend, SO_SNDBUF, kWantedSendBufferBytes); }

}  // namespace murky::rain
