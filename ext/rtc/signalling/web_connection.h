// SPDX-License-Identifier: LGPL-2.1-or-later
// One connection of a web server: HTTP/1.1 requests, one at a time, and then perhaps a WebSocket.
// Loop thread only.
#pragma once
#include "common/proto/http1.h"
#include "common/shares.h"
#include "web_socket.h"
#include <optional>

namespace reach::rtc {
class WebConnection;

// What a server does with what comes. A connection may be answered later; it lives until on_over ()
// has returned, which the server's own end does not call.
class WebService {
public:
  virtual ~WebService () = default;
  // The first call and the last one.
  virtual void on_start (Loop &) {}
  virtual void on_stop () {}
  // A request is there with its body: respond () to it.
  virtual void on_request (WebConnection &c) = 0;
  // A WebSocket is asked for: accept () or respond ().
  virtual void on_upgrade (WebConnection &c) = 0;
  virtual void on_text (WebConnection &c, std::string_view text) = 0;
  // code: see WebSocket::Owner; 0 where there was no WebSocket.
  virtual void on_over (WebConnection &c, unsigned code) = 0;
};

struct WebLimits {
  http::Limits http;
  std::size_t body = 1 << 20;      // of a request, bytes
  std::size_t message = 256 << 10; // of a WebSocket message, bytes
  std::size_t unread = 1 << 20;    // bytes for a client that does not read; then it is cut off
  Duration request = seconds (10); // from the first byte of a request, or connect, to its end
  Duration idle = seconds (60);    // between two requests
  Duration ping = seconds (20);    // of a WebSocket; silent for two of them, it is gone
};

class WebConnection final : public StreamSocket::Owner, public WebSocket::Owner {
public:
  // gone: called behind on_over (), to destroy it.
  using Gone = std::function<void (WebConnection &)>;
  WebConnection (Loop &loop, WebService &service, const WebLimits &limits, int fd,
      std::unique_ptr<TlsSession> tls, Shares::Place place, Gone gone);
  ~WebConnection () override;

  const http::Request &request () const { return parser_.request (); } // the last one
  const std::vector<std::uint8_t> &body () const { return body_; }
  std::string peer () const { return socket_.peer (); }
  const Address &peer_address () const { return socket_.peer_address (); }

  // The answer to a request. headers: further ones.
  using Headers = std::vector<std::pair<std::string_view, std::string_view>>;
  void respond (
      unsigned status, std::string_view type, std::string_view body, const Headers &headers = {});
  void respond (unsigned status, std::string_view type, Slice body, const Headers &headers = {});
  // Makes a WebSocket of it. protocol: the one that was chosen of those offered; empty: none.
  void accept (std::string_view protocol);
  // Of those that the client offers, in its order of preference.
  bool offers (std::string_view protocol) const;
  // Leaves at the end of the loop's round, with what else is sent in it.
  void send (std::string_view text); // cuts off a client that does not read
  void close (WebSocket::Code code, std::string_view reason = {});
  void abort ();                  // at once; on_over () follows from the loop
  void let_in () { place_ = {}; } // it does not count as a stranger any more

  bool is_web_socket () const { return web_socket_ != nullptr; }
  bool over () const { return over_; }

private:
  // StreamSocket::Owner
  void on_connected () override {}
  void on_input (Bytes bytes) override;
  void on_writable () override;
  void on_closed (int error) override;
  // WebSocket::Owner
  void on_text (std::string_view text) override { service_.on_text (*this, text); }
  void on_alive () override { silent_ = 0; }
  void on_socket_over (unsigned code) override;

  void process (Bytes in);
  void resume ();
  void on_end ();
  void on_timer ();
  void end (unsigned code);

  Loop &loop_;
  WebService &service_;
  const WebLimits &limits_;
  StreamSocket socket_;
  http::RequestParser parser_;
  std::vector<std::uint8_t> body_, stash_;
  std::unique_ptr<WebSocket> web_socket_;
  Timer timer_, later_;
  std::shared_ptr<WebConnection *> self_; // null in it: gone; for what is put off
  bool flushing_ = false;                 // is put off
  Shares::Place place_;
  const Gone gone_;
  unsigned silent_ = 0, over_code_ = 0; // pings without an answer
  bool answering_ = false, processing_ = false, closing_ = false, over_ = false;
};
} // namespace reach::rtc
