#include "rain/udp_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>

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

std::unique_ptr<UdpSocket> Opened(const Address& bind, SocketKind most) {
  Failure failure;
  auto socket = UdpSocket::Open(bind, most, &failure);
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
void OnAllKinds(Test test) {
  for (const SocketKind kind : {SocketKind::kPortable, SocketKind::kBatched, SocketKind::kSegmented})
    test(kind);
}

}  // namespace

TEST(udp_socket_uses_what_linux_has_as_far_as_told) {
  CHECK(Opened(At("127.0.0.1"), SocketKind::kPortable)->io().kind() == SocketKind::kPortable);
#if defined(__linux__)
  OnAllKinds([](SocketKind kind) {
    const auto socket = Opened(At("127.0.0.1"), kind);
    CHECK(socket->io().kind() == kind);
    CHECK_EQ(socket->io().cuts(), kind == SocketKind::kSegmented);
    CHECK_EQ(socket->io().joins(), kind == SocketKind::kSegmented);
  });
#endif
}

TEST(udp_socket_carries_datagrams_of_all_sizes_between_all_kinds) {
  OnAllKinds([](SocketKind sender_kind) {
    OnAllKinds([&](SocketKind receiver_kind) {
      const auto sender = Opened(At("127.0.0.1"), sender_kind);
      const auto receiver = Opened(At("127.0.0.1"), receiver_kind);
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

// What is put together in the socket's own room, and what is copied there, go out alike and in order.
TEST(udp_socket_sends_what_was_written_in_its_room) {
  OnAllKinds([](SocketKind kind) {
    const auto sender = Opened(At("127.0.0.1"), kind);
    const auto receiver = Opened(At("127.0.0.1"), kind);
    std::vector<Bytes> sent;
    for (size_t i = 0; i < 200; i++) {
      const Bytes bytes(1 + i * 67 % 3000, static_cast<uint8_t>(i));
      uint8_t* room = i % 3 == 0 ? nullptr : sender->Room(bytes.size());
      if (room) std::copy(bytes.begin(), bytes.end(), room);
      if (i % 3 == 2) continue;  // written, and not sent after all
      sender->Send(receiver->local(), room ? room : bytes.data(), bytes.size());
      sent.push_back(bytes);
    }
    sender->Flush();
    std::vector<Bytes> received;
    for (Arrived& arrived : Await(*receiver, sent.size())) received.push_back(std::move(arrived.bytes));
    CHECK(received == sent);
    CHECK(sender->Room(kSendQueueBytes + 1) == nullptr);
  });
}

TEST(udp_socket_marks_a_datagram_that_is_too_long) {
  OnAllKinds([](SocketKind kind) {
    const auto sender = Opened(At("127.0.0.1"), SocketKind::kPortable);
    const auto receiver = Opened(At("127.0.0.1"), kind);
    const Bytes bytes(20'000, 1);
    sender->Send(receiver->local(), bytes.data(), bytes.size());
    sender->Flush();
    const auto arrived = Await(*receiver, 1);
    CHECK_EQ(arrived.size(), 1u);
    CHECK_EQ(arrived[0].bytes.size(), kMaxDatagramBytes + 1);
  });
}

// Whoever notes the time at the first of them must not note one from before the others arrived.
TEST(udp_socket_hands_over_what_one_call_brings) {
  OnAllKinds([](SocketKind kind) {
    const auto sender = Opened(At("127.0.0.1"), kind);
    const auto receiver = Opened(At("127.0.0.1"), kind);
    const Bytes bytes(100, 1);
    for (int i = 0; i < 10; i++) sender->Send(receiver->local(), bytes.data(), bytes.size());
    sender->Flush();
    CHECK_EQ(Await(*receiver, 1).size(), kind == SocketKind::kPortable ? 1u : 10u);
    CHECK_EQ(receiver->io().calls().receive, 1u);
  });
}

TEST(udp_socket_hands_over_an_empty_datagram) {
  OnAllKinds([](SocketKind kind) {
    const auto receiver = Opened(At("127.0.0.1"), kind);
    const auto sender = Opened(At("127.0.0.1"), kind);
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
  OnAllKinds([](SocketKind kind) {
    const auto both = Opened(At("::"), kind);
    for (const char* host : {"127.0.0.1", "::1"}) {
      const auto peer = Opened(At(host), kind);
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
  OnAllKinds([](SocketKind kind) {
    const auto sender = Opened(At("127.0.0.1"), kind);
    const auto receiver = Opened(At("127.0.0.1"), kind);
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
  OnAllKinds([](SocketKind kind) {
    const auto socket = Opened(At("127.0.0.1"), kind);
    const Address gone = Opened(At("127.0.0.1"), kind)->local();  // closed again
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

// Equal lengths in a row are what can become one message; a shorter one ends it, a longer one begins the
// next.
TEST(udp_socket_keeps_the_order_and_bounds_of_datagrams_in_a_row) {
  OnAllKinds([](SocketKind sender_kind) {
    OnAllKinds([&](SocketKind receiver_kind) {
      const auto sender = Opened(At("127.0.0.1"), sender_kind);
      const auto receivers = {Opened(At("127.0.0.1"), receiver_kind), Opened(At("127.0.0.1"), receiver_kind)};
      std::map<std::string, std::vector<Bytes>> sent;
      const auto send = [&](const UdpSocket& to, size_t length, size_t count) {
        for (size_t i = 0; i < count; i++) {
          const Bytes bytes(length, static_cast<uint8_t>(sent[to.local().text()].size()));
          sender->Send(to.local(), bytes.data(), bytes.size());
          sent[to.local().text()].push_back(bytes);
        }
      };
      for (const auto& to : receivers) {
        send(*to, 1392, 130);  // more than one message may hold
        send(*to, 1391, 1);
        send(*to, 1392, 3);
        send(*to, kMaxDatagramBytes, 20);
        send(*to, 1, 100);
      }
      for (int turn = 0; turn < 10; turn++) {
        for (const auto& to : receivers) send(*to, 500, 1);
      }
      sender->Flush();
      CHECK_EQ(sender->lost(), 0u);
      for (const auto& to : receivers) {
        const std::vector<Bytes>& expected = sent[to->local().text()];
        const std::vector<Arrived> arrived = Await(*to, expected.size());
        CHECK_EQ(arrived.size(), expected.size());
        for (size_t i = 0; i < arrived.size(); i++) CHECK(arrived[i].bytes == expected[i]);
      }
    });
  });
}

#if defined(__linux__)

TEST(udp_socket_needs_few_calls_where_the_kernel_cuts_and_joins) {
  const auto sender = Opened(At("127.0.0.1"), SocketKind::kSegmented);
  const auto receiver = Opened(At("127.0.0.1"), SocketKind::kSegmented);
  const Bytes bytes(1392, 1);
  for (int i = 0; i < 640; i++) sender->Send(receiver->local(), bytes.data(), bytes.size());
  sender->Flush();
  CHECK_EQ(Await(*receiver, 640).size(), 640u);
  CHECK_EQ(sender->io().calls().send, 10u);
  CHECK(receiver->io().calls().receive <= 3u);
}

// No device carries the first: what cannot be cut goes one by one, and what comes behind it is cut as before.
TEST(udp_socket_goes_on_cutting_after_an_address_that_refuses) {
  const auto sender = Opened(At("127.0.0.1"), SocketKind::kSegmented);
  const auto receiver = Opened(At("127.0.0.1"), SocketKind::kSegmented);
  const Bytes bytes(100, 1);
  for (int i = 0; i < 3; i++) sender->Send(At("127.0.0.1", 0), bytes.data(), bytes.size());
  for (int i = 0; i < 8; i++) sender->Send(receiver->local(), bytes.data(), bytes.size());
  sender->Flush();
  CHECK_EQ(sender->lost(), 3u);
  CHECK_EQ(Await(*receiver, 8).size(), 8u);
  CHECK(sender->io().cuts());
  const uint64_t before = sender->io().calls().send;
  for (int i = 0; i < 8; i++) sender->Send(receiver->local(), bytes.data(), bytes.size());
  sender->Flush();
  CHECK_EQ(sender->io().calls().send, before + 1);
}

// With SO_NO_CHECK the kernel refuses to cut, as it does for a device without checksum offload, or with an
// MTU below the segments' length.
TEST(udp_socket_sends_apart_what_the_kernel_does_not_cut) {
  const auto sender = Opened(At("127.0.0.1"), SocketKind::kSegmented);
  const auto receiver = Opened(At("127.0.0.1"), SocketKind::kSegmented);
  const int on = 1;
  CHECK_EQ(setsockopt(sender->fd(), SOL_SOCKET, SO_NO_CHECK, &on, sizeof on), 0);
  const Bytes bytes(100, 1);
  for (const uint64_t calls : {2u, 1u}) {  // the first time it is tried
    const uint64_t before = sender->io().calls().send;
    for (int i = 0; i < 8; i++) sender->Send(receiver->local(), bytes.data(), bytes.size());
    sender->Flush();
    CHECK_EQ(sender->io().calls().send - before, calls);
    CHECK_EQ(sender->lost(), 0u);
    CHECK_EQ(Await(*receiver, 8).size(), 8u);
  }
}

#endif

TEST(udp_socket_bounds_its_queue) {
  OnAllKinds([](SocketKind kind) {
    const auto sender = Opened(At("127.0.0.1"), kind);
    const auto receiver = Opened(At("127.0.0.1"), kind);
    // Not flushed in between, and more than the queue has room for.
    const Bytes bytes(kMaxDatagramBytes, 1);
    const size_t count = kMaxBatchDatagrams + 1;
    CHECK(count * bytes.size() > kSendQueueBytes);
    for (size_t i = 0; i < count; i++) sender->Send(receiver->local(), bytes.data(), bytes.size());
    sender->Flush();
    CHECK_EQ(sender->lost(), 0u);
    CHECK_EQ(Await(*receiver, count).size(), count);
    const Bytes endless(kSendQueueBytes + 1, 1);
    sender->Send(receiver->local(), endless.data(), endless.size());
    CHECK_EQ(sender->lost(), 1u);
    CHECK(!sender->waiting());
  });
}

TEST(udp_socket_sends_a_burst_of_the_longest_datagrams_in_one_call) {
  OnAllKinds([](SocketKind kind) {
    const auto sender = Opened(At("127.0.0.1"), kind);
    const auto receiver = Opened(At("127.0.0.1"), kind);
    const Bytes bytes(kMaxDatagramBytes, 1);
    for (size_t i = 0; i < kMaxBatchDatagrams; i++) {
      sender->Send(receiver->local(), bytes.data(), bytes.size());
    }
    CHECK_EQ(sender->io().calls().send, 0u);
    sender->Flush();
    CHECK_EQ(sender->io().calls().send, kind == SocketKind::kPortable ? kMaxBatchDatagrams : 1);
    CHECK_EQ(sender->lost(), 0u);
    CHECK_EQ(Await(*receiver, kMaxBatchDatagrams).size(), kMaxBatchDatagrams);
  });
}

TEST(udp_socket_names_the_error_of_a_bind) {
  const auto holder = Opened(At("127.0.0.1"), SocketKind::kSegmented);
  Failure failure;
  CHECK(!UdpSocket::Open(holder->local(), SocketKind::kSegmented, &failure));
  CHECK_EQ(failure.code, "EADDRINUSE");
  CHECK_EQ(failure.sentence, "UDP " + holder->local().text() + " cannot be bound: Address already in use.");
  CHECK(!UdpSocket::Open(At("192.0.2.1"), SocketKind::kSegmented, &failure));  // TEST-NET-1, nobody's address
  CHECK_EQ(failure.code, "EADDRNOTAVAIL");
}

TEST(udp_socket_raises_the_buffers_of_the_kernel) {
  const int plain_fd = socket(AF_INET, SOCK_DGRAM, 0);
  int plain = 0;
  socklen_t length = sizeof plain;
  getsockopt(plain_fd, SOL_SOCKET, SO_RCVBUF, &plain, &length);
  close(plain_fd);
  const auto socket = Opened(At("127.0.0.1"), SocketKind::kSegmented);
  CHECK(socket->receive_buffer_bytes() >= plain);
  CHECK(socket->send_buffer_bytes() > 0);
}

}  // namespace murky::rain
