// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gate.h"
#include "common/proto/http1_head.h"
#include "common/proto/http1_text.h"
#include <algorithm>
#include <cstdint>

namespace reach::rtc {
namespace {
std::vector<std::string> split (std::string_view list)
{
  std::vector<std::string> out;
  while (!list.empty ()) {
    const std::size_t end = std::min (list.find (','), list.size ());
    std::string_view one = list.substr (0, end);
    while (one.starts_with (' '))
      one.remove_prefix (1);
    while (one.ends_with (' ') || one.ends_with ('/'))
      one.remove_suffix (1);
    if (!one.empty ())
      out.emplace_back (one);
    list.remove_prefix (std::min (end + 1, list.size ()));
  }
  return out;
}

// Takes as long wherever the first difference is.
bool equal (std::string_view a, std::string_view b)
{
  unsigned difference = a.size () != b.size ();
  for (std::size_t i = 0; i < b.size (); i++)
    difference |= static_cast<std::uint8_t> (b[i]) ^
                  static_cast<std::uint8_t> (a.empty () ? 0 : a[i % a.size ()]);
  return difference == 0;
}
} // namespace

Gate::Gate (std::string token, const std::string &origins)
    : token_ (std::move (token)), origins_ (split (origins))
{
}

bool Gate::is_token (std::string_view token) const
{
  return token_.empty () || equal (token, token_);
}

bool Gate::has_token (const http::Request &r) const
{
  if (token_.empty ())
    return true;
  if (const std::string *h = r.header ("authorization"))
    if (h->size () > 7 && http::to_lower (h->substr (0, 7)) == "bearer ")
      return is_token (std::string_view (*h).substr (7));
  const auto query = http::Query::parse (r.query);
  const std::string *t = query ? query->get ("token") : nullptr;
  return t && is_token (*t);
}

// Only browsers send one, and they do not lie about it.
bool Gate::knows_origin (const http::Request &r) const
{
  const std::string *o = r.header ("origin");
  return origins_.empty () || !o ||
         std::find (origins_.begin (), origins_.end (), *o) != origins_.end ();
}

bool Gate::refused (WebConnection &c, bool with_token) const
{
  if (!knows_origin (c.request ())) {
    c.respond (403, "text/plain", "Pages of this origin are not served here.\n");
    return true;
  }
  if (!with_token || has_token (c.request ()))
    return false;
  c.respond (401, "text/plain",
      "A token is needed: ?token=TOKEN, or the header Authorization: Bearer TOKEN.\n",
      {{"WWW-Authenticate", "Bearer"}});
  return true;
}

std::string Gate::allow_origin (const http::Request &r) const
{
  const std::string *o = r.header ("origin");
  return origins_.empty () ? "*" : o && knows_origin (r) ? *o : std::string ();
}
} // namespace reach::rtc
