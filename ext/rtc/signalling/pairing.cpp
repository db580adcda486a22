// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pairing.h"
#include "common/proto/http1_text.h"
#include "random_id.h"
#include <glib.h>

namespace reach::rtc::pairing {
namespace {
bool is_name (const std::string &s)
{
  return !s.empty () && s.size () <= max_name &&
         g_utf8_validate (s.data (), gssize (s.size ()), nullptr);
}
} // namespace

std::optional<Wish> wish_of (const http::Request &r)
{
  Wish w;
  const auto channel = http::percent_decode (std::string_view (r.path).substr (1));
  const auto query = http::Query::parse (r.query);
  if (!channel || !query || !is_name (*channel))
    return {};
  w.channel = *channel;
  if (const std::string *p = query->get ("peer"))
    w.peer = *p;
  if (!w.peer.empty () && !is_name (w.peer))
    return {};
  if (w.peer.empty ())
    w.peer = random_id ();
  return w;
}
} // namespace reach::rtc::pairing
