// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sender_engine.h"
#include "cam/proto/source.h"
#include <algorithm>

namespace reach::cam {
namespace {
// The streaming threads' messages that the loop has not seen yet.
constexpr Duration high_rate_rest = microseconds (500), high_rate_memory = milliseconds (20);
constexpr Duration drop_report = milliseconds (200);
constexpr std::size_t inbox_limit = 64u << 20;
// Over HTTP a bye is a request, with a round trip or two before its answer.
constexpr Duration goodbye_limit = milliseconds (500);
} // namespace

SenderEngine::SenderEngine (Element &element, Settings settings, Identity identity)
    : element_ (element), settings_ (std::move (settings)), identity_ (std::move (identity)),
      loop_ (std::make_unique<Loop> ("cam-sender"))
{
  keys_ = std::make_unique<KeyRequests> (loop_->timers (), [this] (std::uint16_t stream) {
    counters_.key_requests++;
    element_.on_key_unit_wanted (stream);
  });
  unheard_ = std::make_unique<Timer> (
      loop_->timers (), [this] { element_.on_unheard (server_, identity_); });
  grace_ = std::make_unique<Timer> (loop_->timers (), [this] {
    // Once: go on without those that have no caps. Twice: nobody has, and the peers' patience ends.
    welcome_anyway_ = grace_over_;
    grace_over_ = true;
    streams_maybe_known ();
  });
  loop_->call (
      [this] { rest_ = std::make_unique<WakeTimer> (*loop_, [this] { drain_and_rest (); }); });
  drops_ = std::make_unique<Timer> (loop_->timers (), [this] { tell_drops (); });
  deliveries_ = std::make_unique<Deliveries> (*loop_, settings_, element_);
  asks_ = std::make_unique<Asks> (loop_->timers (), settings_.timeout (MediaType::command));
  if (settings_.mode == Mode::caller)
    for (std::size_t i = 0; i < n_media_types; i++)
      channels_[i] = std::make_unique<PushChannel> (*this, static_cast<MediaType> (i));
}

SenderEngine::~SenderEngine ()
{
  loop_->call ([this] {
    stopping_ = true;
    acceptor_.reset ();
    for (auto &c : channels_)
      if (c)
        c->stop ();
    for (const auto &s : subscribers_)
      s->stop ();
  });
  say_goodbye ();
  // The byes are out; whoever does not take them gets a reset. No peer can hold this up.
  loop_->call ([this] {
    deliveries_->stop ();
    for (auto &v : listeners_)
      v.clear ();
    for (auto &c : channels_)
      c.reset ();
    subscribers_.clear ();
    asks_.reset ();
    tell_drops ();
    drops_.reset ();
    rest_.reset ();
    deliveries_.reset ();
    grace_.reset ();
    unheard_.reset ();
    keys_.reset ();
  });
  loop_.reset ();
}

// TCP and UDP have given theirs to the kernel already.
void SenderEngine::say_goodbye ()
{
  if (settings_.mode != Mode::caller || settings_.protocol != Protocol::http)
    return;
  wait_until (
      goodbye_limit, [] { return false; },
      [this] {
        return std::none_of (
            channels_.begin (), channels_.end (), [] (const auto &c) { return c->open (); });
      });
}

void SenderEngine::start ()
{
  loop_->call ([this] {
    started_ = true;
    if (const int fd = bound_.take (); fd >= 0)
      acceptor_ = Acceptor::make (*loop_, storage_, settings_, fd, LinkRole::sender,
          [this] (std::unique_ptr<Transport> t) { accept_transport (std::move (t)); });
    for (auto &c : channels_)
      if (c)
        c->pump ();
  });
}

void SenderEngine::accept_transport (std::unique_ptr<Transport> t)
{
  if (subscribers_.size () >= settings_.max_links) {
    counters_.refused++;
    return; // closes it
  }
  auto s = std::make_unique<Subscriber> (*this, std::move (t));
  Subscriber *p = s.get ();
  subscribers_.insert (std::move (s));
  p->start ();
}

void SenderEngine::subscriber_ended (Subscriber *s)
{
  for (auto &v : listeners_)
    v.erase (std::remove (v.begin (), v.end (), s), v.end ());
  const auto it = std::find_if (
      subscribers_.begin (), subscribers_.end (), [s] (const auto &p) { return p.get () == s; });
  if (it != subscribers_.end ())
    loop_->destroy_later (std::move (subscribers_.extract (it).value ()));
  tell_drained ();
}

std::uint16_t SenderEngine::add_stream (MediaType type, std::uint16_t index)
{
  const std::uint16_t id = next_stream_++;
  loop_->post ([this, id, type, index] {
    StreamInfo info;
    info.id = id;
    info.type = type;
    info.index = index;
    streams_[id] = info;
    tell_streams ();
  });
  return id;
}

void SenderEngine::remove_stream (std::uint16_t id)
{
  loop_->post ([this, id] {
    streams_.erase (id);
    keys_->forget (id);
    tell_streams ();
  });
}

void SenderEngine::set_stream_id (std::uint16_t id, std::string stream_id)
{
  loop_->post ([this, id, text = std::move (stream_id)] {
    const auto it = streams_.find (id);
    if (it == streams_.end () || it->second.stream_id == text)
      return;
    it->second.stream_id = text;
    tell_streams ();
  });
}

void SenderEngine::ask (Command what, AskDone done)
{
  if (settings_.mode == Mode::listener)
    return done (AskReply::no_server ());
  if (!asks_->enter ())
    return done (AskReply::too_many ());
  loop_->post ([this, w = std::move (what), d = std::move (done)] {
    asks_->push (w, d);
    channel (MediaType::command).pump ();
    streams_maybe_known ();
  });
}

void SenderEngine::set_identity (Identity identity)
{
  loop_->post ([this, i = std::move (identity)] {
    identity_ = i;
    for (auto &c : channels_)
      if (c)
        c->remake ();
  });
}

void SenderEngine::clock_changed ()
{
  loop_->post ([this] {
    epoch_++;
    for (auto &c : channels_)
      if (c && c->link ())
        c->link ()->clock_changed ();
    for (auto &v : listeners_)
      for (Subscriber *s : v)
        s->link ().clock_changed ();
  });
}

bool SenderEngine::push (MessageRef m)
{
  const std::size_t size = m->size ();
  bool first = false;
  const bool taken = inbox_.update ([&] (Inbox &i) {
    if (i.bytes + size > inbox_limit && !i.messages.empty ())
      return false;
    first = !std::exchange (i.scheduled, true);
    i.bytes += size;
    i.messages.push_back (std::move (m));
    return true;
  });
  if (!taken)
    overflow_++;
  // At high rates waking the loop for each message costs more than the message. So when several
  // have come together lately, the loop is told to look after a short rest, and sends at once all
  // that came. Slow streams are never delayed.
  if (first && Clock::now () < high_rate_until_.load ())
    rest_->arm (high_rate_rest);
  else if (first)
    loop_->post ([this] { drain_and_rest (); });
  return taken;
}

void SenderEngine::drain_and_rest ()
{
  constexpr std::size_t several = 3;
  if (drain_inbox () >= several)
    high_rate_until_ = Clock::now () + high_rate_memory;
  const bool more = inbox_.update ([] (Inbox &i) {
    i.scheduled = !i.messages.empty ();
    return i.scheduled;
  });
  if (more)
    rest_->arm (high_rate_rest);
}

std::size_t SenderEngine::drain_inbox ()
{
  std::vector<MessageRef> &messages = taken_; // keeps its memory from one time to the next
  inbox_.update ([&] (Inbox &i) {
    messages.swap (i.messages);
    i.bytes = 0;
  });
  std::uint8_t touched = 0;
  const TimePoint now = Clock::now ();
  bool sticky = false;
  for (MessageRef &m : messages) {
    touched |= type_bit (m->type);
    if (m->header.kind != Kind::frame) {
      note_sticky (*m);
      sticky = true;
    }
    if (settings_.mode == Mode::caller)
      channel (m->type).push (std::move (m), now);
  }
  // One after the other, each with all there is: what a write needs is in the cache once.
  for (std::size_t t = 0; t < n_media_types; t++)
    if (touched & (1u << t))
      for (Subscriber *s : listeners_[t])
        s->push (messages);
  // A frame tells nothing about the streams, and asks for a link only where we make the links.
  if (sticky || settings_.mode == Mode::caller)
    streams_maybe_known ();
  for (std::size_t t = 0; t < n_media_types; t++) {
    if (!(touched & (1u << t)))
      continue;
    if (channels_[t])
      channels_[t]->pump ();
    if (waiting_ > 0 && settings_.mode == Mode::listener && drained (static_cast<MediaType> (t)))
      tell_drained ();
  }
  const std::size_t n = messages.size ();
  messages.clear ();
  return n;
}

void SenderEngine::link_ended (const Link::End &end)
{
  unheard_->cancel ();
  counters_.closed[static_cast<std::size_t> (end.why)]++;
  (end.was_established ? counters_.breaks : counters_.failures)++;
}

void SenderEngine::on_notice (const std::string &peer, Bytes body)
{
  constexpr Duration patience = seconds (3); // a receiver may be on its way too
  const auto notice = decode_notice (body);
  if (!notice || notice->name != "receivers" || notice->parameters.empty ())
    return;
  const bool *any = std::get_if<bool> (&notice->parameters[0].value);
  if (!any || *any)
    return unheard_->cancel ();
  server_ = peer;
  unheard_->arm (Clock::now () + patience);
}

void SenderEngine::report_drops (MediaQueue &queue, MediaType type)
{
  while (const auto stream = queue.poll_key_request ())
    keys_->request (*stream);
  MediaQueue::Stats delta;
  if (!queue.poll_dropped (delta))
    return;
  auto &sum = counters_.dropped[static_cast<std::size_t> (type)];
  sum.frames_dropped += delta.frames_dropped;
  sum.bytes_dropped += delta.bytes_dropped;
  sum.gops_dropped += delta.gops_dropped;
  if (!drops_->armed ())
    drops_->arm (Clock::now () + drop_report);
}

// A slow link drops at the frame rate; the application is told of it some times a second.
void SenderEngine::tell_drops ()
{
  for (std::size_t t = 0; t < n_media_types; t++) {
    const MediaQueue::Stats &now = counters_.dropped[t], &told = told_drops_[t];
    if (now.frames_dropped == told.frames_dropped)
      continue;
    MediaQueue::Stats delta;
    delta.frames_dropped = now.frames_dropped - told.frames_dropped;
    delta.bytes_dropped = now.bytes_dropped - told.bytes_dropped;
    delta.gops_dropped = now.gops_dropped - told.gops_dropped;
    told_drops_[t] = now;
    element_.on_dropped (static_cast<MediaType> (t), delta);
  }
}

bool SenderEngine::drained (MediaType t) const
{
  if (settings_.mode == Mode::caller)
    return channels_[static_cast<std::size_t> (t)]->drained ();
  const auto &v = listeners_[static_cast<std::size_t> (t)];
  return std::all_of (v.begin (), v.end (), [] (Subscriber *s) { return s->drained (); });
}

bool SenderEngine::wait_drained (
    MediaType type, Duration limit, const std::function<bool ()> &cancelled)
{
  return wait_until (limit, cancelled, [this, type] {
    drain_inbox ();
    return drained (type);
  });
}

bool SenderEngine::wait_until (
    Duration limit, const std::function<bool ()> &cancelled, const std::function<bool ()> &holds)
{
  struct Waiting {
    std::atomic<int> &n;
    explicit Waiting (std::atomic<int> &count) : n (count) { n++; }
    ~Waiting () { n--; }
  } counted (waiting_);
  const TimePoint deadline = Clock::now () + limit;
  while (true) {
    const int seen = *drained_.lock ();
    bool done = false;
    loop_->call ([&] { done = holds (); });
    if (done)
      return true;
    if (cancelled () || Clock::now () >= deadline)
      return false;
    // A transport empties without a word of its own (the kernel's buffer, acknowledgements): look
    // again.
    drained_.lock ().wait_until (std::min (deadline, Clock::now () + milliseconds (5)),
        [&] (const int &r) { return r != seen; });
  }
}

SenderEngine::Snapshot SenderEngine::snapshot ()
{
  Snapshot out;
  loop_->call ([&] {
    out = counters_;
    out.overflow = overflow_;
    out.commands_timed_out = deliveries_->timed_out (MediaType::command);
    out.files_timed_out = deliveries_->timed_out (MediaType::file);
    const auto add = [&] (Link &l, MediaQueue &q, MediaType t) {
      const Hello &p = l.core ().peer ();
      out.links.push_back ({t, l.peer (), p.guid, p.session_key, l.stats (), l.security (),
          q.stats (), q.bytes (), q.count ()});
      out.open_channels += l.core ().established ();
      out.bandwidth += l.stats ().bandwidth;
    };
    for (std::size_t i = 0; i < n_media_types; i++) {
      if (channels_[i] && channels_[i]->link ())
        add (*channels_[i]->link (), channels_[i]->queue (), static_cast<MediaType> (i));
      for (Subscriber *s : listeners_[i])
        if (s->queue ())
          add (s->link (), *s->queue (), static_cast<MediaType> (i));
    }
  });
  return out;
}
} // namespace reach::cam
