// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN and TURN servers: found by name, and told to libnice.
#include "ice_agent.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr std::size_t most_relays = 16;
} // namespace

void Ice::add_servers (const std::vector<IceServer> &servers)
{
  settings_.servers_follow = false;
  settings_.servers.insert (settings_.servers.end (), servers.begin (), servers.end ());
  const bool relays =
      std::ranges::any_of (servers, [] (const IceServer &s) { return s.uri.relay; });
  if (!now_->gathering)
    return; // gather () uses them
  if (!relays) {
    if (now_->gathered)
      look_at_relays ();
    return;
  }
  now_->gathered = false;
  pending_servers_++;
  for (const IceServer &s : servers)
    if (s.uri.relay)
      use_server (s);
  if (--pending_servers_ == 0)
    start_gathering ();
}

void Ice::look_up (
    const std::string &host, std::uint16_t port, std::function<void (const Addresses &)> then)
{
  if (const auto literal = Address::parse (host, port))
    return then ({*literal});
  pending_servers_++;
  lookups_.push_back (nullptr);
  const auto at = std::prev (lookups_.end ());
  *at = std::make_unique<Resolve> (loop_.context (), host, port,
      [this, host, at, then] (const std::vector<Address> &found, const std::string &error) {
        if (found.empty ())
          owner_.on_ice_warning (host + ": " + error);
        else
          then (found);
        const bool last = --pending_servers_ == 0;
        loop_.destroy_later (std::move (*at));
        lookups_.erase (at);
        if (last)
          start_gathering ();
      });
}

std::string Ice::check (const IceServer &server)
{
  const turn::Uri &u = server.uri;
  if (u.secure && !u.relay)
    return u.host + ": TLS to a STUN server says nothing about the way of datagrams";
  if (u.secure && !turn::is_stream (u.effective_transport ()))
    return u.host + ": DTLS to a TURN server is not supported by ICE, TLS is";
  if (u.relay && (u.username.value_or (server.username).empty () ||
                     u.password.value_or (server.credential).empty ()))
    return u.host + ": a TURN server needs a user name and a password";
  return {};
}

void Ice::use_server (const IceServer &server)
{
  const std::string wrong = check (server);
  if (!wrong.empty ())
    return owner_.on_ice_warning (wrong);
  look_up (server.uri.host, server.uri.effective_port (),
      [this, server] (const Addresses &all) { use_addresses (server, all); });
}

// The first address of each family.
void Ice::use_addresses (const IceServer &server, const Addresses &all)
{
  if (server.uri.relay && server.uri.secure) {
    if (const auto near = bridge (server, all))
      use_relay (server, *near);
    return;
  }
  for (const int family : {AF_INET, AF_INET6}) {
    const auto a = std::ranges::find (all, family, &Address::family);
    if (a == all.end ())
      continue;
    if (server.uri.relay)
      use_relay (server, *a);
    else if (!std::exchange (now_->stun_set, true)) // libnice has room for one
      g_object_set (agent (), "stun-server", a->host ().c_str (), "stun-server-port",
          static_cast<guint> (a->port ()), nullptr);
  }
}

void Ice::use_relay (const IceServer &server, const Address &address)
{
  const turn::Uri &u = server.uri;
  if (now_->relays++ >= most_relays)
    return;
  nice_agent_set_relay_info (agent (), stream (), 1, address.host ().c_str (), address.port (),
      u.username.value_or (server.username).c_str (),
      u.password.value_or (server.credential).c_str (),
      turn::is_stream (u.effective_transport ()) ? NICE_RELAY_TYPE_TURN_TCP
                                                 : NICE_RELAY_TYPE_TURN_UDP);
}

// libnice says nothing of a TURN server that does not answer, or not as it should. What cannot be
// used at all has been told.
void Ice::look_at_relays ()
{
  std::string servers;
  for (const IceServer &s : settings_.servers)
    if (s.uri.relay)
      servers += (servers.empty () ? "" : ", ") + s.uri.host + ":" +
                 std::to_string (s.uri.effective_port ());
  if (now_->relayed)
    return;
  if (now_->relays > 0)
    owner_.on_ice_warning ("no address of a TURN server (" + servers +
                           "): is it there, and are user name and password right?");
  else if (settings_.relay_only && servers.empty ())
    owner_.on_ice_warning ("only relays may be used, and there is no TURN server");
}

// libnice would send in clear. Returns what it may connect to instead.
std::optional<Address> Ice::bridge (const IceServer &server, const Addresses &all)
{
  if (now_->bridges.size () >= most_relays)
    return {};
  std::string error = "there is no TLS here";
  std::unique_ptr<TurnsBridge> b;
  if (settings_.tls)
    b = TurnsBridge::open (
        loop_, {all, server.uri.host, settings_.tls},
        [a = now_.get ()] (const std::string &what) {
          if (a->live)
            a->ice.owner_.on_ice_warning (what);
        },
        error);
  if (!b) {
    owner_.on_ice_warning (server.uri.host + ": " + error);
    return {};
  }
  const auto port = b->port ();
  now_->bridges.push_back (std::move (b));
  return Address::parse ("127.0.0.1", port);
}
} // namespace reach::rtc
