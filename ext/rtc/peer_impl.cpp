// SPDX-License-Identifier: LGPL-2.1-or-later
// An rtcpeer's life.
#include "peer_impl.h"
#include "peer_pads.h"

namespace reach::rtc {
namespace {
constexpr Duration goodbye_time = milliseconds (500);
} // namespace

PeerImpl::PeerImpl (GstElement *e)
    : BinHost (e), inputs_ (*this, [this] { update_inputs (); }),
      data_ (
          *this, [this] (PeerData::Task task) { post (std::move (task)); }, true)
{
}

PeerImpl::~PeerImpl ()
{
  dispose ();
  flush_loop ();
}

void PeerImpl::set_playing (bool playing)
{
  data_.set_playing (playing);
}

void PeerImpl::dispose ()
{
  release ();
  inputs_.release_all ();
}

bool PeerImpl::prepare ()
{
  take_threads ();
  const ConnectionSettings s = *settings.lock ();
  if (!s.dtls && inputs_.size () > 0) {
    GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
        ("Without DTLS there are only datagrams: media need dtls=true."), (nullptr));
    return false;
  }
  PeerConfig config;
  if (!make_peer_config (element_, s, *threads_, config))
    return false;
  loop ()->call ([&] { config_ = std::move (config); });
  begin_run ();
  return true;
}

// Where the application signals there is a session from READY on, so that it can be told of data
// channels and transceivers before anything starts.
void PeerImpl::begin_run ()
{
  status_.update ([] (PeerStatus &st) { st = {}; });
  start_run ();
  const ConnectionSettings s = *settings.lock ();
  const bool own = !s.signalling_uri.empty ();
  loop ()->call ([&] {
    used_ = false;
    // Pads of a peer that will be followed by another stay.
    outputs_ = std::make_shared<MediaOutputs> (*this,
        MediaOutputs::Options{milliseconds (s.latency), s.depayload, own, nullptr},
        [] (GstPad *pad, const MediaOutputs::Described &d) {
          peer_src_pad_set (pad, d.mid, d.rid);
        });
    if (!own)
      make_session (PeerSession::Mode::application);
  });
}

bool PeerImpl::start ()
{
  const ConnectionSettings s = *settings.lock ();
  if (s.signalling_uri.empty ())
    return true;
  std::string error;
  loop ()->call ([&] {
    signaller_ = Signaller::make (*loop (), *this,
        {s.signalling_uri, s.signalling_token, s.tls_ca_file, s.tls_verify}, error);
  });
  if (error.empty ())
    return true;
  GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS,
      ("The signalling-uri cannot be used: %s.", error.c_str ()), (nullptr));
  return false;
}

void PeerImpl::stop ()
{
  if (!run ())
    return;
  end_run ();
  begin_run ();
}

void PeerImpl::end_run ()
{
  silence_run ();
  auto left = std::make_shared<std::promise<void>> ();
  std::shared_ptr<MediaOutputs> outputs;
  loop ()->call ([&] {
    end_session ();
    outputs = std::move (outputs_);
    if (!signaller_)
      return left->set_value ();
    signaller_->goodbye ([left] { left->set_value (); });
  });
  // So that the other side knows, even when the process ends now; a server that hangs is not
  // waited for.
  left->get_future ().wait_for (goodbye_time);
  loop ()->call ([&] { signaller_.reset (); });
  outputs->end ();
  data_.remove_src_pads ();
  forget_transceivers ();
  drop_run ();
}

void PeerImpl::release ()
{
  if (run ())
    end_run ();
}

// The first offer has all there is: media, data channels, and what `prepare` adds.
void PeerImpl::make_session (
    PeerSession::Mode mode, const std::function<void (PeerSession &)> &prepare)
{
  end_session ();
  PeerConfig config = config_;
  config.ice.ask_bindings = g_signal_has_handler_pending (
      element_, g_signal_lookup ("binding-request", G_OBJECT_TYPE (element_)), 0, FALSE);
  session_ = std::make_unique<PeerSession> (*loop (), *this, std::move (config), mode);
  connected_told_ = silent_ = needed_ = false;
  PeerSession &session = *session_;
  session.set_hold (true);
  data_.open (session);
  if (prepare)
    prepare (session);
  update_inputs ();
}

void PeerImpl::end_session ()
{
  if (!session_)
    return;
  ending_session_ = true;
  session_->close ();
  ending_session_ = false;
  outputs_->leave ();
  // It may be that it is it who calls.
  loop ()->destroy_later (std::move (session_));
}

bool PeerImpl::post (Task what)
{
  if (!loop ())
    return false;
  loop ()->post ([this, what = std::move (what)] {
    if (session_)
      what (*session_);
  });
  return true;
}

bool PeerImpl::call (const Task &what)
{
  bool done = false;
  if (loop ())
    loop ()->call ([&] {
      if (!session_)
        return;
      what (*session_);
      done = true;
    });
  return done;
}

void PeerImpl::apply_settings ()
{
  const ConnectionSettings s = *settings.lock ();
  inputs_.configure ({s.min_bitrate, s.max_bitrate, s.adapt});
  if (!loop ())
    return;
  loop ()->post ([this, s] {
    config_.receiving.latency = milliseconds (s.latency);
    if (outputs_)
      outputs_->set_latency (milliseconds (s.latency));
    if (!session_)
      return;
    session_->connection ().set_latency (milliseconds (s.latency));
    session_->connection ().set_bitrate_limits (
        std::min (s.min_bitrate, s.max_bitrate), s.max_bitrate);
  });
}

// Pads

namespace {
// Of sink_%u, as webrtcbin has it, only RTP caps say what they are for.
std::optional<MediaKind> kind_of_rtp (const GstCaps *caps)
{
  const char *media = caps && !gst_caps_is_any (caps) && !gst_caps_is_empty (caps)
                          ? gst_structure_get_string (gst_caps_get_structure (caps, 0), "media")
                          : nullptr;
  if (g_strcmp0 (media, "video") == 0)
    return MediaKind::video;
  if (g_strcmp0 (media, "audio") == 0)
    return MediaKind::audio;
  g_warning ("rtcpeer has to know what a pad is for: request video_%%u or audio_%%u, or sink_%%u "
             "with application/x-rtp, media=video or audio");
  return {};
}
} // namespace

GstPad *PeerImpl::request_pad (GstPadTemplate *templ, const char *name, const GstCaps *caps)
{
  const char *kind = GST_PAD_TEMPLATE_NAME_TEMPLATE (templ);
  if (g_str_has_prefix (kind, "data"))
    return data_.request_pad (templ, name, g_str_equal (kind, "datagram"));
  if (loop () && !settings.lock ()->dtls) {
    tell_warning ("Without DTLS there are only datagrams: no pad of media.");
    return nullptr;
  }
  const auto media =
      g_str_has_prefix (kind, "sink") ? kind_of_rtp (caps) : std::optional (media_kind_of (templ));
  if (!media)
    return nullptr;
  GstPad *pad = inputs_.request (templ, name, *media);
  apply_settings ();
  return pad;
}

bool PeerImpl::release_pad (GstPad *pad)
{
  if (data_.release_pad (pad))
    return true;
  return inputs_.release (pad, [this] (const MediaSource *source) {
    if (session_)
      session_->remove_input (source);
  });
}

// Those whose formats are not known yet hold the session back: an offer should have them all.
// Where the application offers, it sees the transceivers at once.
void PeerImpl::update_inputs ()
{
  if (!session_)
    return;
  const std::string uri = settings.lock ()->signalling_uri;
  const Direction direction = uri.starts_with ("whip") ? Direction::sendonly : Direction::sendrecv;
  // A handler of the application may end the run in these, and the session with it, which lives on
  // until they have returned.
  PeerSession &session = *session_;
  session.set_hold (true);             // one offer for all of them
  const bool ready = inputs_.ready (); // by now: what is ready only after the update was left out
  inputs_.update (session, {.early = uri.empty (), .direction = direction, .stream = "reach"});
  session.set_hold (!ready);
  if (ready && needed_)
    negotiation_needed ();
  update_transceivers ();
}
} // namespace reach::rtc
