// SPDX-License-Identifier: LGPL-2.1-or-later
// For the tests of cam over HTTP: a server with its listener, the two ends of transports as
// recorders, and a plain blocking HTTP client that can misbehave.
#pragma once
#include "../wait.h"
#include "cam/net/http_client.h"
#include "cam/net/http_service.h"
#include "common/listener.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace reach::cam::test {
using namespace reach::test;

inline MessageRef message (Kind kind, std::string_view body)
{
  return Message::control (kind, MediaType::video, 7, {body.begin (), body.end ()}, {});
}

inline MessageRef big_frame (std::size_t n, std::uint8_t seed)
{
  std::vector<std::uint8_t> v (n);
  for (std::size_t i = 0; i < n; i++)
    v[i] = static_cast<std::uint8_t> (seed + i * 7 + i / 251);
  return Message::frame (MediaType::video, 7, {}, {}, slice_of (std::move (v)), {});
}

inline std::string wire (const MessageRef &m)
{
  std::string s (m->head ().begin (), m->head ().end ());
  return s.append (m->body ().begin (), m->body ().end ());
}

// One end of a transport: remembers what happens.
class End final : public Transport::Owner {
public:
  struct Seen {
    int opened = 0, rooms = 0;
    std::vector<std::string> got; // whole messages
    bool closed = false;
    CloseReason why = CloseReason::none;
    std::string detail;
  };
  explicit End (Loop &l) : loop (l) {}
  ~End () override
  {
    loop.call ([this] { transport.reset (); });
  }

  void take (std::unique_ptr<Transport> t) // loop thread
  {
    transport = std::move (t);
    transport->start (*this);
  }
  void send (MessageRef m)
  {
    loop.call ([&] {
      transport->send (m);
      transport->flush ();
    });
  }
  void close (bool drain)
  {
    loop.call ([&] { transport->close (drain); });
  }
  bool wait_got (std::size_t n)
  {
    return seen.wait ([n] (const Seen &s) { return s.got.size () >= n; });
  }
  bool wait_closed ()
  {
    return seen.wait ([] (const Seen &s) { return s.closed; });
  }
  CloseReason why () { return seen.get ().why; }

  void on_open () override
  {
    seen.update ([] (Seen &s) { s.opened++; });
    if (first) {
      transport->send (first);
      transport->flush ();
    }
  }
  void on_message (Incoming m) override
  {
    const std::string text (m.bytes ().begin (), m.bytes ().end ());
    seen.update ([&] (Seen &s) { s.got.push_back (text); });
    if (m.header ().kind == Kind::hello && answer) {
      transport->send (answer);
      transport->flush ();
    }
  }
  void on_room () override
  {
    seen.update ([] (Seen &s) { s.rooms++; });
  }
  void on_closed (CloseReason why, const std::string &detail) override
  {
    seen.update ([&] (Seen &s) {
      s.closed = true;
      s.why = why;
      s.detail = detail;
    });
  }

  Loop &loop;
  MessageRef first;  // sent when it opens
  MessageRef answer; // to a hello
  std::unique_ptr<Transport> transport;
  Watched<Seen> seen;
};

class Server final : public HttpService::Owner {
public:
  explicit Server (HttpService::Config config) : loop ("http-server")
  {
    std::string error;
    const int fd = Listener::bind ("127.0.0.1", 0, error);
    fail_unless (fd >= 0, "%s", error.c_str ());
    loop.call ([&] {
      service = std::make_unique<HttpService> (loop, storage, config, *this);
      listener = std::make_unique<Listener> (loop, fd, [this] (int c) { service->take (c); });
      port = listener->port ();
    });
  }
  ~Server () override
  {
    loop.call ([this] {
      for (const auto &e : owned)
        e->transport.reset ();
      service.reset ();
      listener.reset ();
    });
  }

  void on_http_transport (std::unique_ptr<Transport> t, MediaType type) override
  {
    if (refuse_all)
      return;
    auto end = std::make_unique<End> (loop);
    end->answer = welcome;
    end->take (std::move (t));
    types.push_back (type);
    ends.update ([&] (std::vector<End *> &v) { v.push_back (end.get ()); });
    owned.push_back (std::move (end));
  }
  std::vector<std::uint8_t> default_hello (MediaType) override
  {
    const std::string s = wire (message (Kind::hello, "anyone"));
    return {s.begin (), s.end ()};
  }
  End &end (std::size_t i)
  {
    fail_unless (ends.wait ([i] (const auto &v) { return v.size () > i; }));
    return *ends.get ()[i];
  }
  std::string address () const { return "127.0.0.1:" + std::to_string (port); }

  Loop loop;
  VectorStorage storage;
  std::unique_ptr<HttpService> service;
  std::unique_ptr<Listener> listener;
  std::uint16_t port = 0;
  std::atomic<bool> refuse_all{false};
  MessageRef welcome = message (Kind::welcome, "welcome");
  std::vector<MediaType> types;
  std::vector<std::unique_ptr<End>> owned;
  Watched<std::vector<End *>> ends;
};

inline HttpService::Config pull_config ()
{
  HttpService::Config c;
  c.pull = true;
  return c;
}

inline HttpService::Config push_config ()
{
  HttpService::Config c;
  c.push = true;
  return c;
}

// The client side: a loop and one transport.
class Client {
public:
  explicit Client (MessageRef hello = message (Kind::hello, "hello"))
      : loop ("http-client"), end (loop)
  {
    end.first = std::move (hello);
  }
  void start (bool pull, HttpClientConfig config)
  {
    loop.call ([&] {
      end.take (
          pull ? make_http_pull (loop, storage, config) : make_http_push (loop, storage, config));
    });
  }
  void start (bool pull, std::uint16_t port)
  {
    HttpClientConfig c;
    c.host = "127.0.0.1";
    c.port = port;
    start (pull, c);
  }

  Loop loop;
  VectorStorage storage;
  End end;
};

struct Answer {
  unsigned status = 0;
  std::string head, body;
  bool has (std::string_view s) const { return head.find (s) != std::string::npos; }
};

// A connection of a client that does as it is told. Blocking, with a deadline.
class Raw {
public:
  explicit Raw (std::uint16_t port) : fd_ (socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
  {
    const timeval t{20, 0};
    setsockopt (fd_, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons (port);
    a.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    connected = ::connect (fd_, reinterpret_cast<sockaddr *> (&a), sizeof a) == 0;
  }
  ~Raw () { shut (); }
  void shut ()
  {
    if (fd_ >= 0)
      ::close (fd_);
    fd_ = -1;
  }
  void write (std::string_view s)
  {
    while (!s.empty ()) {
      const ssize_t n = ::send (fd_, s.data (), s.size (), MSG_NOSIGNAL);
      if (n <= 0)
        return; // the server has closed: reading tells
      s.remove_prefix (static_cast<std::size_t> (n));
    }
  }
  void request (const std::string &method, const std::string &target, const std::string &body = "")
  {
    write (method + " " + target + " HTTP/1.1\r\nHost: test\r\n" +
           (method == "POST" ? "Content-Length: " + std::to_string (body.size ()) + "\r\n" : "") +
           "\r\n" + body);
  }
  bool more ()
  {
    char b[65536];
    const ssize_t n = ::recv (fd_, b, sizeof b, 0);
    if (n > 0)
      in.append (b, static_cast<std::size_t> (n));
    return n > 0;
  }
  bool at_end () // the server has closed, and sent nothing that was not read
  {
    return in.empty () && !more ();
  }
  // With a Content-Length, or without any body.
  Answer answer (bool head_only = false)
  {
    Answer a;
    std::size_t end;
    while ((end = in.find ("\r\n\r\n")) == std::string::npos)
      if (!more ())
        return a;
    a.head = in.substr (0, end + 4);
    in.erase (0, end + 4);
    a.status = static_cast<unsigned> (std::stoul (a.head.substr (9, 3)));
    const std::size_t at = a.head.find ("Content-Length: ");
    const std::size_t n =
        at == std::string::npos || head_only ? 0 : std::stoul (a.head.substr (at + 16));
    while (in.size () < n)
      if (!more ())
        break;
    a.body = in.substr (0, n);
    in.erase (0, n);
    return a;
  }
  bool wait_for (std::string_view s)
  {
    while (in.find (s) == std::string::npos)
      if (!more ())
        return false;
    return true;
  }

  bool connected = false;
  std::string in;

private:
  int fd_;
};
} // namespace reach::cam::test
