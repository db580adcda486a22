// SPDX-License-Identifier: LGPL-2.1-or-later
// The HTTP client's transports (docs/protocol-cam-http.md), without showing the library below them.
#pragma once
#include "common/loop.h"
#include "transport.h"
#include <optional>

namespace reach::cam {

struct HttpClientConfig {
  std::string host; // a name or an address
  std::uint16_t port = 0;
  MediaType type = MediaType::video;
  std::optional<TlsConfig> tls; // https
  // In the words of souphttpsrc; without a proxy the connection is direct.
  std::string proxy, proxy_id, proxy_pw;
  // Pull: 0 keeps a request outstanding; above, one complete GET per period.
  milliseconds poll_interval{0};
  // Pull: how long the first byte may take before complete GETs take over.
  milliseconds patience{1000};
};

// Why there are no HTTP clients in this build, nullptr when there are.
const char *http_clients_missing ();
// Loop thread. nullptr without HTTP clients.
std::unique_ptr<Transport> make_http_pull (
    Loop &loop, StorageSource &storage, HttpClientConfig config);
std::unique_ptr<Transport> make_http_push (
    Loop &loop, StorageSource &storage, HttpClientConfig config);
} // namespace reach::cam
