// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may ask anything of a signalling server: those with its token, from pages of known origins.
#pragma once
#include "web_connection.h"
#include <string>
#include <vector>

namespace reach::rtc {
class Gate {
public:
  // token: empty: everybody. origins: separated by commas, as a browser sends them,
  // "https://host:port"; empty: any.
  Gate (std::string token, const std::string &origins);

  // From ?token= or "Authorization: Bearer".
  bool has_token (const http::Request &r) const;
  bool is_token (std::string_view token) const;
  bool knows_origin (const http::Request &r) const;
  bool open () const { return token_.empty (); }
  // Answers a request that has no right; false: it has.
  bool refused (WebConnection &c, bool with_token = true) const;
  // For pages of other origins; never with credentials, which this server does not know.
  std::string allow_origin (const http::Request &r) const;

private:
  const std::string token_;
  std::vector<std::string> origins_;
};
} // namespace reach::rtc
