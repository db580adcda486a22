// SPDX-License-Identifier: LGPL-2.1-or-later
// An RTMP client of a test: as much as is needed to ask, to publish and to misbehave.
#pragma once
#include "../rtmp/rtmp_wire.h"
#include "rtmpserver/proto/chunk_reader.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace reach::test {
namespace rtmp = reach::rtmp;
using rtmp::Value;
using Values = std::vector<Value>;

class RtmpClient {
public:
  // `from`: the last number of its own address, 127.0.0.`from`.
  explicit RtmpClient (int port, std::uint32_t from = 1) : reader_ (source_, {.command = 4u << 20})
  {
    reader_.limit (SIZE_MAX); // we trust the server
    fd_ = ::socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{20, 0};
    ::setsockopt (fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons (static_cast<std::uint16_t> (port));
    a.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl (INADDR_LOOPBACK - 1 + from);
    fail_unless (::bind (fd_, reinterpret_cast<sockaddr *> (&own), sizeof own) == 0);
    fail_unless (::connect (fd_, reinterpret_cast<sockaddr *> (&a), sizeof a) == 0);
  }
  ~RtmpClient () { ::close (fd_); }
  RtmpClient (const RtmpClient &) = delete;
  RtmpClient &operator= (const RtmpClient &) = delete;

  // False: the server has closed.
  bool write (reach::Bytes b)
  {
    while (!b.empty ()) {
      const ssize_t n = ::send (fd_, b.data (), b.size (), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      b = b.subspan (static_cast<std::size_t> (n));
    }
    return true;
  }
  void handshake ()
  {
    rtmp::test::Wire w (1 + 2 * rtmp::Handshake::packet);
    w[0] = 3;
    fail_unless (write (w));
    for (std::size_t got = 0; got < w.size ();) {
      const ssize_t n = ::recv (fd_, w.data (), w.size () - got, 0);
      fail_unless (n > 0);
      got += static_cast<std::size_t> (n);
    }
  }
  bool send (rtmp::MessageType type, std::uint32_t of, reach::Bytes body, std::uint32_t time = 0,
      std::uint32_t chunk_stream = 3)
  {
    rtmp::test::Wire w;
    rtmp::test::put_message (w, {0, chunk_stream, time, 0, type, of}, body);
    return write (w);
  }
  bool command (std::uint32_t of, const Values &v)
  {
    return send (rtmp::MessageType::command_amf0, of, rtmp::encode_amf0 (v));
  }
  // The next command of this name, what comes before it is passed over. Empty: the server closed.
  Values expect (const char *name)
  {
    while (auto v = next ())
      if ((*v)[0].string () == name)
        return *v;
    return {};
  }
  std::string expect_status ()
  {
    const Values v = expect ("onStatus");
    return v.size () > 3 ? std::string (v[3]["code"].string ()) : "closed";
  }
  // The code of the answer.
  std::string connect (const char *app = "live", const Values &user = {},
      std::initializer_list<rtmp::Property> more = {})
  {
    handshake ();
    Value object = Value::object ({{"app", app}, {"tcUrl", "rtmp://127.0.0.1/live"}});
    for (const auto &p : more)
      object.as<rtmp::Object> ()->members.push_back (p);
    Values v{"connect", 1.0, object};
    v.insert (v.end (), user.begin (), user.end ());
    fail_unless (command (0, v));
    while (auto a = next ())
      if ((*a)[0].string () == "_result" || (*a)[0].string () == "_error") {
        info = a->size () > 3 ? (*a)[3] : Value ();
        return std::string (info["code"].string ());
      }
    return "closed";
  }
  std::string publish (const char *name)
  {
    fail_unless (command (0, {"createStream", 2.0, rtmp::Null{}}));
    const Values v = expect ("_result");
    if (v.size () < 4)
      return "no stream";
    stream = static_cast<std::uint32_t> (v[3].number_or (0));
    fail_unless (command (stream, {"publish", 3.0, rtmp::Null{}, name, "live"}));
    return expect_status ();
  }
  // The code that ends the request: of the start, or of the refusal.
  std::string play (const char *name)
  {
    fail_unless (command (0, {"createStream", 2.0, rtmp::Null{}}));
    const Values v = expect ("_result");
    if (v.size () < 4)
      return "no stream";
    stream = static_cast<std::uint32_t> (v[3].number_or (0));
    fail_unless (command (stream, {"play", 0.0, rtmp::Null{}, name}));
    const std::string code = expect_status ();
    return code == "NetStream.Play.Reset" ? expect_status () : code;
  }
  // What was sent before has been handled by the server.
  void sync ()
  {
    fail_unless (command (0, {"getStreamLength", 99.0, rtmp::Null{}}));
    fail_unless (!expect ("_result").empty ());
  }
  void shut () { ::shutdown (fd_, SHUT_WR); }
  void reset () { ::shutdown (fd_, SHUT_RDWR); }
  // Whether the server ends the connection.
  bool closed ()
  {
    while (next ()) {
    }
    return eof_;
  }
  int fd () const { return fd_; }
  std::uint32_t stream = 0;
  Value info; // of the answer to connect
  // The next message; none: the server closed, or said nothing for too long.
  std::optional<rtmp::Message> message ()
  {
    while (true) {
      if (auto m = reader_.poll ())
        return m;
      std::uint8_t bytes[4096];
      const ssize_t n = ::recv (fd_, bytes, sizeof bytes, 0);
      eof_ = n == 0 || (n < 0 && errno == ECONNRESET);
      if (n <= 0)
        return std::nullopt;
      reader_.input ({bytes, static_cast<std::size_t> (n)});
    }
  }

private:
  std::optional<Values> next ()
  {
    while (auto m = message ())
      if (m->type == rtmp::MessageType::command_amf0) {
        auto d = rtmp::decode_amf0 (m->payload.bytes, {});
        fail_unless (d.ok () && !d.values.empty ());
        return std::move (d.values);
      }
    return std::nullopt;
  }
  int fd_;
  rtmp::HeapSource source_;
  rtmp::ChunkReader reader_;
  bool eof_ = false;
};
} // namespace reach::test
