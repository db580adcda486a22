// SPDX-License-Identifier: LGPL-2.1-or-later
#include "signaller.h"
#include "http_client.h"
#include "pair_client.h"

namespace reach::rtc {
std::unique_ptr<Signaller> Signaller::make (
    Loop &loop, Owner &owner, const Config &config, std::string &error)
{
  const std::string &uri = config.uri;
  if (uri.starts_with ("ws://") || uri.starts_with ("wss://")) {
    if (const std::string wrong = PairClient::check (uri); !wrong.empty ()) {
      error = "\"" + uri + "\": " + wrong;
      return nullptr;
    }
    return std::make_unique<PairClient> (loop, owner, config);
  }
  for (const char *way : {"whip", "whep"})
    if (uri.starts_with (std::string (way) + "+http://") ||
        uri.starts_with (std::string (way) + "+https://"))
      return std::make_unique<HttpClient> (loop, owner, config, way, uri.substr (5));
  error = "\"" + uri +
          "\" is no way to signal: ws, wss, whip+http, whip+https, whep+http and "
          "whep+https are";
  return nullptr;
}
} // namespace reach::rtc
