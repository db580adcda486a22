// SPDX-License-Identifier: LGPL-2.1-or-later
#include "web_server.h"
#include <unistd.h>

namespace reach::rtc {
std::unique_ptr<WebServer> WebServer::start (
    const WebServerSettings &s, WebService &service, std::string &error)
{
  std::shared_ptr<const TlsContext> tls;
  if (!s.tls_certificate.empty ()) {
    TlsConfig c;
    c.server = true;
    c.certificate = s.tls_certificate;
    c.key = s.tls_key;
    tls = TlsContext::make (c, error);
    if (!tls)
      return nullptr;
  }
  const int fd = Listener::bind (s.bind_address, s.port, error);
  if (fd < 0)
    return nullptr;
  return std::unique_ptr<WebServer> (new WebServer (s, service, std::move (tls), fd));
}

WebServer::WebServer (
    const WebServerSettings &s, WebService &service, std::shared_ptr<const TlsContext> tls, int fd)
    : settings_ (s), service_ (service), tls_ (std::move (tls)), strangers_ (s.max_connections),
      loop_ (std::make_unique<Loop> ("web-server"))
{
  loop_->call ([&] {
    service_.on_start (*loop_);
    listener_ = std::make_unique<Listener> (*loop_, fd, [this] (int c) { accept (c); });
    port_ = listener_->port ();
  });
}

WebServer::~WebServer ()
{
  loop_->call ([this] {
    listener_.reset ();
    for (auto &[c, owner] : connections_)
      c->close (WebSocket::going_away, "the server stops");
    connections_.clear ();
    service_.on_stop ();
  });
  loop_.reset ();
}

void WebServer::accept (int fd)
{
  const std::string network = network_of (Address::peer_of (fd).text ());
  Shares::Place place = strangers_.take (network);
  if (!place || connections_.size () >= settings_.max_connections) {
    counters_.refused++;
    close (fd);
    return;
  }
  counters_.accepted++;
  auto c = std::make_unique<WebConnection> (*loop_, service_, settings_.limits, fd,
      tls_ ? tls_->session () : nullptr, std::move (place),
      [this] (WebConnection &gone) { connections_.erase (&gone); });
  WebConnection *p = c.get ();
  connections_.emplace (p, std::move (c));
}

WebServer::Counters WebServer::counters ()
{
  Counters out;
  loop_->call ([&] {
    out = counters_;
    out.open = connections_.size ();
  });
  return out;
}
} // namespace reach::rtc
