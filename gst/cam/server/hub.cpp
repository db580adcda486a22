// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hub.h"
#include "cam/net/settings.h"
#include "media_server.h"
#include "password_hash.h"
#include <algorithm>

namespace reach::cam {
namespace {
bool any (const std::array<std::optional<Where>, n_media_types> &links)
{
  return std::any_of (links.begin (), links.end (), [] (const auto &l) { return l.has_value (); });
}

RouterConfig router_config (const ServerSettings &s)
{
  RouterConfig c;
  c.resume_window = s.resume_window;
  c.keep = s.keep;
  c.limits.max_groups = s.max_groups;
  if (s.list_users)
    c.served |= ask_bit (AskType::list_users);
  c.hash = [] (Bytes salt, std::string_view password) { return hash_password (salt, password); };
  c.quick_hash = [] (Bytes salt, std::string_view password) {
    return hash_password (salt, password, 1);
  };
  c.random = fill_random;
  return c;
}

CommandExchange::Limits command_limits (const ServerSettings &s)
{
  CommandExchange::Limits l;
  l.lane.max_bytes = s.buffer[static_cast<std::size_t> (MediaType::command)];
  l.lane.patience = s.command_patience;
  l.resume_window = s.resume_window;
  l.max_command = s.max_command;
  l.per_second = s.max_command_rate;
  return l;
}
} // namespace

bool Hub::SourceEntry::connected () const
{
  return any (links);
}

bool Hub::ReceiverEntry::connected () const
{
  return any (links);
}

Hub::Hub (MediaServer &server)
    : server_ (server), router_ (router_config (server.settings ())),
      commands_ (command_limits (server.settings ())), run_id_ (new_key ()),
      session_key_ (new_key ())
{
  commands_timer_ = std::make_unique<Timer> (server.relay (0).loop ().timers (), [this] {
    commands_.timeout (Clock::now ());
    send_commands ();
  });
  router_timer_ = std::make_unique<Timer> (server.relay (0).loop ().timers (), [this] {
    router_.timeout (Clock::now ());
    look_after_router ();
  });
  ban_blocked ();
}

void Hub::ban_blocked ()
{
  for (const std::string &guid : server_.settings ().blocked)
    router_.ban (guid, "blocked");
}

Hub::~Hub () = default;

void Hub::stop ()
{
  stopped_ = true;
  finish_state ();
  router_timer_.reset ();
  commands_timer_.reset ();
  sources_.clear ();
  receivers_.clear ();
  waiting_.clear ();
  links_.clear ();
}

void Hub::tell_client (ClientEvent::What what, LinkRole role, const std::string &guid,
    const std::string &peer, const std::string &reason)
{
  server_.events ().on_client ({what, role, guid, peer, reason});
}

void Hub::on_hello (Where link, const Hello &h, const std::string &peer, Protocol protocol)
{
  if (stopped_)
    return;
  static constexpr const char *names[] = {"udp", "tcp", "http"};
  Waiting &w = waiting_[link.link] = {link, h, peer};
  w.hello.token.clear ();
  const auto verdict = server_.events ().on_login (
      {link.link, h.guid, h.token, peer, names[static_cast<std::size_t> (protocol)]});
  if (verdict)
    on_verdict (link.link, *verdict);
}

void Hub::on_verdict (std::uint64_t login, Verdict verdict)
{
  auto node = waiting_.extract (login);
  if (stopped_ || node.empty ())
    return; // it did not wait so long
  const Waiting &w = node.mapped ();
  if (verdict == Verdict::no)
    return refuse (w.link, w.hello, w.peer, RefuseCode::not_accepted,
        "this media server does not let this guid in with this token");
  if (verdict == Verdict::busy)
    return refuse (w.link, w.hello, w.peer, RefuseCode::busy,
        "this media server has too many clients to look at");
  if (w.hello.role == LinkRole::sender)
    on_sender (w.link, w.hello, w.peer);
  else
    on_receiver (w.link, w.hello, w.peer);
  look_after_router ();
}

void Hub::refuse (
    Where link, const Hello &h, const std::string &peer, RefuseCode code, const std::string &text)
{
  counters_.refused++;
  server_.relay (link.relay).post ([=] (Relay &r) { r.refuse (link.link, code, text); });
  tell_client (ClientEvent::What::rejected, h.role, h.guid, peer, text);
}

void Hub::on_stranger (const std::string &peer, const std::string &why)
{
  if (stopped_)
    return;
  counters_.refused++;
  server_.events ().on_client ({ClientEvent::What::rejected, {}, {}, peer, why});
}

void Hub::prepare (Where link, const Role &role)
{
  server_.relay (link.relay).post ([link, role] (Relay &r) { r.prepare (link.link, role); });
}

void Hub::accept (Where link, const Hello &h)
{
  Welcome w;
  w.role = h.role == LinkRole::sender ? LinkRole::receiver : LinkRole::sender;
  w.type = h.type;
  w.media_types = all_types;
  w.run_id = run_id_;
  w.session_key = session_key_;
  w.link_key = link.link;
  w.guid_to = h.guid;
  w.latency_ms = static_cast<std::uint32_t> (
      std::chrono::duration_cast<milliseconds> (server_.settings ().latency).count ());
  w.timeout_ms = timeout_ms (server_.settings ().timeout (h.type));
  w.list_complete = w.relay = true;
  server_.relay (link.relay).post ([link, w] (Relay &r) { r.accept (link.link, w); });
}

// The client has made a new link of this type, which takes the place; or (none) another client has
// come.
void Hub::displace (std::optional<Where> &slot, std::optional<Where> by)
{
  const auto old = std::exchange (slot, by);
  if (!old)
    return;
  if (auto node = links_.extract (old->link);
      node && !node.mapped ().guid.empty () && node.mapped ().type == MediaType::file)
    set_file_link (node.mapped ().guid, {});
  stop_listening (*old);
  const ByeReason why = by ? ByeReason::closed_by_application : ByeReason::replaced;
  server_.relay (old->relay).post ([key = old->link, why] (Relay &r) { r.finish (key, why); });
}

// ---- senders

void Hub::on_sender (Where link, const Hello &h, const std::string &peer)
{
  bool duplicate = false;
  SourceEntry *s = source_of (h, duplicate);
  if (duplicate && !server_.settings ().replace_duplicates)
    return refuse (link, h, peer, RefuseCode::busy, "a sender with this guid sends these streams");
  if (!s && !make_room ())
    return refuse (
        link, h, peer, RefuseCode::limit, "this media server has as many clients as it takes");
  if (h.streams.size () > stream_limit (s))
    return refuse (link, h, peer, RefuseCode::limit, too_many_streams);
  const bool connected = s && s->connected () && !duplicate;
  if (!connected && !router_.appear (h.guid, Router::Part::sender, Clock::now ()))
    return refuse (link, h, peer, RefuseCode::not_accepted, "this guid is not let in here");
  if (!s)
    s = make_source (h, peer);
  else if (s->told.run_id != h.run_id)
    take_over (*s, h);
  router_.attend (h.guid, h.guid_group, Clock::now ());
  attach (*s, link, h, peer);
  if (!connected)
    tell_client (ClientEvent::What::connected, LinkRole::sender, h.guid, peer);
}

void Hub::attach (SourceEntry &s, Where link, const Hello &h, const std::string &peer)
{
  displace (s.links[static_cast<std::size_t> (h.type)], link);
  links_[link.link] = {LinkRole::sender, h.type, s.told.number, {}};
  s.resume->cancel ();
  s.peer = peer;
  s.kicked.clear ();
  s.guid_to = h.guid_to;
  s.group = h.guid_group;
  s.told.session_key = h.session_key;
  if (std::exchange (s.told.state, SourceState::live) == SourceState::broken)
    counters_.resumed++;
  s.told_heard.reset ();
  audiences_changed_ = true;
  if (h.running_time != no_time) {
    s.running_time = h.running_time;
    s.clock_at = Clock::now ();
    s.told.latency = h.latency;
  }
  update_streams (s, {h.list_complete, h.streams}, h.type);
  prepare (link, {s.told.number, numbered (s, h.type), s.bandwidth});
  set_home (s, h.type, link);
  tell_all (s);
  route (s);
  accept (link, h);
}

void Hub::sender_ended (Where link, std::uint32_t number, MediaType type, const LinkEnd &end)
{
  const auto it = sources_.find (number);
  if (it == sources_.end ())
    return;
  SourceEntry &s = *it->second;
  auto &slot = s.links[static_cast<std::size_t> (type)];
  if (slot != link)
    return;
  slot.reset ();
  set_home (s, type, {});
  if (s.connected ())
    return;
  router_.vanish (s.told.guid, Router::Part::sender, end.orderly, Clock::now ());
  tell_client (ClientEvent::What::disconnected, LinkRole::sender, s.told.guid, s.peer,
      s.kicked.empty () ? end.detail : s.kicked);
  break_source (s, end.idle);
}

// ---- receivers

bool Hub::check_receiver (Where link, const Hello &h, const std::string &peer)
{
  const auto no = [&] (RefuseCode code, const char *text) {
    refuse (link, h, peer, code, text);
    return false;
  };
  if (h.guid.empty ())
    return no (RefuseCode::not_accepted,
        "this is a media server, where senders name their receivers: set guid");
  if (!h.guid_to.empty ())
    return no (
        RefuseCode::not_addressed, "this is a media server, not a sender: leave guid-to empty");
  const auto it = receivers_.find (h.guid);
  if (it == receivers_.end ()) {
    if (!make_room ())
      return no (RefuseCode::limit, "this media server has as many clients as it takes");
    if (!router_.appear (h.guid, Router::Part::receiver, Clock::now ()))
      return no (RefuseCode::not_accepted, "this guid is not let in here");
    return true;
  }
  ReceiverEntry &r = it->second;
  const bool same = h.run_id != 0 ? h.run_id == r.run_id : h.session_key == r.session_key;
  if (same)
    return true;
  if (!server_.settings ().replace_duplicates)
    return no (RefuseCode::busy, "a receiver with this guid is connected");
  counters_.replaced++;
  tell_client (ClientEvent::What::disconnected, LinkRole::receiver, h.guid, r.peer, "replaced");
  if (const auto &l = r.links[static_cast<std::size_t> (MediaType::command)])
    commands_.unlinked (h.guid, *l, Clock::now ());
  for (auto &l : r.links)
    displace (l, {});
  for (auto &[number, s] : sources_)
    s->visible.erase (h.guid);
  audiences_changed_ = true;
  r = {};
  return true;
}

void Hub::on_receiver (Where link, const Hello &h, const std::string &peer)
{
  if (!check_receiver (link, h, peer))
    return;
  router_.attend (h.guid, h.guid_group, Clock::now ());
  ReceiverEntry &r = receivers_[h.guid];
  const bool connected = r.connected ();
  r.run_id = h.run_id;
  r.session_key = h.session_key;
  r.peer = peer;
  r.media_types = h.media_types;
  displace (r.links[static_cast<std::size_t> (h.type)], link);
  links_[link.link] = {LinkRole::receiver, h.type, 0, h.guid};
  prepare (link, {});
  // This link has yet to be told what the others know.
  for (auto &[number, s] : sources_) {
    if (const auto v = s->visible.find (h.guid); v != s->visible.end ()) {
      tell_link (link, message_of (*s, v->second, s->told.state));
      join (*s, r, v->second);
    }
    route (*s, h.guid);
  }
  if (h.type == MediaType::file)
    set_file_link (h.guid, link);
  accept (link, h);
  if (h.type == MediaType::command)
    commands_.linked (h.guid, link, Clock::now ());
  else if (!takes_commands (h.guid))
    commands_.gone (h.guid, Clock::now ());
  send_commands ();
  if (!connected)
    tell_client (ClientEvent::What::connected, LinkRole::receiver, h.guid, peer);
}

// The server's owner asks: nobody else has a say, or is told.
void Hub::on_tap (Where link, const Hello &h)
{
  if (stopped_)
    return;
  const std::string key = std::string (max_guid + 1, '#') + std::to_string (link.link);
  ReceiverEntry &r = receivers_[key];
  n_taps_++;
  r.tap = Tap{h.guid_to, type_bit (h.type)};
  r.links[static_cast<std::size_t> (h.type)] = link;
  links_[link.link] = {LinkRole::receiver, h.type, 0, key};
  prepare (link, {});
  for (auto &[number, s] : sources_)
    route (*s, key);
  accept (link, h);
}

void Hub::stop_listening (Where link)
{
  for (auto &[number, s] : sources_)
    for (auto &[n, stream] : s->streams)
      if (stream.listeners.erase (link.link) > 0 && stream.home)
        server_.relay (stream.home->relay).post ([n = n, link] (Relay &r) { r.leave (n, link); });
}

void Hub::receiver_ended (Where link, const std::string &guid, MediaType type, const LinkEnd &end)
{
  stop_listening (link);
  if (type == MediaType::command)
    commands_.unlinked (guid, link, Clock::now ());
  if (end.stopping)
    commands_.gone (guid, Clock::now ());
  send_commands ();
  const auto it = receivers_.find (guid);
  if (it == receivers_.end ())
    return;
  auto &slot = it->second.links[static_cast<std::size_t> (type)];
  if (slot == link) {
    slot.reset ();
    if (type == MediaType::file)
      set_file_link (guid, {});
  }
  if (it->second.connected ())
    return;
  for (auto &[number, s] : sources_)
    s->visible.erase (guid);
  audiences_changed_ = true;
  if (it->second.tap) {
    n_taps_--;
    receivers_.erase (it);
    return;
  }
  router_.vanish (guid, Router::Part::receiver, end.orderly, Clock::now ());
  const ReceiverEntry &r = it->second;
  tell_client (ClientEvent::What::disconnected, LinkRole::receiver, guid, r.peer,
      r.kicked.empty () ? end.detail : r.kicked);
  receivers_.erase (it);
}

void Hub::on_ended (Where link, const LinkEnd &end)
{
  waiting_.erase (link.link);
  const auto it = links_.find (link.link);
  if (it == links_.end ())
    return; // refused, or another link has taken its place
  const LinkEntry l = it->second;
  links_.erase (it);
  if (l.role == LinkRole::sender)
    sender_ended (link, l.source, l.type, end);
  else
    receiver_ended (link, l.guid, l.type, end);
  look_after_router ();
}

Hub::Snapshot Hub::snapshot () const
{
  Snapshot out = counters_;
  out.commands = commands_.stats ();
  out.taps = n_taps_;
  std::map<std::string, std::size_t> seen;
  for (const auto &[number, s] : sources_) {
    const auto clients = std::count_if (s->visible.begin (), s->visible.end (),
        [this] (const auto &v) { return !receivers_.at (v.first).tap; });
    out.sources.push_back ({number, s->told.guid, s->guid_to, s->group, s->peer, s->told.state,
        s->streams.size (), static_cast<std::size_t> (clients)});
    for (const auto &[guid, types] : s->visible)
      seen[guid]++;
  }
  for (const auto &[guid, r] : receivers_)
    if (!r.tap)
      out.receivers.push_back ({guid, r.peer,
          static_cast<unsigned> (std::count_if (
              r.links.begin (), r.links.end (), [] (const auto &l) { return l.has_value (); })),
          seen[guid]});
  return out;
}
} // namespace reach::cam
