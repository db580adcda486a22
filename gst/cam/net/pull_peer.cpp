// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pull_peer.h"
#include "receiver_engine.h"
#include "tcp_transport.h"

namespace reach::cam {

PullPeer::PullPeer (ReceiverEngine &engine, SenderEntry entry)
    : engine_ (engine), entry_ (std::move (entry)),
      origin_ (entry_.host + ":" + std::to_string (entry_.port)), sources_ (engine, origin_),
      retry_ (engine.loop_->timers (), [this] { open (); })
{
}

PullPeer::~PullPeer ()
{
  if (!session_)
    return;
  for (auto &[type, link] : links_)
    session_->closed (type, "stopped");
  tell_events ();
}

void PullPeer::open ()
{
  session_key_ = new_key ();
  engine_.session_key_ = session_key_;
  engine_.counters_.sessions++;
  session_ = std::make_unique<PullSession> (session_key_, engine_.settings_.media_types, origin_);
  over_told_ = false;
  sources_.begin (session_key_);
  for (std::size_t i = 0; i < n_media_types; i++)
    if (engine_.settings_.media_types & (1u << i))
      open_channel (static_cast<MediaType> (i));
}

std::unique_ptr<Transport> PullPeer::make_transport (MediaType type, std::string &error)
{
  if (!engine_.options_.dial)
    return cam::make_transport (*engine_.loop_, engine_.element_, engine_.settings_, entry_.host,
        entry_.port, type, LinkRole::receiver, error);
  const int fd = engine_.options_.dial (error);
  return fd < 0 ? nullptr
                : std::make_unique<TcpTransport> (
                      *engine_.loop_, engine_.element_, StreamSocket::Detached{fd, {}});
}

void PullPeer::open_channel (MediaType type)
{
  std::string error;
  auto transport = make_transport (type, error);
  if (!transport) {
    stopped_ = true;
    return engine_.element_.on_fatal (CloseReason::local,
        engine_.options_.dial ? "Could not connect." : "This protocol is not in this build.",
        error);
  }
  LinkCore::Config c;
  c.role = LinkRole::receiver;
  c.timeout = engine_.settings_.timeout (type);
  const std::uint64_t key = new_key ();
  Link &link = *(
      links_[type] = std::make_unique<Link> (*engine_.loop_, *this, std::move (transport), c, key));
  session_->open (type, key);
  tell_events ();
  link.start ();
}

MediaType PullPeer::type_of (const Link &l) const
{
  for (const auto &[type, link] : links_)
    if (link.get () == &l)
      return type;
  return MediaType::video;
}

PullPeer::Server PullPeer::server () const
{
  for (const auto &[type, link] : links_)
    if (link->core ().established () && !link->core ().peer ().relay)
      return Server::no;
  if (server_link ())
    return Server::yes;
  return stopped_ ? Server::over : Server::unknown;
}

Link *PullPeer::server_link () const
{
  Link *found = nullptr;
  for (const auto &[type, link] : links_) {
    const LinkCore &c = link->core ();
    if (c.established () && !c.over () && c.peer ().relay)
      if (!found || type == MediaType::command)
        found = link.get ();
  }
  return found;
}

Remote *PullPeer::remote ()
{
  return engine_.find (remote_id_);
}

Hello PullPeer::make_hello (Link &l)
{
  return engine_.hello (type_of (l), session_key_, l.key (), entry_.guid);
}

void PullPeer::on_established (Link &l, const Hello &peer)
{
  if (peer.relay) {
    sources_.linked (type_of (l), l);
  } else if (Remote *r = engine_.attach (peer, origin_, l)) {
    remote_id_ = r->id;
    r->our_session_key = session_key_;
  } else {
    l.finish (ByeReason::stopping);
    return;
  }
  engine_.grant (l, type_of (l), engine_.window_);
  session_->connected (type_of (l), peer.session_key);
  if (session_->established ())
    backoff_.reset ();
  tell_events ();
  engine_.send_asks ();
}

void PullPeer::on_received (Link &l, Incoming m)
{
  if (m.header ().kind == Kind::answer)
    engine_.asks_->on_answer (m.body ());
  else if (m.header ().kind == Kind::notice)
    on_notice (l, m.body ());
  else if (l.core ().peer ().relay)
    sources_.on_received (type_of (l), l, std::move (m));
  else if (Remote *r = remote ())
    engine_.on_message (*r, l, std::move (m));
}

void PullPeer::on_notice (Link &l, Bytes body)
{
  if (auto notice = decode_notice (body))
    engine_.element_.on_server_notice (l.peer (), std::move (*notice));
}

void PullPeer::on_clock (Link &, const Ping &p)
{
  if (Remote *r = remote ())
    engine_.sample_clock (*r, p);
}

void PullPeer::on_streams (Link &link, const StreamList &l)
{
  if (Remote *r = remote ())
    engine_.update_streams (*r, l, type_of (link));
}

void PullPeer::on_ended (Link &l, const Link::End &end)
{
  const MediaType type = type_of (l);
  if (end.why != CloseReason::local)
    last_ = end;
  engine_.detach (l, end);
  engine_.asks_->link_ended (l);
  sources_.unlinked (type);
  engine_.loop_->destroy_later (std::move (links_[type]));
  links_.erase (type);
  if (session_->wants_close (type) || end.why == CloseReason::local)
    session_->closed (type, end.detail);
  else
    session_->failed (type, end.detail);
  tell_events ();
  close_wanted ();
  if (links_.empty ())
    schedule ();
}

// One channel is gone, so the session is: the others are closed too.
void PullPeer::close_wanted ()
{
  std::vector<Link *> closing;
  for (auto &[type, link] : links_)
    if (session_->wants_close (type))
      closing.push_back (link.get ());
  for (Link *l : closing)
    l->finish (ByeReason::closed_by_application);
}

void PullPeer::tell_events ()
{
  while (auto e = session_->poll_event ())
    engine_.element_.on_link_event (std::move (*e));
}

void PullPeer::schedule ()
{
  make_next_session ();
  engine_.send_asks (); // or say that there will be no answer
}

void PullPeer::make_next_session ()
{
  if (stopped_ || engine_.stopping_ || over_told_)
    return;
  over_told_ = true;
  Remote *r = remote ();
  if (r && r->all_eos () && !engine_.options_.keep_listening) {
    stopped_ = true; // the sender has ended all its streams: nothing more will come
    engine_.close_remote (r->id);
    return;
  }
  if (last_.for_good () || !engine_.settings_.reconnect) {
    stopped_ = true;
    engine_.element_.on_fatal (last_.refused ? CloseReason::unauthorized : last_.why,
        last_.for_good () ? origin_ + " refuses this receiver: " + last_.detail
                          : "Could not keep a session with " + origin_ + ": " + last_.detail,
        close_reason_name (last_.why));
    return;
  }
  const Duration wait = backoff_.next (static_cast<std::uint32_t> (new_key () * 2654435761u));
  retry_.arm (Clock::now () + std::max (wait, last_.least_wait ()));
}

void PullPeer::finish_all (ByeReason why)
{
  std::vector<Link *> all;
  for (auto &[type, link] : links_)
    all.push_back (link.get ());
  for (Link *l : all)
    l->finish (why);
}

void PullPeer::stop ()
{
  stopped_ = true;
  retry_.cancel ();
  finish_all (ByeReason::stopping);
}
} // namespace reach::cam
