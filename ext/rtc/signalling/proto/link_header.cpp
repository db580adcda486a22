// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link_header.h"
#include <algorithm>
#include <optional>

namespace reach::rtc {
namespace {
constexpr std::string_view space = " \t", ends_token = " \t;,=\"";

std::string lower (std::string_view text)
{
  std::string out (text);
  std::ranges::transform (
      out, out.begin (), [] (char c) { return c >= 'A' && c <= 'Z' ? char (c | 0x20) : c; });
  return out;
}

class Reader {
public:
  explicit Reader (std::string_view text) : left_ (text) {}
  bool at_end () const { return left_.empty (); }
  bool at (char c) const { return left_.starts_with (c); }
  void skip (std::string_view of)
  {
    left_.remove_prefix (std::min (left_.find_first_not_of (of), left_.size ()));
  }
  bool take (char c)
  {
    const bool there = at (c);
    left_.remove_prefix (there ? 1 : 0);
    return there;
  }
  std::string_view until (std::string_view of)
  {
    const std::string_view text = left_.substr (0, left_.find_first_of (of));
    left_.remove_prefix (text.size ());
    return text;
  }
  // Nothing: it has no end.
  std::optional<std::string> quoted ()
  {
    std::string text;
    for (left_.remove_prefix (1); !left_.empty (); left_.remove_prefix (1)) {
      if (take ('"'))
        return text;
      if (left_.front () == '\\')
        left_.remove_prefix (1);
      if (left_.empty ())
        break;
      text += left_.front ();
    }
    return {};
  }

private:
  std::string_view left_;
};

struct Link {
  IceLink ice;
  std::optional<std::string> relations; // the first counts (RFC 8288, 3.3)
};

void set (Link &l, const std::string &name, std::string value)
{
  if (name == "rel" && !l.relations)
    l.relations = lower (value);
  else if (name == "username")
    l.ice.username = std::move (value);
  else if (name == "credential")
    l.ice.credential = std::move (value);
  else if (name == "credential-type")
    l.ice.credential_type = lower (value);
}

// One link and the comma behind it. Nothing: malformed.
std::optional<Link> read_link (Reader &r)
{
  Link l;
  if (!r.take ('<'))
    return {};
  l.ice.uri = r.until (">");
  if (!r.take ('>'))
    return {};
  for (r.skip (space); r.take (';'); r.skip (space)) {
    r.skip (space);
    const std::string name = lower (r.until (ends_token));
    r.skip (space);
    std::string value;
    if (r.take ('=')) {
      r.skip (space);
      const auto v = r.at ('"') ? r.quoted () : std::string (r.until (ends_token));
      if (!v)
        return {};
      value = *v;
    }
    set (l, name, std::move (value));
  }
  if (!r.at_end () && !r.take (','))
    return {};
  return l;
}

bool names_ice_server (const Link &l)
{
  if (!l.relations)
    return false;
  Reader r (*l.relations);
  for (r.skip (space); !r.at_end (); r.skip (space))
    if (r.until (space) == "ice-server")
      return true;
  return false;
}
} // namespace

IceLinks parse_ice_links (std::string_view field)
{
  IceLinks all;
  const auto printable = [] (char c) { return (c >= ' ' && c <= '~') || c == '\t'; };
  all.malformed = field.size () > IceLinks::longest || !std::ranges::all_of (field, printable);
  Reader r (all.malformed ? std::string_view () : field);
  for (r.skip (" \t,"); !r.at_end (); r.skip (" \t,")) {
    auto l = read_link (r);
    all.malformed = !l;
    if (!l)
      break;
    if (!names_ice_server (*l))
      continue;
    if (all.servers.size () < IceLinks::most)
      all.servers.push_back (std::move (l->ice));
    else
      all.left_out++;
  }
  return all;
}
} // namespace reach::rtc
