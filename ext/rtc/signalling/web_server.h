// SPDX-License-Identifier: LGPL-2.1-or-later
// A listening port with its loop and connections; what they mean is the service's matter.
#pragma once
#include "common/listener.h"
#include "common/tls.h"
#include "web_connection.h"
#include <string>
#include <unordered_map>

namespace reach::rtc {
struct WebServerSettings {
  std::string bind_address = "0.0.0.0";
  std::uint16_t port = 0;               // 0: any
  std::string tls_certificate, tls_key; // PEM files; both empty: plaintext
  std::size_t max_connections = 10000;
  WebLimits limits;
};

class WebServer {
public:
  // `service` is called on the loop thread until the server is gone. Null, and `error` in words.
  static std::unique_ptr<WebServer> start (
      const WebServerSettings &s, WebService &service, std::string &error);
  // Says 1001 to WebSockets and ends everything. Not on the loop thread.
  ~WebServer ();

  Loop &loop () { return *loop_; }
  std::uint16_t port () const { return port_; }
  struct Counters {
    std::uint64_t accepted = 0, refused = 0; // refused: over a limit
    std::size_t open = 0;
  };
  Counters counters ();

private:
  WebServer (const WebServerSettings &s, WebService &service, std::shared_ptr<const TlsContext> tls,
      int fd);
  void accept (int fd);

  const WebServerSettings settings_;
  WebService &service_;
  const std::shared_ptr<const TlsContext> tls_;
  std::uint16_t port_ = 0;
  Counters counters_;
  Shares strangers_;
  std::unordered_map<WebConnection *, std::unique_ptr<WebConnection>> connections_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Loop> loop_;
};
} // namespace reach::rtc
