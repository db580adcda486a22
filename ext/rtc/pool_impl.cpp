// SPDX-License-Identifier: LGPL-2.1-or-later
// An rtcpool's life, and its members.
#include "pool_impl.h"
#include "peer_statistics.h"
#include "pool_pad.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr Duration goodbye_time = milliseconds (500);
// Less glare: who joins lets those who were there before begin. They wait, too, for clients that
// offer as soon as they have joined, as RTCPool's do: Chromium finds no candidates where an offer
// arrives while it makes its first one.
constexpr Duration joiner_waits = milliseconds (300), others_wait = milliseconds (100);
} // namespace

PoolImpl::PoolImpl (GstElement *e)
    : BinHost (e), inputs_ (*this, [this] { update_inputs (); }),
      data_ (
          *this,
          [this] (PeerData::Task task) {
            if (loop ())
              loop ()->post ([this, task = std::move (task)] {
                for (const auto &[id, m] : members_)
                  task (*m->session);
              });
          },
          false)
{
}

PoolImpl::~PoolImpl ()
{
  dispose ();
  flush_loop ();
}

void PoolImpl::dispose ()
{
  release ();
  inputs_.release_all ();
}

bool PoolImpl::prepare ()
{
  take_threads ();
  const PoolSettings s = *settings.lock ();
  PeerConfig config;
  if (!make_peer_config (element_, s, *threads_, config))
    return false;
  loop ()->call ([&] { config_ = std::move (config); });
  begin_run ();
  return true;
}

void PoolImpl::begin_run ()
{
  status_.update ([] (PoolStatus &s) { s = {}; });
  start_run ();
  loop ()->call ([this] { pads_ = std::make_shared<std::size_t> (0); });
}

bool PoolImpl::start ()
{
  const PoolSettings s = *settings.lock ();
  std::string error;
  loop ()->call ([&] {
    signaller_ = PoolSignaller::make (*loop (), *this,
        {s.signalling_uri, s.pool, s.version, s.signalling_token, s.tls_ca_file, s.tls_verify},
        error);
  });
  if (error.empty ())
    return true;
  GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
      ("The pool cannot be joined: %s. Look at signalling-uri, pool and protocol-version.",
          error.c_str ()),
      (nullptr));
  return false;
}

void PoolImpl::stop ()
{
  if (!run ())
    return;
  end_run ();
  begin_run ();
}

void PoolImpl::end_run ()
{
  silence_run ();
  auto left = std::make_shared<std::promise<void>> ();
  std::vector<std::shared_ptr<MediaOutputs>> outputs;
  loop ()->call ([&] {
    remove_all ();
    outputs.swap (all_outputs_);
    if (!signaller_)
      return left->set_value ();
    signaller_->leave ([left] { left->set_value (); });
  });
  left->get_future ().wait_for (goodbye_time);
  loop ()->call ([&] { signaller_.reset (); });
  for (const auto &o : outputs)
    o->end ();
  data_.remove_src_pads ();
  drop_run ();
}

void PoolImpl::release ()
{
  if (run ())
    end_run ();
}

void PoolImpl::apply_settings ()
{
  const PoolSettings s = *settings.lock ();
  inputs_.configure ({s.min_bitrate, s.max_bitrate, s.adapt});
  if (!loop ())
    return;
  loop ()->post ([this, s] {
    config_.receiving.latency = milliseconds (s.latency);
    for (const auto &[id, m] : members_) {
      m->outputs->set_latency (milliseconds (s.latency));
      m->session->connection ().set_latency (milliseconds (s.latency));
      m->session->connection ().set_bitrate_limits (
          std::min (s.min_bitrate, s.max_bitrate), s.max_bitrate);
    }
  });
}

GstPad *PoolImpl::request_pad (GstPadTemplate *templ, const char *name)
{
  if (g_str_has_prefix (GST_PAD_TEMPLATE_NAME_TEMPLATE (templ), "data"))
    return data_.request_pad (templ, name, false);
  GstPad *pad = inputs_.request (templ, name, media_kind_of (templ));
  apply_settings ();
  return pad;
}

bool PoolImpl::release_pad (GstPad *pad)
{
  if (data_.release_pad (pad))
    return true;
  return inputs_.release (pad, [this] (const MediaSource *source) {
    for (const auto &[id, m] : members_)
      m->session->remove_input (source);
  });
}

// Members

void PoolImpl::add_member (const std::string &id, const std::string &description, bool polite)
{
  const PoolSettings s = *settings.lock ();
  auto m = std::make_unique<Member> ();
  m->id = id;
  m->description = description;
  m->polite = polite;
  m->bitrate = config_.sending.congestion.start;
  PeerConfig config = config_;
  m->session = std::make_unique<PeerSession> (*loop (), *this, std::move (config),
      polite ? PeerSession::Mode::polite : PeerSession::Mode::impolite);
  m->session->wait_before_offer (polite ? joiner_waits : others_wait);
  m->outputs = std::make_shared<MediaOutputs> (*this,
      MediaOutputs::Options{milliseconds (s.latency), s.depayload, false, pads_},
      [] (GstPad *pad, const MediaOutputs::Described &d) {
        pool_pad_set (
            pad, d.peer, d.mid, d.kind == MediaKind::audio ? "audio" : "video", d.description);
      });
  m->outputs->set_peer (id, description);
  all_outputs_.push_back (m->outputs);
  Member &added = *m;
  members_[id] = std::move (m);
  update_status ();
  tell ("peer-added", gst_structure_new ("rtc-pool-peer-added", "peer-id", G_TYPE_STRING,
                          id.c_str (), "polite", G_TYPE_BOOLEAN, polite, nullptr));
  data_.open (*added.session);
  update_inputs (added);
}

void PoolImpl::end_member (std::unique_ptr<Member> m)
{
  m->session->close ();
  m->outputs->leave ();
  tell ([this, o = m->outputs] {
    o->end ();
    if (loop ())
      loop ()->post ([this, o] { std::erase (all_outputs_, o); });
  });
  // It may be that it is it who calls.
  loop ()->destroy_later (std::move (m->session));
}

void PoolImpl::remove_member (std::string id)
{
  const auto at = members_.find (id);
  if (at == members_.end ())
    return;
  auto m = std::move (at->second);
  members_.erase (at);
  end_member (std::move (m));
  update_status (); // who is told looks at it
  tell ("peer-closed",
      gst_structure_new ("rtc-pool-peer-closed", "peer-id", G_TYPE_STRING, id.c_str (), nullptr));
  share_bitrate ();
}

void PoolImpl::remove_all ()
{
  while (!members_.empty ())
    remove_member (members_.begin ()->first);
}

PoolImpl::Member *PoolImpl::find (const std::string &id)
{
  const auto at = members_.find (id);
  return at == members_.end () ? nullptr : at->second.get ();
}

PoolImpl::Member *PoolImpl::find (const PeerSession &session)
{
  for (const auto &[id, m] : members_)
    if (m->session.get () == &session)
      return m.get ();
  return nullptr;
}

void PoolImpl::update_inputs ()
{
  for (const auto &[id, m] : members_)
    update_inputs (*m);
}

void PoolImpl::update_inputs (Member &m)
{
  m.session->set_hold (true);          // one offer for all of them
  const bool ready = inputs_.ready (); // by now: what is ready only after the update was left out
  inputs_.update (*m.session,
      {.one_codec = true, .stream = id_, .mute_video = m.mute_video, .mute_audio = m.mute_audio});
  m.session->set_hold (!ready);
}

// Encoders are for all: they follow the slowest of those who have at least `min-bitrate`; who has
// less is sent key frames alone, until it has a quarter more, as the change costs all a key frame.
// Where nobody has as much all get everything, of the least that encoders make.
void PoolImpl::share_bitrate ()
{
  const PoolSettings set = *settings.lock ();
  const double min = set.min_bitrate, enough = std::min (1.25 * min, double (set.max_bitrate));
  double slowest = 0;
  bool connected = false;
  for (const auto &[id, m] : members_) {
    m->slow = m->connected && (m->bitrate <= min || (m->slow && m->bitrate < enough));
    connected |= m->connected;
    if (m->connected && !m->slow && (slowest == 0 || m->bitrate < slowest))
      slowest = m->bitrate;
  }
  for (const auto &[id, m] : members_)
    m->session->connection ().set_keyframes_only (m->slow && slowest > 0);
  if (connected)
    inputs_.set_bitrate (static_cast<unsigned> (std::min (slowest > 0 ? slowest : min, 4e9)));
}

void PoolImpl::update_status ()
{
  PoolStatus now;
  now.id = id_;
  now.pool = pool_;
  for (const auto &[id, m] : members_)
    now.connections.push_back ({id, m->description, m->session->connection ().state (), m->polite,
        static_cast<guint> (std::min (m->bitrate, 4e9))});
  bool count = false;
  status_.update ([&] (PoolStatus &s) {
    count = s.connections.size () != now.connections.size ();
    s = std::move (now);
  });
  if (count)
    notify ("n-connections");
}

// What the application asks for

void PoolImpl::join (const std::string &pool)
{
  settings.lock ()->pool = pool;
  if (loop ())
    loop ()->post ([this, pool] {
      if (signaller_)
        signaller_->join (pool);
    });
}

void PoolImpl::leave ()
{
  if (loop ()) {
    leaves_asked_++;
    loop ()->post ([this] {
      leaves_done_++;
      remove_all ();
      id_.clear ();
      update_status ();
      if (signaller_)
        signaller_->leave ([] {});
    });
  }
}

void PoolImpl::restart_ice (const std::string &peer)
{
  if (loop ())
    loop ()->post ([this, peer] {
      for (const auto &[id, m] : members_)
        if (peer.empty () || id == peer)
          m->session->restart_ice ();
    });
}

bool PoolImpl::send_app_message (const std::string &type, const std::string &json)
{
  bool sent = false;
  if (loop ())
    loop ()->call ([&] { sent = signaller_ && signaller_->send_app_message (type, json); });
  return sent;
}

void PoolImpl::receive (const std::string &type, const std::string &json)
{
  if (loop ())
    loop ()->post ([this, type, json] {
      if (signaller_)
        signaller_->receive (type, json);
    });
}

std::string PoolImpl::description (const std::string &peer)
{
  const auto s = status_.lock ();
  for (const PoolStatus::Connection &c : s->connections)
    if (c.peer == peer)
      return c.description;
  return {};
}

bool PoolImpl::mute_peer (const std::string &peer, MediaKind kind, bool on)
{
  bool there = false;
  if (loop ())
    loop ()->call ([&] {
      Member *m = find (peer);
      if (!m)
        return;
      there = true;
      (kind == MediaKind::audio ? m->mute_audio : m->mute_video) = on;
      update_inputs (*m);
    });
  return there;
}

GstStructure *PoolImpl::statistics (const std::string &peer)
{
  GstStructure *s = nullptr;
  if (loop ())
    loop ()->call ([&] {
      if (Member *m = find (peer))
        s = peer_statistics (*m->session);
    });
  return s;
}

Ref<GstWebRTCDataChannel> PoolImpl::create_data_channel (
    const std::string &peer, const char *label, const GstStructure *options)
{
  std::string why;
  Ref<GstWebRTCDataChannel> channel;
  const auto config = channel_config (label, options, why);
  if (config && loop ())
    channel = data_channel_new (*config, threads_->signals (), why);
  bool done = false;
  if (channel && loop ())
    loop ()->call ([&] {
      Member *m = find (peer);
      if (!m)
        return;
      m->session->negotiator ().add_data_channel ();
      m->session->connection ().data ().create (*config, data_channel_ends (channel.get ()));
      m->session->connection ().changed ();
      done = true;
    });
  if (!done)
    GST_WARNING_OBJECT (element_, "no data channel to \"%s\": %s", peer.c_str (), why.c_str ());
  return done ? channel : Ref<GstWebRTCDataChannel> ();
}
} // namespace reach::rtc
