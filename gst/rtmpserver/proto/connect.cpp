// SPDX-License-Identifier: LGPL-2.1-or-later
#include "connect.h"
#include <algorithm>

namespace reach::rtmp {
namespace {
std::string_view trimmed (std::string_view s, std::string_view of)
{
  const auto begin = s.find_first_not_of (of);
  return begin == s.npos ? s.substr (0, 0) : s.substr (begin, s.find_last_not_of (of) - begin + 1);
}

// "app/key?query" of "rtmp://host:port/app/key?query".
std::string_view path_of (std::string_view url)
{
  const auto scheme = url.find ("://");
  if (scheme == url.npos)
    return {};
  const auto slash = url.find ('/', scheme + 3);
  return slash == url.npos ? std::string_view () : url.substr (slash + 1);
}

// Member names that clients write in both ways.
const Value &member (const Value &object, std::string_view name, std::string_view other)
{
  const Value *v = object.find (name);
  return v ? *v : object[other];
}

void find_app (ConnectInfo &info, std::string_view app)
{
  const std::string_view path = path_of (info.tc_url);
  if (app.empty ()) { // the first part of the path, with its query
    const auto end = std::min (path.find ('/'), path.size ());
    const auto query = std::min (path.find ('?'), path.size ());
    app = path.substr (0, query < end ? path.size () : end);
  }
  info.app = split_name (app);
  info.app.name = trimmed (info.app.name, "/");
  std::string_view behind = path;
  if (behind.starts_with (info.app.name) && !info.app.name.empty ()) {
    behind.remove_prefix (info.app.name.size ());
    if (behind.starts_with ('/'))
      info.path = trimmed (behind, "/");
  }
}
} // namespace

Name split_name (std::string_view s)
{
  const auto mark = s.find ('?');
  if (mark == s.npos)
    return {std::string (s), {}};
  return {std::string (s.substr (0, mark)), std::string (s.substr (mark + 1))};
}

ConnectInfo parse_connect (std::vector<Value> values)
{
  ConnectInfo info;
  if (values.size () > 2)
    info.command = std::move (values[2]);
  for (std::size_t i = 3; i < values.size (); i++)
    info.user.push_back (std::move (values[i]));
  const Value &c = info.command;
  info.tc_url = trimmed (member (c, "tcUrl", "tcurl").string (), "\"' ");
  info.swf_url = member (c, "swfUrl", "swfurl").string ();
  info.page_url = member (c, "pageUrl", "pageurl").string ();
  info.flash_version = member (c, "flashVer", "flashver").string ();
  info.object_encoding = c["objectEncoding"].number_or (0) == 3 ? 3 : 0;
  info.capabilities = Capabilities::parse (c);
  find_app (info, trimmed (c["app"].string (), "\"' "));
  return info;
}
} // namespace reach::rtmp
