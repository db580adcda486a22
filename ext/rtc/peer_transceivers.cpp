// SPDX-License-Identifier: LGPL-2.1-or-later
// Transceivers and data channels of an rtcpeer, as objects that applications of webrtcbin know.
#include "peer_impl.h"
#include "rtc/pads/codec_elements.h"

namespace reach::rtc {
namespace {
TransceiverShown shown_of (const Transceiver &t)
{
  return {.mid = t.mid,
      .mline = t.mline ? static_cast<guint> (*t.mline) : G_MAXUINT,
      .direction = t.direction,
      .current_direction = t.current_direction};
}

std::vector<Codec> codecs_of_rtp (const GstCaps *caps)
{
  std::vector<Codec> all;
  for (guint i = 0; caps && i < gst_caps_get_size (caps); i++) {
    const auto one = Ref<GstCaps>::adopt (gst_caps_copy_nth (caps, i));
    if (auto c = codec_of_rtp (one.get ()))
      all.push_back (std::move (*c));
  }
  return all;
}
} // namespace

// Loop thread.
Ref<GstWebRTCRTPTransceiver> PeerImpl::handle_of (const Transceiver &t)
{
  const TransceiverId id = t.id;
  if (auto handles = handles_.lock (); handles->contains (id))
    return handles->at (id);
  const auto alive = run ();
  TransceiverHooks hooks;
  hooks.direction = [this, id, alive] (Direction d) {
    if (alive && *alive)
      post ([id, d] (PeerSession &s) {
        s.negotiator ().set_direction (id, d);
        s.connection ().changed ();
      });
  };
  hooks.codec_preferences = [this, id, alive] (Ref<GstCaps> caps) {
    if (!alive || !*alive)
      return;
    post ([id, caps = std::move (caps)] (
              PeerSession &s) { s.set_codecs (id, codecs_of_rtp (caps.get ())); });
  };
  hooks.wishes = [this, id, alive] (const TransceiverWishes &w) {
    const bool fec = w.fec_type == GST_WEBRTC_FEC_TYPE_ULP_RED;
    if (alive && *alive)
      post ([id, percentage = fec ? w.fec_percentage : 0] (
                PeerSession &s) { s.connection ().set_protection (id, percentage); });
  };
  auto handle = transceiver_new (t.kind, shown_of (t), std::move (hooks));
  handles_.lock ()->emplace (id, handle);
  tell ([this, handle] { g_signal_emit_by_name (element_, "on-new-transceiver", handle.get ()); });
  return handle;
}

void PeerImpl::update_transceivers ()
{
  if (!session_)
    return;
  // Those that a peer has made and taken away again.
  std::vector<Ref<GstWebRTCRTPTransceiver>> gone;
  std::erase_if (*handles_.lock (), [&] (const auto &h) {
    const bool is = !session_->negotiator ().find (h.first);
    if (is)
      gone.push_back (h.second);
    return is;
  });
  for (auto &handle : gone)
    tell ([handle = std::move (handle)] { transceiver_detach (handle.get ()); });
  for (const Transceiver &t : session_->negotiator ().transceivers ())
    tell ([handle = handle_of (t), shown = shown_of (t)] {
      transceiver_update (handle.get (), shown);
    });
}

// Any thread but the loop's.
void PeerImpl::forget_transceivers ()
{
  std::map<TransceiverId, Ref<GstWebRTCRTPTransceiver>> handles;
  handles_.lock ()->swap (handles);
  for (const auto &[id, handle] : handles)
    transceiver_detach (handle.get ());
}

std::vector<Ref<GstWebRTCRTPTransceiver>> PeerImpl::transceivers ()
{
  std::vector<Ref<GstWebRTCRTPTransceiver>> all;
  call ([&] (PeerSession &s) {
    for (const Transceiver &t : s.negotiator ().transceivers ())
      all.push_back (handle_of (t));
  });
  return all;
}

Ref<GstWebRTCRTPTransceiver> PeerImpl::add_transceiver (Direction direction, const GstCaps *caps)
{
  const std::vector<Codec> codecs = codecs_of_rtp (caps);
  const GstStructure *s =
      caps && gst_caps_get_size (caps) > 0 ? gst_caps_get_structure (caps, 0) : nullptr;
  const char *media = s ? gst_structure_get_string (s, "media") : nullptr;
  const MediaKind kind = g_strcmp0 (media, "audio") == 0 ? MediaKind::audio : MediaKind::video;
  Ref<GstWebRTCRTPTransceiver> handle;
  call ([&] (PeerSession &session) {
    Negotiator &n = session.negotiator ();
    const auto id = n.add_transceiver (kind, {.direction = direction});
    if (!id)
      return;
    handle = handle_of (*n.find (*id));
    if (!codecs.empty ())
      session.set_codecs (*id, codecs);
    session.connection ().changed ();
  });
  return handle;
}

Ref<GstWebRTCDataChannel> PeerImpl::create_data_channel (
    const char *label, const GstStructure *options)
{
  std::string why;
  Ref<GstWebRTCDataChannel> channel;
  const auto config = channel_config (label, options, why);
  if (config && loop ())
    channel = data_channel_new (*config, threads_->signals (), why);
  if (!channel) {
    GST_WARNING_OBJECT (
        element_, "no data channel: %s", why.empty () ? "the element is in NULL" : why.c_str ());
    return {};
  }
  tell ([this, channel] {
    g_signal_emit_by_name (element_, "prepare-data-channel", channel.get (), TRUE);
  });
  const bool done = call ([&] (PeerSession &s) {
    s.negotiator ().add_data_channel ();
    s.connection ().data ().create (*config, data_channel_ends (channel.get ()));
    s.connection ().changed ();
  });
  return done ? channel : Ref<GstWebRTCDataChannel> ();
}

DataHub::Ends PeerImpl::on_incoming_channel (PeerSession &s, const DataChannels::Channel &c)
{
  // Where nobody takes channels they are pads.
  static const guint signal = g_signal_lookup ("on-data-channel", G_OBJECT_TYPE (element_));
  if (!g_signal_has_handler_pending (element_, signal, 0, FALSE))
    return data_.incoming (s, c);
  std::string why;
  auto channel = data_channel_new (c.config, threads_->signals (), why);
  if (!channel) {
    on_warning (s, why);
    return {};
  }
  tell ([this, channel, threads = threads_, loop = loop ()] {
    loop->call ([] {}); // it is open by then: handlers may send
    g_signal_emit_by_name (element_, "prepare-data-channel", channel.get (), FALSE);
    g_signal_emit_by_name (element_, "on-data-channel", channel.get ());
  });
  return data_channel_ends (channel.get ());
}
} // namespace reach::rtc
