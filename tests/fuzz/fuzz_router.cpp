// SPDX-License-Identifier: LGPL-2.1-or-later
// The routing core, driven by several clients that come, ask, go and crash, by time, and by its own
// saved state, also a damaged one. Tables are small, so that every limit is reached.
#include "cam/proto/router.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::cam;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

const std::vector<std::string> guids = {"a", "b", "c", "d", "e", "f", "g", "\xc3\xa9"};
const std::vector<std::string> groups = {"blue", "green", "red", "white", "black"};
const std::vector<std::string> passwords = {"", "one", "two"};

Digest hash (Bytes salt, std::string_view password)
{
  Digest d{};
  std::ranges::copy (salt.first (4), d.begin ());
  std::ranges::copy (password.substr (0, 16), d.begin () + 8);
  return d;
}

RouterConfig config (ByteReader &in)
{
  RouterConfig c;
  c.keep = static_cast<KeepClientInfo> (in.u8 () % 3);
  c.default_accept = in.u8 () & 1 ? all_types : 0;
  c.limits = {.max_clients = 6,
      .max_groups = 3,
      .max_members = 4,
      .max_memberships = 2,
      .max_contacts = 4,
      .max_entries = 20,
      .max_info = 64,
      .max_banned = 2};
  c.limits.asks_per_second = 100;
  c.limits.ask_burst = in.u8 () & 1 ? 20 : 100000;
  c.served = all_asks;
  c.hash = c.quick_hash = hash;
  c.random = [n = std::uint8_t{0}] (
                 std::span<std::uint8_t> out) mutable { std::ranges::fill (out, n++); };
  return c;
}

class Driver {
public:
  explicit Driver (Bytes in) : in_ (in), config_ (config (in_)), router_ (config_) {}

  void run ()
  {
    for (int i = 0; i < 400 && in_.left () > 0; i++) {
      step (in_.u8 ());
      drain ();
      check_tables ();
      if (i % 16 == 0) {
        check_routes ();
        check_saved ();
      }
    }
    check_routes ();
    check_saved ();
    end ();
  }

private:
  using Part = Router::Part;
  struct Parts {
    unsigned senders = 0, receivers = 0;
    unsigned &of (Part p) { return p == Part::sender ? senders : receivers; }
    bool any () const { return senders + receivers > 0; }
  };

  const std::string &guid () { return guids[in_.u8 () % guids.size ()]; }

  void step (std::uint8_t op)
  {
    const Part part = op & 0x80 ? Part::sender : Part::receiver;
    switch (op % 16) {
    case 0:
    case 1: {
      const std::string &g = guid ();
      if (router_.appear (g, part, now_))
        parts_[g].of (part)++;
      return;
    }
    case 2: {
      const std::string &g = guid ();
      router_.vanish (g, part, op & 0x40, now_);
      if (parts_[g].of (part) > 0)
        parts_[g].of (part)--;
      return;
    }
    case 3:
      now_ += milliseconds (in_.u16 ());
      router_.timeout (now_);
      require (router_.poll_timeout () > now_);
      return;
    case 4:
      if (op & 0x40)
        router_.unban (guid ());
      else
        router_.ban (guid (), "why");
      return;
    case 5:
      return damage ();
    default:
      return ask ();
    }
  }

  void ask ()
  {
    const std::string &from = guid ();
    Command c;
    const std::uint8_t type = in_.u8 ();
    c.name = type < 0xfe ? ask_name (static_cast<AskType> (type % n_asks)) : "else";
    const std::uint8_t bits = in_.u8 ();
    if (bits & 1)
      c.parameters.push_back ({"guid", guid ()});
    if (bits & 2)
      c.parameters.push_back ({"group", groups[in_.u8 () % groups.size ()]});
    if (bits & 4)
      c.parameters.push_back ({"password", passwords[in_.u8 () % passwords.size ()]});
    if (bits & 8)
      c.parameters.push_back ({"permanent", true});
    if (bits & 16)
      c.parameters.push_back ({"media-types", std::uint32_t{in_.u8 ()}});
    if (bits & 32)
      c.parameters.push_back ({"info", true});
    if (bits & 64)
      c.parameters.push_back ({"online", (in_.u8 () & 1) != 0});
    if (bits & 128)
      c.parameters.push_back ({"after", CommandValue (in_.i64 ())});
    const Answer a = router_.ask (from, c, now_);
    require (a.result.name == c.name);
    require (decode_answer (encode (a)) == a);
    require (parts_[from].any () || a.status == AskStatus::no_such_client);
  }

  void drain ()
  {
    bool saw_routes = false;
    while (const auto e = router_.poll_event ()) {
      require (!state_told_);
      if (const auto *n = std::get_if<RouterNotice> (&*e)) {
        require (!saw_routes && parts_[n->to].receivers > 0 && encode_notice (n->what));
        const auto about = std::get<std::string> (n->what.parameters.at (0).value);
        require (about != n->to && !apart (about, n->to));
      } else if (const auto *k = std::get_if<Kick> (&*e)) {
        kicked_.insert (k->guid);
      } else if (std::holds_alternative<RoutesChanged> (*e)) {
        saw_routes = true;
      } else {
        state_told_ = true;
      }
    }
    const auto state = router_.save ();
    require (state_told_ || state == state_);
    state_ = state;
    state_told_ = false;
    for (const std::string &guid : std::exchange (kicked_, {}))
      kick (guid);
  }

  void kick (const std::string &guid)
  {
    for (const Part p : {Part::sender, Part::receiver})
      for (unsigned &n = parts_[guid].of (p); n > 0; n--)
        router_.vanish (guid, p, false, now_);
    require (!router_.knows (guid));
    drain ();
  }

  // As far as those who are there tell it.
  std::set<std::string> blocked_by (const std::string &guid)
  {
    if (!parts_[guid].any ())
      return {};
    Command c;
    c.name = "list-blocked";
    const Answer a = router_.ask (guid, c, now_);
    if (a.status != AskStatus::ok)
      return {};
    const auto all =
        decode_strings (std::get<std::vector<std::uint8_t>> (a.result.parameters.at (0).value));
    require (all && all->size () <= config_.limits.max_contacts);
    return {all->begin (), all->end ()};
  }
  bool apart (const std::string &a, const std::string &b)
  {
    return blocked_by (a).contains (b) || blocked_by (b).contains (a);
  }

  void check_tables ()
  {
    require (router_.clients () <= config_.limits.max_clients);
    require (router_.groups () <= config_.limits.max_groups);
    std::size_t known = 0;
    std::map<std::string, std::size_t> members;
    for (const std::string &guid : guids) {
      require (router_.knows (guid) || !parts_[guid].any ());
      known += router_.knows (guid);
      const auto of = router_.groups_of (guid);
      require (of.size () <= config_.limits.max_memberships);
      for (const std::string &group : of)
        members[group]++;
    }
    require (known == router_.clients () && members.size () == router_.groups ());
    for (const auto &[group, n] : members)
      require (n <= config_.limits.max_members);
  }

  void check_targets (const std::string &from, const std::string &to, const std::string &group)
  {
    const auto all = router_.targets (from, to, group);
    require (
        std::ranges::is_sorted (all, std::ranges::less_equal{}, &Target::guid) || all.size () < 2);
    for (const Target &t : all) {
      require (t.media_types != 0 && (t.media_types & ~all_types) == 0 && router_.knows (t.guid));
      require (t.guid != from || to == from);
      require (t.guid == from ||
               !(blocked_[from].contains (t.guid) || blocked_[t.guid].contains (from)));
      if (!to.empty ())
        require (t.guid == to);
      if (to.empty () && group.empty ())
        require (std::ranges::count (router_.contact_of (t.guid), from) == 1);
    }
    for (const std::string &guid : guids) {
      const auto t = std::ranges::find (all, guid, &Target::guid);
      const std::uint8_t types = t == all.end () ? 0 : t->media_types;
      require (router_.media_types (from, to, group, guid) == types);
    }
  }
  void check_routes ()
  {
    for (const std::string &guid : guids)
      blocked_[guid] = blocked_by (guid);
    for (const std::string &from : guids) {
      check_targets (from, "", "");
      check_targets (from, guids[from.front () % guids.size ()], "red");
      check_targets (from, from, "");
      for (const std::string &group : router_.groups_of (from))
        check_targets (from, "", group);
    }
    check_targets ("", "a", "");
    require (router_.targets ("", "", "red").empty () && router_.targets ("", "", "").empty ());
  }

  // Another server goes on where this one was.
  void check_saved ()
  {
    Router other (config_);
    require (other.load (state_) && other.save () == state_ && !other.poll_event ());
    require (other.clients () <= router_.clients () && other.banned () == router_.banned ());
    if (config_.keep != KeepClientInfo::all)
      return;
    require (other.clients () == router_.clients ());
    for (const std::string &from : guids) {
      require (other.targets (from, "", "") == router_.targets (from, "", ""));
      require (other.targets (from, "b", "") == router_.targets (from, "b", ""));
      require (other.contact_of (from) == router_.contact_of (from));
    }
  }

  void damage ()
  {
    auto bytes = state_;
    for (std::size_t n = in_.u8 () % 4; n > 0 && !bytes.empty (); n--)
      bytes[in_.u16 () % bytes.size ()] = in_.u8 ();
    bytes.resize (bytes.size () - std::min<std::size_t> (bytes.size (), in_.u8 () % 8));
    check_load (bytes, config_);
  }

public:
  // Whatever is taken is within the limits, and can be saved and taken again.
  static void check_load (Bytes bytes, const RouterConfig &config)
  {
    Router one (config), two (config);
    if (!one.load (bytes)) {
      require (one.clients () == 0 && one.groups () == 0 && one.banned ().empty ());
      return;
    }
    require (one.clients () <= config.limits.max_clients);
    require (one.groups () <= config.limits.max_groups);
    const auto saved = one.save ();
    require (two.load (saved) && two.save () == saved);
  }

private:
  // All go; then it is as if the state had been loaded.
  void end ()
  {
    for (const std::string &guid : guids)
      for (const Part p : {Part::sender, Part::receiver})
        for (unsigned &n = parts_[guid].of (p); n > 0; n--)
          router_.vanish (guid, p, false, now_);
    router_.timeout (now_ + seconds (100));
    require (router_.poll_timeout () == TimePoint::max ());
    Router other (config_);
    require (other.load (router_.save ()) && other.clients () == router_.clients () &&
             other.groups () == router_.groups ());
    for (const std::string &guid : guids)
      require (other.groups_of (guid) == router_.groups_of (guid));
  }

  ByteReader in_;
  TimePoint now_{seconds (1)};
  RouterConfig config_;
  Router router_;
  std::map<std::string, Parts> parts_;
  std::map<std::string, std::set<std::string>> blocked_;
  std::set<std::string> kicked_;
  std::vector<std::uint8_t> state_ = Router (config_).save ();
  bool state_told_ = false;
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size == 0)
    return 0;
  const Bytes in = Bytes (data, size).subspan (1);
  if (data[0] & 1) {
    ByteReader r (in);
    const RouterConfig c = config (r);
    Driver::check_load (r.take (r.left ()), c);
  } else {
    Driver (in).run ();
  }
  return 0;
}
