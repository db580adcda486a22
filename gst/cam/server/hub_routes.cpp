// SPDX-License-Identifier: LGPL-2.1-or-later
// Who gets what: receivers are told of a source before any of its frames, on each of their links,
// and join its streams.
#include "media_server.h"

namespace reach::cam {

void Hub::route (SourceEntry &s)
{
  for (const auto &[guid, r] : receivers_)
    route (s, guid);
}

void Hub::route (SourceEntry &s, const std::string &guid)
{
  const auto known = s.visible.find (guid);
  const std::uint8_t before = known == s.visible.end () ? std::uint8_t{0} : known->second;
  if (before == 0 && s.streams.empty ())
    return; // a sender that only asks
  const auto r = receivers_.find (guid);
  if (r == receivers_.end ())
    return;
  const std::uint8_t types = types_for (s, guid, r->second);
  if (types == 0 && before != 0)
    return hide (s, guid);
  if (types == 0)
    return;
  s.visible[guid] = types;
  audiences_changed_ = true;
  if (types != before)
    tell (r->second, message_of (s, types, s.told.state));
  leave (s, r->second, before & static_cast<std::uint8_t> (~types));
  join (s, r->second, types);
}

std::uint8_t Hub::types_for (
    const SourceEntry &s, const std::string &guid, const ReceiverEntry &r) const
{
  if (!r.tap)
    return router_.media_types (s.told.guid, s.guid_to, s.group, guid);
  return !s.told.guid.empty () && r.tap->guid == s.told.guid ? r.tap->types : std::uint8_t{0};
}

void Hub::look_after_router ()
{
  take_router_events ();
  tell_senders ();
  if (!stopped_)
    write_state ();
}

void Hub::tell_senders ()
{
  if (stopped_ || !std::exchange (audiences_changed_, false))
    return;
  for (auto &[number, s] : sources_) {
    const bool heard = std::ranges::any_of (s->visible, [this] (const auto &v) {
      const auto r = receivers_.find (v.first);
      return r != receivers_.end () && !r->second.tap;
    });
    if (s->streams.empty () || !s->connected () || s->told_heard == heard)
      continue;
    s->told_heard = heard;
    const auto body = encode_notice ({0, "receivers", {{"any", heard}}});
    const Where link =
        **std::ranges::find_if (s->links, [] (const auto &l) { return l.has_value (); });
    server_.relay (link.relay)
        .post ([key = link.link, m = Message::control (Kind::notice, MediaType::command, 0, *body,
                                     Clock::now ())] (Relay &r) { r.answer (key, m); });
  }
}

void Hub::take_router_events ()
{
  if (stopped_)
    return;
  while (const auto e = router_.poll_event ())
    on_router_event (*e);
  if (const TimePoint t = router_.poll_timeout (); t != TimePoint::max ())
    router_timer_->arm (t);
  else
    router_timer_->cancel ();
}

void Hub::on_router_event (const RouterEvent &e)
{
  if (const auto *changed = std::get_if<RoutesChanged> (&e)) {
    for (auto &[number, s] : sources_)
      if (s->told.guid == changed->guid)
        route (*s);
      else
        route (*s, changed->guid);
  } else if (const auto *k = std::get_if<Kick> (&e)) {
    kick (k->guid, k->why);
  } else if (std::holds_alternative<StateChanged> (e)) {
    state_dirty_ = !server_.settings ().state_file.empty ();
  } else if (const auto *n = std::get_if<RouterNotice> (&e)) {
    const auto r = receivers_.find (n->to);
    const auto body = encode_notice (n->what);
    if (r == receivers_.end () || !body)
      return;
    auto link = r->second.links[static_cast<std::size_t> (MediaType::command)];
    for (const auto &other : r->second.links)
      link = link ? link : other;
    const MessageRef m =
        Message::control (Kind::notice, MediaType::command, 0, *body, Clock::now ());
    tell_link (*link, m);
  }
}

bool Hub::finish (const Links &links, std::string &kicked, const std::string &why)
{
  bool there = false;
  kicked = why;
  for (const auto &l : links)
    if (l && (there = true))
      server_.relay (l->relay).post (
          [key = l->link] (Relay &x) { x.finish (key, ByeReason::closed_by_application); });
  return there;
}

bool Hub::kick (const std::string &guid, const std::string &why)
{
  bool there = false;
  for (const auto &[number, s] : sources_)
    if (!guid.empty () && s->told.guid == guid)
      there |= finish (s->links, s->kicked, why);
  if (const auto r = receivers_.find (guid); r != receivers_.end ())
    there |= finish (r->second.links, r->second.kicked, why);
  return there;
}

bool Hub::ban (const std::string &guid, bool on)
{
  const bool done = on ? router_.ban (guid, "blocked") : router_.unban (guid);
  look_after_router ();
  return done;
}

void Hub::on_ask (Where link, const Ask &ask)
{
  const auto l = links_.find (link.link);
  if (stopped_ || l == links_.end ())
    return;
  const std::string guid = l->second.role == LinkRole::receiver
                               ? l->second.guid
                               : sources_.at (l->second.source)->told.guid;
  Answer a;
  if (guid.empty ())
    a.status = AskStatus::not_allowed;
  else
    a = router_.ask (guid, ask.what, Clock::now ());
  a.id = ask.id;
  take_router_events ();
  answer (link, Message::control (Kind::answer, MediaType::command, 0, encode (a), Clock::now ()));
  write_state ();
}

void Hub::tell_all (SourceEntry &s)
{
  std::map<std::uint8_t, MessageRef> made; // a list may be large: once for each set of types
  for (const auto &[guid, types] : s.visible) {
    const ReceiverEntry &r = receivers_.at (guid);
    MessageRef &m = made[types];
    if (!m)
      m = message_of (s, types, s.told.state);
    tell (r, m);
    join (s, r, types);
  }
}

void Hub::tell (const ReceiverEntry &r, const MessageRef &m)
{
  for (const auto &link : r.links)
    if (link)
      tell_link (*link, m);
}

void Hub::tell_link (Where link, const MessageRef &m)
{
  server_.relay (link.relay).post ([key = link.link, m] (Relay &r) { r.tell (key, m); });
}

// The source's clock has gone on since its last sample.
MessageRef Hub::message_of (const SourceEntry &s, std::uint8_t types, SourceState state) const
{
  const TimePoint now = Clock::now ();
  Source told = s.told;
  told.state = state;
  told.group = s.guid_to.empty () ? s.group : std::string ();
  if (s.running_time != no_time)
    told.running_time = s.running_time + nanoseconds (now - s.clock_at).count ();
  std::erase_if (
      told.streams.streams, [types] (const StreamInfo &i) { return !(types & type_bit (i.type)); });
  return Message::control (Kind::source, MediaType::data, 0, encode (told), now);
}

void Hub::join (SourceEntry &s, const ReceiverEntry &r, std::uint8_t types)
{
  for (auto &[number, stream] : s.streams) {
    const auto &link = r.links[static_cast<std::size_t> (stream.info.type)];
    if (!stream.home || !link || !(types & type_bit (stream.info.type)) ||
        !stream.listeners.try_emplace (link->link, *link).second)
      continue;
    server_.relay (stream.home->relay).post ([n = number, at = *link] (Relay &x) {
      x.join (n, at);
    });
  }
}

void Hub::leave (SourceEntry &s, const ReceiverEntry &r, std::uint8_t types)
{
  for (auto &[number, stream] : s.streams) {
    const auto &link = r.links[static_cast<std::size_t> (stream.info.type)];
    if (!link || !(types & type_bit (stream.info.type)) ||
        stream.listeners.erase (link->link) == 0 || !stream.home)
      continue;
    server_.relay (stream.home->relay).post ([n = number, at = *link] (Relay &x) {
      x.leave (n, at);
    });
  }
}

void Hub::hide (SourceEntry &s, const std::string &guid)
{
  s.visible.erase (guid);
  audiences_changed_ = true;
  const auto r = receivers_.find (guid);
  if (r == receivers_.end ())
    return;
  leave (s, r->second, all_types);
  tell (r->second, message_of (s, 0, SourceState::gone));
}
} // namespace reach::cam
