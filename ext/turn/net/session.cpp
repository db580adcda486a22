// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's core on its loop: what comes, what it wants, and what others are told.
#include "session.h"
#include "hashes.h"
#include "socket_address.h"
#include <algorithm>

namespace reach::turn {
namespace {
constexpr std::uint32_t usual_lifetime = 600; // RFC 8656, 7.2
constexpr unsigned max_asked = 3;             // for credentials, one after the other
// Between two questions for the same reason: anybody can make such packets.
constexpr Duration doubt_rest = seconds (1);
constexpr Duration doubt_limit = seconds (2); // "nobody is there", without a word, until we believe
} // namespace

Session::Session (SessionSettings settings) : settings_ (std::move (settings)), loop_ ("turn")
{
  loop_.call ([this] {
    Config c = settings_.client;
    c.crypto = make_crypto ();
    c.heard = [this] (const stun::Message &m) {
      if (!listeners_.empty ())
        listeners_.front ()->on_message (false, m.bytes ());
    };
    c.amend = [this] (Bytes message) { return amended (message); };
    client_ = std::make_unique<Client> (std::move (c));
    if (settings_.client.relay == stun::Relay::tcp)
      streams_.reset (new PeerStreams (loop_, *this, *client_));
    timer_ = std::make_unique<Timer> (loop_.timers (), [this] {
      client_->timeout (Clock::now ());
      drain ();
    });
    open_timer_ = std::make_unique<Timer> (loop_.timers (), [this] { on_open_timer (); });
    watch_timer_ = std::make_unique<Timer> (loop_.timers (), [this] { watch_network (); });
  });
}

Session::~Session ()
{
  loop_.call ([this] {
    outlets_.clear ();
    wire_.reset ();
    resolve_.reset ();
    path_.reset ();
    nat_.reset ();
    timer_.reset ();
    open_timer_.reset ();
    watch_timer_.reset ();
    streams_.reset ();
    client_.reset ();
  });
}

// A handler of on_before_sign () runs in the middle of the client's work, and what it calls would
// run at once, as it is on the loop's thread. False: that is so, and nothing is done.
bool Session::enter (const Loop::Task &task)
{
  if (loop_.on_loop () && signing_)
    return false;
  loop_.call (task);
  return true;
}

void Session::enter_or_post (const Loop::Task &task)
{
  if (!enter (task))
    loop_.post (task);
}

void Session::start (Listener &l, std::span<const stun::Address> peers)
{
  loop_.call ([&] {
    const TimePoint now = Clock::now ();
    const bool first = listeners_.empty ();
    listeners_.push_back (&l);
    peers_[&l].assign (peers.begin (), peers.end ());
    if (first && !settings_.auth_secret.empty ())
      renew_credentials (now);
    ask_peers_now (peers);
    if (first && settings_.relay)
      client_->allocate (now);
    else if (first)
      open_path ();
    dirty_ = true;
    drain ();
  });
}

void Session::stop (Listener &l)
{
  bool last = false;
  loop_.call ([&] { last = listeners_.size () == 1; });
  if (last && streams_)
    finish_streams ();
  loop_.call ([&] {
    listeners_.remove (&l);
    last = listeners_.empty ();
    if (const auto own = peers_.extract (&l); own && !last)
      let_go (own.mapped ());
    if (!last)
      return;
    closed_.update ([] (bool &c) { c = false; }); // clear () may have been asked for before
    client_->close (Clock::now ());
    drain ();
    if (client_->state () == Client::State::idle)
      closed_.update ([] (bool &c) { c = true; });
  });
  if (!last)
    return;
  closed_.lock ().wait_until (Clock::now () + goodbye, [] (bool c) { return c; });
  loop_.call ([this] {
    resolve_.reset ();
    nat_.reset ();
    open_timer_->cancel ();
    timer_->cancel ();
    close_path ();
  });
}

std::shared_ptr<Outlet> Session::add_outlet (std::vector<stun::Address> peers)
{
  auto o = std::make_shared<Outlet> (std::move (peers));
  enter_or_post ([this, o] {
    outlets_.push_back (o);
    dirty_ = true;
    drain ();
  });
  return o;
}

void Session::remove_outlet (const std::shared_ptr<Outlet> &o)
{
  enter_or_post ([this, o] {
    std::erase (outlets_, o);
    if (listeners_.size () > 1) // else all of it ends, when it has been sent
      let_go (o->peers ());
  });
}

Session::Status Session::status ()
{
  return *status_.lock ();
}

bool Session::with_client (const std::function<void (Client &, TimePoint)> &f)
{
  return enter ([&] {
    f (*client_, Clock::now ());
    dirty_ = true;
    drain ();
  });
}

bool Session::send (Bytes header, Bytes payload, std::size_t padding)
{
  bool sent = false;
  enter ([&] {
    if (!path_ || !open_)
      return;
    std::vector<std::uint8_t> whole (header.begin (), header.end ());
    whole.insert (whole.end (), payload.begin (), payload.end ());
    whole.resize (whole.size () + padding);
    path_->send (whole);
    sent = true;
  });
  return sent;
}

void Session::on_path_open ()
{
  open_ = true;
  failures_ = 0;
  trouble_.clear (); // of what was tried before
  open_timer_->cancel ();
  doubt_since_ = TimePoint::max ();
  if (const int fd = path_->duplicate (); fd >= 0)
    wire_ = std::make_shared<const Wire> (fd);
  status_.lock ()->paths++;
  await_answer ();
  begin_watch ();
  client_->connected (from_socket (address_), Clock::now ());
  if (!settings_.relay)
    client_->binding_request (Clock::now ());
  dirty_ = true;
  drain ();
}

void Session::on_path_input (Bytes in)
{
  doubt_since_ = TimePoint::max ();
  if (std::exchange (unheard_, false))
    open_timer_->cancel ();
  if (!is_stream (client_->config ().transport))
    if (const auto d = client_->unwrap (in))
      return deliver (*d);
  client_->input (in, Clock::now ());
  drain ();
}

void Session::on_path_input_done ()
{
  for (Listener *l : listeners_)
    l->on_data_done ();
  status_.lock ()->stats = client_->stats ();
}

void Session::on_path_writable ()
{
  for (const auto &o : outlets_)
    send_queued_now (*o);
}

// One such word may be wrong, or a moment's. It makes us ask, and it is believed when it is all
// that comes for a while. Who has no allocation has nothing to lose: another address, or later.
void Session::on_path_doubt (int error)
{
  const TimePoint now = Clock::now ();
  if (!open_) {
    Path::Fault f{error};
    f.text = g_strerror (error);
    return on_path_closed (f);
  }
  if (client_->state () == Client::State::allocating && candidates_.size () > 1) {
    close_path ();
    give_up_address ();
    trouble_ = g_strerror (error);
    return connect_next ();
  }
  if (client_->state () != Client::State::allocated) {
    trouble_ = g_strerror (error);
    client_->disconnected (now);
  } else if (doubt_since_ == TimePoint::max ()) {
    if (now - doubted_at_ < doubt_rest)
      return;
    doubt_since_ = doubted_at_ = now;
    const std::uint32_t lifetime = client_->config ().lifetime;
    client_->refresh (lifetime > 0 ? lifetime : usual_lifetime, now);
  } else if (now - doubt_since_ >= doubt_limit) {
    doubt_since_ = TimePoint::max ();
    client_->disconnected (now);
  }
  drain ();
}

void Session::deliver (const Data &d)
{
  for (Listener *l : listeners_)
    l->on_data (d);
}

void Session::transmit (Bytes message)
{
  if (!path_ || !open_)
    return;
  for (Listener *l : listeners_)
    if (l->wants_before_send () && !l->on_before_send (message))
      return;
  if (!listeners_.empty ())
    listeners_.front ()->on_message (true, message);
  path_->send (message);
}

// Never from within itself: what handlers cause is done by the outer one.
void Session::drain ()
{
  if (std::exchange (draining_, true))
    return;
  for (bool more = true; more;) {
    more = false;
    while (const auto e = client_->poll_event ()) {
      handle (*e);
      more = true;
    }
    for (auto m = client_->poll_transmit (); !m.empty (); m = client_->poll_transmit ()) {
      transmit (m);
      more = true;
    }
    if (!more && std::exchange (dirty_, false)) {
      publish (); // which may ask for channels
      more = true;
    }
  }
  draining_ = false;
  status_.lock ()->stats = client_->stats ();
  if (const TimePoint due = client_->poll_timeout (); due != TimePoint::max ())
    timer_->arm (due);
  else
    timer_->cancel ();
}

void Session::handle (const Event &e)
{
  if (const auto *d = std::get_if<Data> (&e))
    return deliver (*d);
  if (std::holds_alternative<PathWanted> (e)) {
    dirty_ = true;
    return open_path ();
  }
  if (streams_)
    follow_streams (e);
  if (const auto *r = std::get_if<Redirected> (&e))
    redirect (*r);
  if (std::holds_alternative<CredentialsExpiring> (e)) {
    if (settings_.auth_secret.empty ())
      ask_credentials (CredentialsWanted{Why::expired, {}, {}});
    else
      renew_credentials (Clock::now ());
    return;
  }
  if (std::holds_alternative<Closed> (e))
    closed_.update ([] (bool &c) { c = true; });
  if (const auto *a = std::get_if<Allocated> (&e)) {
    addresses_.clear (); // this one is good
    candidates_.clear ();
    trouble_.clear ();
    asked_ = 0;
    auto s = status_.lock ();
    s->allocations++;
    s->reservation = a->reservation;
    s->mobile = a->mobile;
  }
  if (std::holds_alternative<AllocationLost> (e))
    status_.lock ()->losses++;
  if (const auto *f = std::get_if<Failed> (&e)) {
    if (f->why == Why::disconnected && !trouble_.empty ())
      return hopeless (Kind::connect, trouble_);
    if (!ask_credentials (*f))
      end (*f);
    return;
  }
  dirty_ = true;
  peers_dirty_ = true;
  publish (); // before anybody acts on the news
  for (Listener *l : listeners_)
    l->on_event (e);
}

void Session::end (const Failed &f)
{
  ended_ = true;
  for (Listener *l : listeners_)
    l->on_event (f);
  publish (); // after them: it ends streaming, and the reason is to be known first
}

void Session::publish ()
{
  std::shared_ptr<const Client::PeerList> peers;
  if (std::exchange (peers_dirty_, false))
    peers = std::make_shared<const Client::PeerList> (client_->peers ());
  {
    auto s = status_.lock ();
    if (peers)
      s->peers = std::move (peers);
    s->state = client_->state ();
    s->relayed = client_->relayed ();
    s->mapped = client_->mapped ();
    s->server = client_->server ();
    s->expires = client_->expires ();
    s->updated = client_->updated ();
    s->refresh_at = client_->refresh_at ();
    s->local = path_ && open_ ? from_socket (path_->local ()) : stun::Address{};
    s->streams = streams_ ? streams_->open () : 0;
  }
  for (const auto &o : outlets_)
    publish_to (*o, Clock::now ());
}

void Session::publish_to (Outlet &o, TimePoint now)
{
  Outlet::Table t;
  t.transport = client_->config ().transport;
  t.wire = wire_;
  t.by_buffer = o.by_buffer ();
  if (streams_)
    t.streams = streams_->queues ();
  std::size_t known = 0;
  for (const stun::Address &peer : o.peers ()) {
    const std::size_t at = static_cast<std::size_t> (&peer - o.peers ().data ());
    const auto index = static_cast<std::uint16_t> (o.by_buffer () ? at : 0); // of Outlet::used ()
    if (streams_) {
      add_streams (t, peer);
      while (known < t.targets.size ())
        t.targets[known++].index = index;
      continue;
    }
    Outlet::Target &to = t.targets.emplace_back ();
    to.peer = peer;
    to.index = index;
    const Client::Wrapped w = client_->wrap (peer, 0, to.header, now);
    to.route = w.route;
    to.size = static_cast<std::uint8_t> (w.header);
  }
  t.state = outlet_state (o, t);
  o.publish (std::move (t));
}

Outlet::State Session::outlet_state (const Outlet &o, const Outlet::Table &t) const
{
  using State = Outlet::State;
  if (ended_)
    return State::ended;
  const bool was_ready = o.last () != State::opening;
  if (client_->state () != Client::State::allocated)
    return was_ready ? State::lost : State::opening;
  if (t.streams && !was_ready && !t.targets.empty () &&
      std::ranges::all_of (
          t.targets, [] (const auto &x) { return x.route == Client::Route::pending; }))
    return State::opening;
  const bool comes = !t.streams && std::ranges::any_of (t.targets, [] (const auto &x) {
    return x.route == Client::Route::pending;
  });
  return comes && !was_ready ? State::opening : State::ready;
}

void Session::report_doubt (int error)
{
  if (!doubted_.exchange (true))
    loop_.post ([this, error] {
      doubted_ = false;
      if (path_)
        on_path_doubt (error);
    });
}

void Session::send_queued (std::shared_ptr<Outlet> o)
{
  loop_.post ([this, o = std::move (o)] { send_queued_now (*o); });
}

void Session::send_queued_now (Outlet &o)
{
  if (!path_ || !open_)
    return o.discard (); // and be called again for what comes later
  if (path_->congested ())
    return; // on_path_writable () follows
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint32_t> sizes;
  if (!o.take (bytes, sizes))
    return;
  if (is_stream (client_->config ().transport))
    return path_->send_frames (slice_of (std::move (bytes)));
  std::size_t at = 0;
  for (const std::uint32_t size : sizes) {
    path_->send (Bytes (bytes).subspan (at, size));
    at += size;
  }
}
} // namespace reach::turn
