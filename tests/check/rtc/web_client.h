// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of a signalling server that writes its requests and frames itself and waits for each
// answer: HTTP, WebSocket, and pools over it.
#pragma once
#include "../tcp_relay.h"
#include <optional>

namespace reach::test {
class WebClient {
public:
  explicit WebClient (guint port) : socket_ (RawSocket::connect (static_cast<guint16> (port)))
  {
    fail_unless (socket_.valid ());
  }
  void write (const std::string &bytes) { fail_unless (socket_.send (bytes)); }
  // A request, and its answer.
  struct Answer {
    int status = 0;
    std::string head, body;
  };
  Answer request (const std::string &method, const std::string &target,
      const std::string &headers = {}, const std::string &body = {})
  {
    ask (method, target, headers, body);
    return answer ();
  }
  void ask (const std::string &method, const std::string &target, const std::string &headers = {},
      const std::string &body = {})
  {
    std::string r = method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + headers;
    if (method == "POST")
      r += "Content-Length: " + std::to_string (body.size ()) + "\r\n";
    write (r + "\r\n" + body);
  }
  Answer answer ()
  {
    Answer a;
    a.head = until ("\r\n\r\n");
    a.status = a.head.size () > 12 ? atoi (a.head.c_str () + 9) : 0;
    const std::size_t at = a.head.find ("Content-Length: ");
    if (at != std::string::npos)
      a.body = exactly (std::strtoul (a.head.c_str () + at + 16, nullptr, 10));
    return a;
  }
  // The status of the answer; 101: from here on it is a WebSocket.
  int upgrade (const std::string &target, const std::string &headers = {})
  {
    return request ("GET", target,
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
            headers)
        .status;
  }
  void send_text (const std::string &payload) { write (frame (0x81, payload)); }
  void send_close (unsigned code)
  {
    write (frame (0x88, {static_cast<char> (code >> 8), static_cast<char> (code & 0xff)}));
  }
  // The next message; pings are answered. "close CODE" for the end, "gone" without one.
  std::string next ()
  {
    for (;;) {
      const std::string head = exactly (2);
      if (head.size () < 2)
        return "gone";
      std::size_t n = static_cast<unsigned char> (head[1]) & 0x7f;
      if (n >= 126) {
        const std::string more = exactly (n == 126 ? 2 : 8);
        n = 0;
        for (const char c : more)
          n = n << 8 | static_cast<unsigned char> (c);
      }
      const std::string payload = exactly (n);
      const int opcode = head[0] & 0x0f;
      if (opcode == 1)
        return payload;
      if (opcode == 8)
        return "close " + (payload.size () < 2
                                  ? std::string ("without code")
                                  : std::to_string (static_cast<unsigned char> (payload[0]) << 8 |
                                                    static_cast<unsigned char> (payload[1])));
      if (opcode == 9 && answers_pings)
        write (frame (0x8a, payload));
    }
  }
  // Without a close frame, as when a machine is lost.
  void reset ()
  {
    socket_.reset_on_close ();
    socket_.close ();
  }
  bool wait_closed () { return socket_.wait_closed (); }

  // A text frame of a client; the mask is zero.
  static std::string frame (int first, const std::string &payload)
  {
    std::string f (1, static_cast<char> (first));
    const std::size_t n = payload.size ();
    if (n < 126) {
      f += static_cast<char> (0x80 | n);
    } else {
      f += static_cast<char> (n < 65536 ? 0xfe : 0xff);
      for (int shift = n < 65536 ? 8 : 56; shift >= 0; shift -= 8)
        f += static_cast<char> (n >> shift);
    }
    return f + std::string (4, '\0') + payload;
  }
  bool answers_pings = true;

private:
  bool more ()
  {
    pollfd p{socket_.fd (), POLLIN, 0};
    if (::poll (&p, 1, static_cast<int> (long_enough.count ())) <= 0)
      return false;
    char buffer[16384];
    const ssize_t n = ::recv (socket_.fd (), buffer, sizeof buffer, 0);
    if (n <= 0)
      return false;
    in_.append (buffer, static_cast<std::size_t> (n));
    return true;
  }
  std::string until (const std::string &end)
  {
    while (in_.find (end) == std::string::npos)
      if (!more ())
        return std::exchange (in_, {});
    return exactly (in_.find (end) + end.size ());
  }
  std::string exactly (std::size_t n)
  {
    while (in_.size () < n)
      if (!more ())
        return {};
    const std::string out = in_.substr (0, n);
    in_.erase (0, n);
    return out;
  }
  RawSocket socket_;
  std::string in_;
};

// The text between two others; empty when it is not there.
inline std::string between (
    const std::string &s, const std::string &before, const std::string &after)
{
  const std::size_t from = s.find (before);
  if (from == std::string::npos)
    return {};
  const std::size_t end = s.find (after, from + before.size ());
  return s.substr (from + before.size (), end - from - before.size ());
}

// A member of a pool by raw WebSocket.
class PoolClient : public WebClient {
public:
  explicit PoolClient (guint port, const std::string &target = "/") : WebClient (port)
  {
    fail_unless_equals_int (upgrade (target), 101);
  }
  void send (const std::string &type, const std::string &data)
  {
    send_text ("{\"type\":\"" + type + "\",\"data\":" + data + "}");
  }
  // Its id; empty when it was not let in.
  std::string join (const std::string &pool)
  {
    send ("rtc:join", "{\"pool\":\"" + pool + "\"}");
    last = next ();
    return id = between (last, "{\"type\":\"rtc:joined\",\"data\":{\"client_id\":\"", "\"");
  }
  // The next message is of this type.
  bool got (const std::string &type)
  {
    last = next ();
    const bool is = last.starts_with ("{\"type\":\"" + type + "\",\"data\":{");
    if (!is)
      g_printerr ("waited for %s: %s\n", type.c_str (), last.c_str ());
    return is;
  }
  std::string id, last;
};
} // namespace reach::test
