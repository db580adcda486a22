// SPDX-License-Identifier: LGPL-2.1-or-later
// A routing core with clients that a test moves about, its clock, and what it has told whom.
#pragma once
#include "../check.h"
#include "cam/proto/router.h"
#include <algorithm>

namespace reach::cam::test {
using Part = Router::Part;
using Params = std::vector<Parameter>;
using Texts = std::vector<std::string>;

constexpr std::uint8_t video = type_bit (MediaType::video), audio = type_bit (MediaType::audio),
                       data = type_bit (MediaType::data);

// Not a good hash; the core only needs that it depends on both.
inline Digest test_hash (Bytes salt, std::string_view password)
{
  Digest d{};
  for (std::size_t i = 0; i < d.size (); i++)
    d[i] = static_cast<std::uint8_t> (
        salt[i % salt.size ()] + (password.empty () ? 0 : password[i % password.size ()] * 31));
  d[31] = static_cast<std::uint8_t> (password.size ());
  return d;
}

inline RouterConfig test_config (KeepClientInfo keep = KeepClientInfo::never)
{
  RouterConfig c;
  c.keep = keep;
  c.served = all_asks;
  c.hash = c.quick_hash = test_hash;
  c.random = [n = std::uint8_t{1}] (std::span<std::uint8_t> out) mutable {
    for (std::uint8_t &b : out)
      b = n = static_cast<std::uint8_t> (n * 37 + 11);
  };
  return c;
}

struct Server {
  explicit Server (RouterConfig c = test_config ()) : config (std::move (c)), router (config) {}

  bool come (const std::string &guid, Part part = Part::receiver)
  {
    const bool in = router.appear (guid, part, now);
    take ();
    return in;
  }
  void come (std::initializer_list<const char *> guids)
  {
    for (const char *guid : guids)
      fail_unless (come (guid));
  }
  void go (const std::string &guid, bool orderly = true, Part part = Part::receiver)
  {
    router.vanish (guid, part, orderly, now);
    take ();
  }
  void pass (Duration d)
  {
    now += d;
    router.timeout (now);
    take ();
  }
  Answer ask (const std::string &from, const char *name, Params parameters = {})
  {
    const Answer a = router.ask (from, {0, name, std::move (parameters)}, now);
    take ();
    return a;
  }
  AskStatus status (const std::string &from, const char *name, Params parameters = {})
  {
    return ask (from, name, std::move (parameters)).status;
  }
  void ok (const std::string &from, const char *name, Params parameters = {})
  {
    const AskStatus s = status (from, name, std::move (parameters));
    fail_unless (s == AskStatus::ok, "%s of %s: %s", name, from.c_str (), ask_status_text (s));
  }
  // About `guid`.
  void ok (const std::string &from, const char *name, const std::string &guid)
  {
    ok (from, name, {{"guid", guid}});
  }
  void join (const std::string &who, const char *group, Params more = {})
  {
    more.push_back ({"group", std::string (group)});
    ok (who, "join-group", std::move (more));
  }

  // What it was told since the last look, each as "name key=value …".
  Texts told (const std::string &guid) { return std::exchange (notices[guid], {}); }
  Texts routes () { return std::exchange (changed, {}); }
  bool state () { return std::exchange (state_changed, false); }
  Texts targets (const std::string &from, const std::string &to = {}, const std::string &group = {})
  {
    Texts all;
    for (const Target &t : router.targets (from, to, group)) {
      fail_unless_equals_int (router.media_types (from, to, group, t.guid), t.media_types);
      all.push_back (t.guid + (t.media_types == all_types ? "" : std::to_string (t.media_types)));
    }
    return all;
  }

  RouterConfig config;
  Router router;
  TimePoint now{seconds (1000)};
  std::map<std::string, Texts> notices;
  Texts changed;
  std::vector<Kick> kicks;
  bool state_changed = false;

private:
  static std::string text (const Command &c)
  {
    std::string s = c.name;
    for (const Parameter &p : c.parameters) {
      s += " " + p.name + "=";
      if (const auto *t = std::get_if<std::string> (&p.value))
        s += *t;
      else if (const auto *b = std::get_if<bool> (&p.value))
        s += *b ? "yes" : "no";
      else
        s += std::to_string (std::get<std::uint32_t> (p.value));
    }
    return s;
  }
  void take ()
  {
    while (const auto e = router.poll_event ()) {
      if (const auto *n = std::get_if<RouterNotice> (&*e))
        notices[n->to].push_back (text (n->what));
      else if (const auto *r = std::get_if<RoutesChanged> (&*e))
        changed.push_back (r->guid);
      else if (const auto *k = std::get_if<Kick> (&*e))
        kicks.push_back (*k);
      else
        state_changed = true;
    }
  }
};

inline const CommandValue &result (const Answer &a, const char *name)
{
  const auto i = std::ranges::find (a.result.parameters, name, &Parameter::name);
  fail_unless (i != a.result.parameters.end (), "no %s in the answer", name);
  return i->value;
}
inline bool yes (const Answer &a, const char *name)
{
  return std::get<bool> (result (a, name));
}
inline std::string text (const Answer &a, const char *name)
{
  return std::get<std::string> (result (a, name));
}
inline std::vector<std::uint8_t> bytes (const Answer &a, const char *name)
{
  return std::get<std::vector<std::uint8_t>> (result (a, name));
}
inline Texts list (const Answer &a, const char *name)
{
  const auto all = decode_strings (bytes (a, name));
  fail_unless (all.has_value ());
  return *all;
}
inline bool has (const Answer &a, const char *name)
{
  return std::ranges::count (a.result.parameters, name, &Parameter::name) > 0;
}
} // namespace reach::cam::test
