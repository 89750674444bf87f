#include "rain/udp_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>

#include "rain/wire.h"
#include "testing/check.h"

namespace murky::rain {

namespace {

using Bytes = std::vector<uint8_t>;

Address At(const char* host, uint16_t port = 0) {
  Address address;
  CHECK(Address::Parse(host, port, &address));
  return address;
}

std::unique_ptr<UdpSocket> Opened(const Address& bind, bool portable) {
  Failure failure;
  auto socket = UdpSocket::Open(bind, portable, &failure);
  CHECK_EQ(failure.sentence, "");
  return socket;
}

struct Arrived {
  Address from;
  Bytes bytes;
};

// What arrives until `count` datagrams have, or nothing came for a second.
std::vector<Arrived> Await(UdpSocket& socket, size_t count) {
  std::vector<Arrived> arrived;
  while (arrived.size() < count) {
    pollfd waiting = {socket.fd(), POLLIN, 0};
    if (poll(&waiting, 1, 1000) <= 0) break;
    socket.Receive([&](const Address& from, const uint8_t* bytes, size_t length) {
      arrived.push_back({from, Bytes(bytes, bytes + length)});
    });
  }
  return arrived;
}

// Runs a test on every way of doing the calls that this platform has.
template <typename Test>
void OnBothKinds(Test test) {
  for (const bool portable : {true, false}) test(portable);
}

}  // namespace

TEST(udp_socket_uses_batches_on_linux_unless_told_not_to) {
  CHECK(!Opened(At("127.0.0.1"), true)->batched());
#if defined(__linux__)
  CHECK(Opened(At("127.0.0.1"), false)->batched());
#endif
}

TEST(udp_socket_carries_datagrams_of_all_sizes_between_both_kinds) {
  OnBothKinds([](bool sender_portable) {
    OnBothKinds([&](bool receiver_portable) {
      const auto sender = Opened(At("127.0.0.1"), sender_portable);
      const auto receiver = Opened(At("127.0.0.1"), receiver_portable);
      std::multiset<Bytes> sent;
      for (size_t i = 0; i < 300; i++) {
        const Bytes bytes(1 + i * 29 % kMaxDatagramBytes, static_cast<uint8_t>(i));
        sender->Send(receiver->local(), bytes.data(), bytes.size());
        sent.insert(bytes);
      }
      sender->Flush();
      CHECK(!sender->waiting());
      std::multiset<Bytes> received;
      for (const Arrived& arrived : Await(*receiver, sent.size())) {
        CHECK_EQ(arrived.from.text(), sender->local().text());
        received.insert(arrived.bytes);
      }
      CHECK(received == sent);
    });
  });
}

TEST(udp_socket_marks_a_datagram_that_is_too_long) {
  OnBothKinds([](bool portable) {
    const auto sender = Opened(At("127.0.0.1"), true);
    const auto receiver = Opened(At("127.0.0.1"), portable);
    const Bytes bytes(20'000, 1);
    sender->Send(receiver->local(), bytes.data(), bytes.size());
    sender->Flush();
    const auto arrived = Await(*receiver, 1);
    CHECK_EQ(arrived.size(), 1u);
    CHECK_EQ(arrived[0].bytes.size(), kMaxDatagramBytes + 1);
  });
}

TEST(udp_socket_hands_over_an_empty_datagram) {
  OnBothKinds([](bool portable) {
    const auto receiver = Opened(At("127.0.0.1"), portable);
    const auto sender = Opened(At("127.0.0.1"), portable);
    const auto io = MakePortableIo(sender->fd(), AF_INET);
    const Datagram empty = {receiver->local(), nullptr, 0};
    uint64_t lost = 0;
    CHECK_EQ(io->Send(&empty, 1, &lost), 1u);
    const auto arrived = Await(*receiver, 1);
    CHECK_EQ(arrived.size(), 1u);
    CHECK_EQ(arrived[0].bytes.size(), 0u);
  });
}

TEST(udp_socket_dual_stack_speaks_ipv4_and_ipv6) {
  OnBothKinds([](bool portable) {
    const auto both = Opened(At("::"), portable);
    for (const char* host : {"127.0.0.1", "::1"}) {
      const auto peer = Opened(At(host), portable);
      const Bytes bytes = {1, 2, 3};
      peer->Send(At(host, both->local().port), bytes.data(), bytes.size());
      peer->Flush();
      const auto asked = Await(*both, 1);
      CHECK_EQ(asked.size(), 1u);
      CHECK_EQ(asked[0].from.text(), peer->local().text());
      both->Send(asked[0].from, bytes.data(), bytes.size());
      both->Flush();
      CHECK_EQ(Await(*peer, 1).size(), 1u);
    }
  });
}

TEST(udp_socket_loses_what_it_cannot_reach_and_goes_on) {
  OnBothKinds([](bool portable) {
    const auto sender = Opened(At("127.0.0.1"), portable);
    const auto receiver = Opened(At("127.0.0.1"), portable);
    const Bytes good = {7};
    const Bytes huge(70'000, 1);  // over what UDP can carry: EMSGSIZE
    sender->Send(receiver->local(), good.data(), good.size());
    sender->Send(At("::1", receiver->local().port), good.data(), good.size());  // from an IPv4 socket
    sender->Send(receiver->local(), huge.data(), huge.size());
    sender->Send(At("127.0.0.1", 0), good.data(), good.size());  // port 0: EINVAL
    sender->Send(receiver->local(), good.data(), good.size());
    sender->Flush();
    CHECK(!sender->waiting());
    CHECK_EQ(sender->lost(), 3u);
    CHECK_EQ(Await(*receiver, 2).size(), 2u);
  });
}

TEST(udp_socket_survives_icmp_port_unreachable) {
  OnBothKinds([](bool portable) {
    const auto socket = Opened(At("127.0.0.1"), portable);
    const Address gone = Opened(At("127.0.0.1"), portable)->local();  // closed again
    const Bytes bytes = {1};
    for (int i = 0; i < 3; i++) {
      socket->Send(gone, bytes.data(), bytes.size());
      socket->Flush();
    }
    socket->Send(socket->local(), bytes.data(), bytes.size());
    socket->Flush();
    CHECK_EQ(Await(*socket, 1).size(), 1u);
  });
}

TEST(udp_socket_bounds_its_queue) {
  const auto sender = Opened(At("127.0.0.1"), true);
  const Bytes bytes(60'000, 1);
  uint64_t sent = 0;
  // Not flushed in between: kMaxBatchDatagrams are gathered, but the bytes run out first.
  for (; sent < 20; sent++) sender->Send(sender->local(), bytes.data(), bytes.size());
  CHECK_EQ(sender->lost(), sent - kSendQueueBytes / bytes.size());
}

TEST(udp_socket_names_the_error_of_a_bind) {
  const auto holder = Opened(At("127.0.0.1"), false);
  Failure failure;
  CHECK(!UdpSocket::Open(holder->local(), false, &failure));
  CHECK_EQ(failure.code, "EADDRINUSE");
  CHECK_EQ(failure.sentence, "UDP " + holder->local().text() + " cannot be bound: Address already in use.");
  CHECK(!UdpSocket::Open(At("192.0.2.1"), false, &failure));  // TEST-NET-1, nobody's address
  CHECK_EQ(failure.code, "EADDRNOTAVAIL");
}

TEST(udp_socket_raises_the_buffers_of_the_kernel) {
  const int plain_fd = socket(AF_INET, SOCK_DGRAM, 0);
  int plain = 0;
  socklen_t length = sizeof plain;
  getsockopt(plain_fd, SOL_SOCKET, SO_RCVBUF, &plain, &length);
  close(plain_fd);
  const auto socket = Opened(At("127.0.0.1"), false);
  CHECK(socket->receive_buffer_bytes() >= plain);
  CHECK(socket->send_buffer_bytes() > 0);
}

}  // namespace murky::rain
