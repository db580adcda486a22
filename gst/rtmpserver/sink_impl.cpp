// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sink_impl.h"
#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN (rtmpserversink_debug);
#define GST_CAT_DEFAULT rtmpserversink_debug

namespace reach::rtmp {
bool SinkImpl::ready ()
{
  const SinkSettings s = *settings.lock ();
  for (const auto &[kind, list] : {std::pair{InputKind::video, s.encoder.video_codecs},
           std::pair{InputKind::audio, s.encoder.audio_codecs}})
    if (std::string wrong; !valid_codecs (kind, list, wrong)) {
      GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS, ("No codec is called %s.", wrong.c_str ()),
          ("video-codec=%s audio-codec=%s", s.encoder.video_codecs.c_str (),
              s.encoder.audio_codecs.c_str ()));
      return false;
    }
  if (!open_guard (element_, s.listen.guard, guard_))
    return false;
  auto server = open_server (element_, s.listen);
  if (!server) {
    guard_.reset ();
    return false;
  }
  events_ = std::make_unique<SerialQueue> ("rtmp-events");
  upstream_ = std::make_unique<SerialQueue> ("rtmp-upstream", 256);
  desk.begin_run ();
  render_when_idle_ = s.render_when_idle;
  SinkSettings run = s;
  run.publication.idle = !s.render_when_idle;
  SinkEndpoint::Hooks hooks;
  hooks.key_wanted = [this] { want_key (); };
  hooks.viewers = [this] (std::size_t n) { viewers_changed (n); };
  hooks.dropped = [this] (std::uint64_t d, std::uint64_t n) { dropped (d, n); };
  auto endpoint = std::make_shared<SinkEndpoint> (desk, *server, run, guard_, std::move (hooks));
  server_.update ([&] (auto &p) { p = std::move (server); });
  endpoint_.update ([&] (auto &p) { p = std::move (endpoint); });
  return true;
}

void SinkImpl::start ()
{
  inputs_.update ([] (auto &all) {
    for (Input &i : all)
      i.ended = false;
  });
  if (const auto s = server ())
    s->add (endpoint ());
}

void SinkImpl::stop ()
{
  const auto e = endpoint ();
  const auto s = server ();
  if (!e || !s)
    return;
  StructurePtr last (stats ());
  last_stats_.update ([&] (StructurePtr &p) { p.swap (last); });
  s->remove (*e);
}

void SinkImpl::close ()
{
  auto e = endpoint ();
  if (!e)
    return;
  endpoint_.update ([] (auto &p) { p.reset (); });
  e->close ();
  e.reset ();
  if (guard_)
    guard_->stop ();
  guard_.reset ();
  desk.end_run ();
  upstream_.reset ();
  events_.reset ();
  server_.update ([] (auto &p) { p.reset (); });
}

GstStructure *SinkImpl::stats ()
{
  const auto e = endpoint ();
  if (!e) {
    const auto last = last_stats_.lock ();
    return *last ? gst_structure_copy (last->get ())
                 : gst_structure_new_empty ("rtmp-server-stats");
  }
  GstStructure *s = gst_structure_new_empty ("rtmp-server-stats");
  if (const auto running = server ()) {
    const auto n = running->counters ();
    gst_structure_set (s, "accepted", G_TYPE_UINT64, guint64{n.accepted}, "refused", G_TYPE_UINT64,
        guint64{n.refused}, "rejected", G_TYPE_UINT64, guint64{n.rejected}, "challenged",
        G_TYPE_UINT64, guint64{n.challenged}, "denied", G_TYPE_UINT64, guint64{n.denied},
        "bad-peers", G_TYPE_UINT64, guint64{n.bad_peers}, "open", G_TYPE_UINT,
        static_cast<guint> (n.open), nullptr);
  }
  e->add_stats (s);
  desk.add_stats (s);
  return s;
}

void SinkImpl::params_changed ()
{
  const auto e = endpoint ();
  if (!e)
    return;
  OutgoingTracks tracks;
  const auto inputs = *inputs_.lock ();
  for (const Input &i : inputs) {
    const InputKind kind = stream_kind (i.stream.get ());
    if (kind == InputKind::video || kind == InputKind::audio)
      (kind == InputKind::video ? tracks.video : tracks.audio)
          .push_back ({static_cast<std::uint8_t> (stream_index (i.stream.get ())),
              stream_params (i.stream.get ())});
  }
  e->broadcast ().metadata (metadata_body (tracks));
}

// In band, and only then ours: when EOS is posted, players have it, or the limit is over.
Duration SinkImpl::ended (GstRtmpSinkStream *s, std::function<void ()> drained)
{
  const bool last = inputs_.update ([&] (auto &all) {
    for (Input &i : all)
      i.ended |= i.stream.get () == s;
    return std::ranges::all_of (all, [] (const Input &i) { return i.ended; });
  });
  const auto e = endpoint ();
  if (!last || !e)
    return {};
  e->broadcast ().end ();
  e->when_drained (std::move (drained));
  return settings.lock ()->drain_timeout;
}

void SinkImpl::viewers_changed (std::size_t n)
{
  events_->post ([this, count = static_cast<guint> (n)] {
    g_signal_emit_by_name (element_, "viewers", count);
    gst_element_post_message (
        element_, gst_message_new_element (GST_OBJECT (element_),
                      gst_structure_new ("rtmp-viewers", "count", G_TYPE_UINT, count, nullptr)));
  });
}

void SinkImpl::dropped (std::uint64_t dropped, std::uint64_t sent)
{
  events_->post ([this, dropped, sent] {
    GstMessage *m = gst_message_new_qos (GST_OBJECT (element_), TRUE, GST_CLOCK_TIME_NONE,
        GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE);
    gst_message_set_qos_stats (m, GST_FORMAT_BUFFERS, sent, dropped);
    gst_element_post_message (element_, m);
  });
}

void SinkImpl::want_key ()
{
  upstream_->post ([this] {
    const auto inputs = *inputs_.lock ();
    for (const Input &i : inputs)
      if (stream_kind (i.stream.get ()) == InputKind::video)
        request_key_unit (i.stream.get ());
  });
}
} // namespace reach::rtmp
