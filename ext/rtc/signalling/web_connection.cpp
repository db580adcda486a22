// SPDX-License-Identifier: LGPL-2.1-or-later
#include "web_connection.h"
#include "common/proto/http1_head.h"
#include "common/proto/http1_write.h"
#include <glib.h>

namespace reach::rtc {
namespace {
constexpr Duration linger = seconds (3); // for a client to close after us

Slice text_slice (std::string_view s)
{
  return slice_of ({s.begin (), s.end ()});
}

// RFC 6455 section 4.2.2
std::string accept_key (std::string key)
{
  key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::uint8_t digest[20];
  gsize n = sizeof digest;
  GChecksum *c = g_checksum_new (G_CHECKSUM_SHA1);
  g_checksum_update (c, reinterpret_cast<const guchar *> (key.data ()), gssize (key.size ()));
  g_checksum_get_digest (c, digest, &n);
  g_checksum_free (c);
  gchar *text = g_base64_encode (digest, n);
  const std::string out = text;
  g_free (text);
  return out;
}

struct UpgradeFault {
  unsigned status;
  const char *sentence;
};

// What keeps a WebSocket from being served (RFC 6455, 4.2).
std::optional<UpgradeFault> upgrade_fault (const http::Request &r)
{
  const std::string *key = r.header ("sec-websocket-key");
  const std::string *version = r.header ("sec-websocket-version");
  if (r.method != "GET" || r.minor < 1)
    return UpgradeFault{400, "A WebSocket begins with a GET request of HTTP/1.1.\n"};
  if (!version || *version != "13")
    return UpgradeFault{426, "Only version 13 of WebSocket is known here.\n"};
  if (!key || key->size () != 24)
    return UpgradeFault{400, "Sec-WebSocket-Key is missing.\n"};
  return {};
}
} // namespace

WebConnection::WebConnection (Loop &loop, WebService &service, const WebLimits &limits, int fd,
    std::unique_ptr<TlsSession> tls, Shares::Place place, Gone gone)
    : loop_ (loop), service_ (service), limits_ (limits),
      socket_ (loop, *this, fd, std::move (tls)), parser_ (limits.http),
      timer_ (loop.timers (), [this] { on_timer (); }),
      later_ (loop.timers (),
          [this] {
            if (over_) {
              service_.on_over (*this, over_code_);
              return gone_ (*this);
            }
            if (!answering_ && !stash_.empty ())
              resume ();
          }),
      place_ (std::move (place)), gone_ (std::move (gone))
{
  timer_.arm (Clock::now () + limits_.request);
}

WebConnection::~WebConnection ()
{
  if (self_)
    *self_ = nullptr;
}

void WebConnection::on_input (Bytes bytes)
{
  if (closing_ || over_)
    return;
  if (web_socket_)
    return web_socket_->input (bytes);
  if (answering_ || !stash_.empty ()) {
    stash_.insert (stash_.end (), bytes.begin (), bytes.end ());
    socket_.set_reading (false); // one request at a time
    return;
  }
  process (bytes);
}

void WebConnection::process (Bytes in)
{
  using Event = http::RequestParser::Event;
  if (parser_.at_rest () && !in.empty ())
    timer_.arm (Clock::now () + limits_.request);
  processing_ = true;
  while (!answering_ && !closing_ && !over_ && !web_socket_) {
    const Event e = parser_.next (in);
    if (e == Event::need_more)
      break;
    if (e == Event::head) {
      body_.clear ();
      if (parser_.limit_body (limits_.body) == Event::fault) {
        respond (413, "text/plain", "This is too long.\n");
        break;
      }
      if (request ().expect_continue)
        socket_.queue (text_slice (http::continue_100));
    } else if (e == Event::body) {
      body_.insert (body_.end (), parser_.data ().begin (), parser_.data ().end ());
    } else if (e == Event::end) {
      on_end ();
    } else {
      answering_ = true;
      closing_ = true;
      respond (http::fault_status (parser_.fault ()), "text/plain", "This cannot be read.\n");
    }
  }
  processing_ = false;
  if (closing_ || over_ || in.empty ())
    return;
  if (web_socket_)
    return web_socket_->input (in);
  stash_.insert (stash_.end (), in.begin (), in.end ());
}

void WebConnection::resume ()
{
  process (std::exchange (stash_, {}));
  if (stash_.empty () && !over_)
    socket_.set_reading (true);
}

void WebConnection::on_end ()
{
  timer_.cancel ();
  answering_ = true;
  const http::Request &r = request ();
  if (!r.upgrade || !r.has_token ("upgrade", "websocket"))
    return service_.on_request (*this);
  if (const auto fault = upgrade_fault (r))
    return respond (
        fault->status, "text/plain", fault->sentence, {{"Sec-WebSocket-Version", "13"}});
  service_.on_upgrade (*this);
}

void WebConnection::respond (
    unsigned status, std::string_view type, std::string_view body, const Headers &headers)
{
  respond (status, type, text_slice (body), headers);
}

void WebConnection::respond (
    unsigned status, std::string_view type, Slice body, const Headers &headers)
{
  if (over_ || web_socket_)
    return;
  const bool keep = request ().keep_alive && !closing_ && status != 413;
  http::ResponseHead head (status);
  if (status != 204 && status != 304)
    head.header ("Content-Type", type).length (body.size ());
  for (const auto &[name, value] : headers)
    head.header (name, value);
  socket_.queue (text_slice (head.close (!keep).done ()));
  if (request ().method != "HEAD" && body.size () > 0)
    socket_.queue (std::move (body));
  if (!keep) {
    closing_ = true;
    timer_.arm (Clock::now () + linger);
    socket_.finish ();
    return;
  }
  socket_.flush ();
  answering_ = false;
  timer_.arm (Clock::now () + limits_.idle);
  if (!processing_ && !stash_.empty ())
    later_.arm (Clock::now ());
}

bool WebConnection::offers (std::string_view protocol) const
{
  const std::string name = http::to_lower (protocol);
  return request ().has_token ("sec-websocket-protocol", name);
}

void WebConnection::accept (std::string_view protocol)
{
  std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                     accept_key (*request ().header ("sec-websocket-key")) + "\r\n";
  if (!protocol.empty ())
    head.append ("Sec-WebSocket-Protocol: ").append (protocol).append ("\r\n");
  socket_.queue (text_slice (head + "\r\n"));
  web_socket_ = std::make_unique<WebSocket> (socket_, *this, limits_.message);
  answering_ = false;
  timer_.arm (Clock::now () + limits_.ping);
  socket_.flush ();
  if (!processing_ && !stash_.empty ())
    later_.arm (Clock::now ());
}

void WebConnection::send (std::string_view text)
{
  if (!web_socket_ || over_)
    return;
  if (socket_.queued () + web_socket_->unsent () + text.size () > limits_.unread)
    return abort ();
  web_socket_->send (text);
  if (std::exchange (flushing_, true))
    return;
  if (!self_)
    self_ = std::make_shared<WebConnection *> (this);
  loop_.defer ([self = self_] {
    if (WebConnection *c = *self) {
      c->flushing_ = false;
      if (!c->over_)
        c->web_socket_->flush ();
    }
  });
}

void WebConnection::close (WebSocket::Code code, std::string_view reason)
{
  if (web_socket_ && !over_)
    web_socket_->close (code, reason);
  else
    abort ();
}

void WebConnection::on_socket_over (unsigned code)
{
  closing_ = true;
  over_code_ = code;
  timer_.arm (Clock::now () + linger);
  socket_.finish ();
}

void WebConnection::on_writable () {}

void WebConnection::on_closed (int)
{
  end (over_code_);
}

void WebConnection::abort ()
{
  if (over_)
    return;
  socket_.close ();
  end (over_code_);
}

void WebConnection::on_timer ()
{
  if (!web_socket_ || closing_ || ++silent_ >= 2)
    return abort ();
  web_socket_->ping ();
  timer_.arm (Clock::now () + limits_.ping);
}

// It may be the caller's caller: the service destroys it from the loop.
void WebConnection::end (unsigned code)
{
  if (over_)
    return;
  over_ = true;
  over_code_ = web_socket_ ? (code ? code : 1006) : 0;
  timer_.cancel ();
  later_.arm (Clock::now ());
}
} // namespace reach::rtc
