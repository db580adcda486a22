// SPDX-License-Identifier: LGPL-2.1-or-later
// One WebSocket (RFC 6455) to a server by libsoup, from the first attempt to its end, with a limit
// on how long the server may be silent. Loop thread only; nothing is called back from within a
// call, and it may be destroyed from within a callback.
#pragma once
#include "common/loop.h"
#include "soup.h"
#include <deque>
#include <optional>

namespace reach::rtc {
class WebSocketClient {
public:
  struct Failure {
    std::string why;    // in words
    bool fatal = false; // another attempt would end the same way
  };
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_socket_open (WebSocketClient &s) = 0;
    virtual void on_socket_text (WebSocketClient &s, std::string_view text) = 0; // UTF-8, whole
    virtual void on_socket_over (WebSocketClient &s, const Failure &f) = 0;      // the last call
  };
  struct Limits {
    Duration connect = seconds (15); // until it is open
    unsigned ping = 12;              // seconds from one of our pings to the next
    Duration silence = seconds (36); // without anything from the server, also no answer to a ping
    Duration close = seconds (1);    // for the server to answer to ours
    std::size_t message = 4 << 20;   // bytes of one that comes
    std::size_t unread = 16 << 20; // bytes that were sent since the server's last answer to a ping
    // Of what has come and is to be handled yet: a few messages in each turn of the loop, which
    // others use too, and which libsoup would not leave while there is something to read.
    std::size_t waiting_messages = 16384, waiting_bytes = 16 << 20;
    Duration unanswered{}; // of TCP: of what was sent without an answer; 0: a quarter of an hour
    const char *protocol = nullptr; // Sec-WebSocket-Protocol (RFC 6455, 1.9); null: none
  };

  // uri: ws or wss. config: its token and TLS rules.
  WebSocketClient (Loop &loop, Owner &owner, const Signaller::Config &config,
      const std::string &uri, const Limits &limits);
  WebSocketClient (
      Loop &loop, Owner &owner, const Signaller::Config &config, const std::string &uri)
      : WebSocketClient (loop, owner, config, uri, Limits{})
  {
  }
  ~WebSocketClient (); // without a close frame, and without waiting
  WebSocketClient (const WebSocketClient &) = delete;
  WebSocketClient &operator= (const WebSocketClient &) = delete;

  // Before it is open, or when the server does not read: nowhere.
  void send (const std::string &text);
  void close (); // says goodbye; on_socket_over () follows

private:
  void on_connected (SoupWebsocketConnection *c, const GError *error);
  void on_closed ();
  void on_message (std::string_view text);
  void pump ();
  void on_timer ();
  void alive ();
  void over (const Failure &f);
  void drop ();
  void forget_calls ();
  Failure refusal (const GError *error) const;

  Loop &loop_;
  Owner &owner_;
  const Limits limits_;
  Ref<SoupSession> session_;
  Ref<SoupMessage> message_;
  Ref<SoupWebsocketConnection> socket_;
  Ref<GCancellable> cancel_;
  std::shared_ptr<WebSocketClient *> self_; // outlives us in libsoup's calls
  Timer timer_;                             // the end of the server's time
  std::string late_;                        // what it means when it ends
  std::size_t unread_ = 0;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool pumping_ = false;
  std::optional<Failure> end_; // behind what waits
};
} // namespace reach::rtc
