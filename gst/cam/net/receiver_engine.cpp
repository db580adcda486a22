// SPDX-License-Identifier: LGPL-2.1-or-later
#include "receiver_engine.h"
#include <algorithm>

namespace reach::cam {

ReceiverEngine::ReceiverEngine (
    Element &element, Settings settings, Identity identity, Options options)
    : element_ (element), settings_ (std::move (settings)), options_ (options),
      window_ (settings_.queue.max_bytes ? settings_.queue.max_bytes : 4u << 20),
      identity_ (std::move (identity)), loop_ (std::make_unique<Loop> ("cam-receiver")),
      asks_ (std::make_unique<Asks> (loop_->timers (), settings_.timeout (MediaType::command)))
{
}

ReceiverEngine::~ReceiverEngine ()
{
  loop_->call ([this] {
    stopping_ = true;
    poll_.reset ();
    for (const auto &i : intakes_)
      i->stop ();
    for (const auto &p : peers_)
      p->stop ();
  });
  loop_->call ([this] {
    intakes_.clear ();
    acceptor_.reset (); // after them: over UDP they speak through its socket
    peers_.clear ();
    asks_.reset ();
    touched_.clear ();
    remotes_.clear ();
    owed_.clear ();
  });
  loop_.reset ();
}

void ReceiverEngine::start ()
{
  loop_->call ([this] {
    if (settings_.mode == Mode::listener) {
      acceptor_ = Acceptor::make (*loop_, element_, settings_, bound_.take (), LinkRole::receiver,
          [this] (std::unique_ptr<Transport> t) { accept_transport (std::move (t)); });
      return;
    }
    if (settings_.poll_interval > Duration{}) {
      poll_ = std::make_unique<Timer> (loop_->timers (), [this] {
        for (auto &[link, bytes] : owed_)
          if (const std::size_t owed = std::exchange (bytes, 0))
            grant (*link, MediaType::data, owed);
        poll_->arm (Clock::now () + settings_.poll_interval);
      });
      poll_->arm (Clock::now () + settings_.poll_interval);
    }
    for (const SenderEntry &e : settings_.senders)
      peers_.push_back (std::make_unique<PullPeer> (*this, e));
    if (peers_.empty ())
      peers_.push_back (std::make_unique<PullPeer> (
          *this, SenderEntry{settings_.host, settings_.port, identity_.guid_to}));
    for (const auto &p : peers_)
      p->open ();
  });
}

void ReceiverEngine::accept_transport (std::unique_ptr<Transport> t)
{
  if (stopping_ || intakes_.size () >= settings_.max_links) {
    counters_.refused++;
    return; // closes it
  }
  counters_.accepted++;
  auto i = std::make_unique<Intake> (*this, std::move (t));
  Intake *p = i.get ();
  intakes_.insert (std::move (i));
  p->start ();
}

void ReceiverEngine::intake_ended (Intake *i)
{
  const auto it = std::find_if (
      intakes_.begin (), intakes_.end (), [i] (const auto &p) { return p.get () == i; });
  if (it != intakes_.end ())
    loop_->destroy_later (std::move (intakes_.extract (it).value ()));
}

Hello ReceiverEngine::hello (
    MediaType type, std::uint64_t session_key, std::uint64_t link_key, const std::string &to) const
{
  Hello h;
  h.role = LinkRole::receiver;
  h.type = type;
  h.media_types = settings_.media_types;
  h.run_id = options_.run_id;
  h.session_key = session_key;
  h.link_key = link_key;
  if (identity_.use_guid)
    h.guid = identity_.guid;
  h.guid_to = to;
  h.guid_group = identity_.guid_group;
  if (settings_.mode == Mode::caller)
    h.token = identity_.token;
  h.running_time = no_time;
  h.latency_ms = static_cast<std::uint32_t> (
      std::chrono::duration_cast<milliseconds> (settings_.latency).count ());
  h.timeout_ms = timeout_ms (settings_.timeout (type));
  h.list_complete = true;
  return h;
}

std::optional<Refuse> ReceiverEngine::check_sender (const Hello &h, const std::string &host) const
{
  const auto no = [] (RefuseCode c, const char *text) {
    return Refuse{static_cast<std::uint16_t> (c), text};
  };
  if (!(settings_.media_types & type_bit (h.type)))
    return no (RefuseCode::type_not_offered, "this receiver does not take this media type");
  if (identity_.use_guid && !identity_.guid.empty () && h.guid_to != identity_.guid)
    return no (RefuseCode::not_addressed, "this receiver takes only what is addressed to its guid");
  if (settings_.senders.empty ())
    return {};
  for (const SenderEntry &e : settings_.senders)
    if ((e.host.empty () || e.host == host) && (e.guid.empty () || e.guid == h.guid))
      return {};
  return no (RefuseCode::not_accepted, "this sender is not on the receiver's list");
}

Remote *ReceiverEngine::find (std::uint64_t id)
{
  const auto it = remotes_.find (id);
  return it == remotes_.end () ? nullptr : it->second.get ();
}

Remote *ReceiverEngine::find_peer (std::uint64_t id)
{
  for (const auto &p : peers_)
    for (Remote *r : {&p->server_remote (), &p->file_remote ()})
      if (r->id == id)
        return r;
  return find (id);
}

Remote *ReceiverEngine::find_run (std::uint64_t run_id)
{
  for (auto &[id, r] : remotes_)
    if (r->run_id == run_id)
      return r.get ();
  return nullptr;
}

// A sender that was restarted goes on in the pads of its former run: known by its guid, else by
// where it is.
Remote *ReceiverEngine::find_resumable (const Hello &h, const std::string &origin)
{
  for (auto &[id, r] : remotes_)
    if (h.guid.empty () || h.temporary_guid ? !r->named && r->origin == origin && !r->connected ()
                                            : r->guid == h.guid)
      return r.get ();
  return nullptr;
}

Remote *ReceiverEngine::make_remote ()
{
  if (remotes_.size () >= options_.max_remotes) {
    // A quiet one makes room; those with a link stay.
    const auto quiet = std::find_if (
        remotes_.begin (), remotes_.end (), [] (const auto &p) { return !p.second->connected (); });
    if (quiet == remotes_.end ())
      return nullptr;
    close_remote (quiet->first);
  }
  if (!remotes_.empty () && remotes_.begin ()->second->overdue)
    close_remote (remotes_.begin ()->first);
  auto r = std::make_unique<Remote> ();
  r->id = new_key ();
  r->clock = std::make_shared<RunClock> ();
  Remote *p = r.get ();
  remotes_[r->id] = std::move (r);
  p->resume =
      std::make_unique<Timer> (loop_->timers (), [this, id = p->id] { resume_window_over (id); });
  return p;
}

Remote *ReceiverEngine::attach (const Hello &h, const std::string &origin, Link &link)
{
  Remote *r = find_run (h.run_id);
  bool again = r && !r->connected ();
  if (r && std::exchange (r->dormant, false))
    again = false; // it was only quiet: nothing is missing, the pads go on
  if (!r && (r = find_resumable (h, origin))) {
    again = true;
    r->run_id = h.run_id;
    r->clock = std::make_shared<RunClock> (); // another run, another clock
    r->epoch = 0;
  }
  if (!r) {
    r = make_remote ();
    if (!r)
      return nullptr;
    r->run_id = h.run_id;
    r->guid = h.guid;
    r->named = !h.guid.empty () && !h.temporary_guid;
    r->origin = origin;
  }
  r->session_key = h.session_key;
  Link *&slot = r->links[static_cast<std::size_t> (h.type)];
  Link *old = std::exchange (slot, &link);
  sample_clock (*r, h.running_time, h.latency);
  if (again)
    resume (*r, h.streams);
  r->catch_up (h);
  update_streams (*r, {h.list_complete, h.streams}, h.type);
  if (old && old != &link)
    old->finish (ByeReason::closed_by_application); // the sender came back before we saw it go
  return r;
}

void ReceiverEngine::touch (Output &o)
{
  if (std::find (touched_.begin (), touched_.end (), &o) != touched_.end ())
    return;
  touched_.push_back (&o);
  if (touched_.size () == 1)
    loop_->defer ([this] {
      for (Output *p : std::exchange (touched_, {}))
        p->flush ();
    });
}

void ReceiverEngine::sample_clock (Remote &r, std::int64_t running_time, std::int64_t latency)
{
  if (running_time == no_time)
    return;
  const auto local = nanoseconds (Clock::now ().time_since_epoch ()).count ();
  r.clock->map.update ([&] (ClockMap &m) {
    m.set_remote_latency (latency);
    m.sample (running_time, local);
  });
}

void ReceiverEngine::sample_clock (Remote &r, const Ping &p)
{
  if (p.running_time != no_time && r.enter_epoch (p.epoch))
    sample_clock (r, p.running_time, p.latency);
}

void ReceiverEngine::on_message (Remote &r, Link &link, Incoming m)
{
  const MessageHeader h = m.header ();
  const std::size_t size = m.bytes ().size ();
  if (h.kind == Kind::command)
    return element_.on_command (r, link, std::move (m));
  if ((h.kind >= Kind::file_begin && h.kind <= Kind::file_end) || h.kind == Kind::file_abandon)
    return element_.on_file (r, link, std::move (m)); // consumed () when they are written
  const auto it = r.streams.find (h.stream);
  if (it == r.streams.end ()) {
    if (h.kind == Kind::frame)
      note_consumed (link, size);
    return;
  }
  Remote::Stream &s = it->second;
  if (h.kind == Kind::tags && !s.output) { // they may come ahead of the caps
    const Bytes b = m.body ();
    if (b.size () <= max_tags)
      (h.flags & tags_global ? s.info.global_tags : s.info.tags).assign (b.begin (), b.end ());
    return;
  }
  if (h.kind == Kind::caps && !s.output) {
    // A stream that was promised without caps: now it can be opened.
    s.info.caps.assign (reinterpret_cast<const char *> (m.body ().data ()), m.body ().size ());
    if (settings_.media_types & type_bit (s.info.type))
      open_output (r, s);
    return;
  }
  if (!s.output) {
    if (h.kind == Kind::frame)
      note_consumed (link, size);
    return;
  }
  on_stream_message (r, s, std::move (m));
}

void ReceiverEngine::detach (Link &link, const Link::End &end)
{
  counters_.closed[static_cast<std::size_t> (end.why)]++;
  (end.was_established ? counters_.breaks : counters_.failures)++;
  owed_.erase (&link);
  for (auto &[id, r] : remotes_) {
    bool ours = false;
    for (std::size_t t = 0; t < n_media_types; t++)
      if (r->links[t] == &link) {
        r->links[t] = nullptr;
        ours = true;
        if (static_cast<MediaType> (t) == MediaType::file)
          element_.on_file_link_ended (id);
      }
    if (!ours || r->connected () || stopping_)
      continue;
    r->dormant = end.bye == ByeReason::idle;
    if (r->dormant)
      continue; // it is quiet, not gone
    r->each_output ([] (Output &o) { o.broken (); });
    const bool over = r->all_eos () && !options_.keep_listening;
    r->resume->arm (Clock::now () + (over ? Duration{} : settings_.resume_window));
  }
}

// It did not come back. With keep-listening the last sender's pads stay until another one comes.
void ReceiverEngine::resume_window_over (std::uint64_t id)
{
  if (options_.keep_listening && remotes_.size () == 1)
    remotes_.begin ()->second->overdue = true;
  else
    close_remote (id);
}

void ReceiverEngine::close_remote (std::uint64_t id)
{
  const auto it = remotes_.find (id);
  if (it == remotes_.end ())
    return;
  Remote &r = *it->second;
  for (auto &[sid, s] : r.streams)
    close_output (s);
  // A link that others share goes on: what nobody is going to read now counts as read.
  for (std::size_t t = 0; t < n_media_types; t++)
    if (r.links[t] && r.unread[t] > 0)
      note_consumed (*r.links[t], r.unread[t]);
  // The timer that may be calling us belongs to it.
  loop_->destroy_later (std::move (it->second));
  remotes_.erase (it);
}

void ReceiverEngine::grant (Link &link, MediaType, std::size_t bytes)
{
  link.send_control (Message::control (Kind::request, MediaType::data, 0,
      encode (Request{static_cast<std::uint32_t> (std::min<std::size_t> (bytes, UINT32_MAX - 1))}),
      Clock::now ()));
}

void ReceiverEngine::note_consumed (Link &link, std::size_t bytes)
{
  if (settings_.mode == Mode::listener)
    return; // pushed, not asked for
  std::size_t &owed = owed_[&link];
  owed += bytes;
  if (!poll_ && owed >= window_ / 4)
    grant (link, MediaType::data, std::exchange (owed, 0));
}

void ReceiverEngine::consumed (std::uint64_t remote, MediaType type, std::size_t bytes)
{
  if (settings_.mode == Mode::listener)
    return;
  loop_->post ([this, remote, type, bytes] {
    Remote *r = find_peer (remote);
    if (!r)
      return;
    std::size_t &unread = r->unread[static_cast<std::size_t> (type)];
    unread -= std::min (unread, bytes);
    if (Link *l = r->links[static_cast<std::size_t> (type)])
      note_consumed (*l, bytes);
  });
}

void ReceiverEngine::request_key (std::uint64_t remote, std::uint16_t stream)
{
  loop_->post ([this, remote, stream] {
    Remote *r = find (remote);
    Link *l = r ? r->links[static_cast<std::size_t> (MediaType::video)] : nullptr;
    if (!l || !l->core ().established ())
      return;
    counters_.key_requests++;
    l->send_control (
        Message::control (Kind::key_unit, MediaType::video, stream, {}, Clock::now ()));
  });
}

void ReceiverEngine::answer (std::uint64_t remote, MessageRef m)
{
  loop_->post ([this, remote, m] {
    Remote *r = find_peer (remote);
    if (Link *l = r ? r->links[static_cast<std::size_t> (m->type)] : nullptr)
      l->send_control (m);
  });
}

void ReceiverEngine::ask (Command what, AskDone done)
{
  if (settings_.mode == Mode::listener)
    return done (AskReply::no_server ());
  if (!asks_->enter ())
    return done (AskReply::too_many ());
  loop_->post ([this, w = std::move (what), d = std::move (done)] {
    asks_->push (w, d);
    send_asks ();
  });
}

// They wait while one of the peers may still turn out to be a media server.
void ReceiverEngine::send_asks ()
{
  if (!asks_->unsent ())
    return;
  const auto is = [this] (PullPeer::Server s) {
    return std::ranges::any_of (peers_, [s] (const auto &p) { return p->server () == s; });
  };
  for (const auto &p : peers_)
    if (Link *l = p->server_link ())
      return asks_->send (*l);
  if (!peers_.empty () && !is (PullPeer::Server::unknown))
    asks_->fail_unsent (
        is (PullPeer::Server::no) ? AskReply::no_server () : AskReply::not_connected ("refused"));
}

void ReceiverEngine::set_identity (Identity identity)
{
  loop_->post ([this, i = std::move (identity)] {
    identity_ = i;
    for (const auto &p : peers_)
      p->remake ();
  });
}

ReceiverEngine::Snapshot ReceiverEngine::snapshot ()
{
  Snapshot out;
  loop_->call ([&] {
    out = counters_;
    const auto add = [&] (MediaType t, Link &l) {
      const Hello &p = l.core ().peer ();
      out.links.push_back ({t, l.peer (), p.guid, p.session_key, l.stats (), l.security ()});
      out.open_channels += l.core ().established ();
    };
    for (const auto &i : intakes_)
      add (i->link ().core ().peer ().type, i->link ());
    for (const auto &p : peers_)
      p->each_link (add);
    unsigned types = 0;
    for (std::uint8_t bits = settings_.media_types; bits;
         bits &= static_cast<std::uint8_t> (bits - 1))
      types++;
    out.max_channels =
        settings_.mode == Mode::caller ? types * static_cast<unsigned> (peers_.size ()) : 0;
    out.senders = static_cast<unsigned> (remotes_.size ());
    for (const auto &[id, r] : remotes_)
      out.drift_ppm = r->clock->map.lock ()->drift_ppm ();
  });
  return out;
}
} // namespace reach::cam
