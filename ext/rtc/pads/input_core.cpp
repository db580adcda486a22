// SPDX-License-Identifier: LGPL-2.1-or-later
#include "input_core.h"
#include "codec_table.h"
#include "rtc/proto/codec.h"
#include "rtc/proto/jsep_types.h"
#include <algorithm>

namespace reach::rtc {
namespace {
bool receivable (std::span<const Codec> codecs, const Codec &peer)
{
  return std::ranges::any_of (codecs, [&] (const Codec &c) { return matches (c, peer); });
}

bool same (std::span<const Codec> a, std::span<const Codec> b)
{
  return std::ranges::equal (a, b, [] (const Codec &x, const Codec &y) {
    return x.payload_type == y.payload_type && matches (x, y);
  });
}

// Of RTP nothing is known.
std::uint32_t pixels_of (const GstCaps *caps)
{
  int width = 0, height = 0;
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  if (!gst_structure_get_int (s, "width", &width) || !gst_structure_get_int (s, "height", &height))
    return 0;
  return static_cast<std::uint32_t> (std::max (width, 0)) *
         static_cast<std::uint32_t> (std::max (height, 0));
}

bool is_up (GstElement *e)
{
  GST_OBJECT_LOCK (e);
  const bool up = GST_STATE_TARGET (e) > GST_STATE_READY || GST_STATE (e) > GST_STATE_READY;
  GST_OBJECT_UNLOCK (e);
  return up;
}
} // namespace

InputPad::Core::Core (InputPad &pad, InputPad::Owner &owner, MediaKind kind)
    : source (std::make_shared<MediaSource> (kind)), input_ (pad), owner_ (owner),
      accepted_ (input_caps (kind))
{
}

void InputPad::Core::add (GstBin *bin, const char *name, GstPadTemplate *templ)
{
  outer_ = bin;
  bin_ = Ref<GstElement>::adopt (GST_ELEMENT (gst_object_ref_sink (gst_bin_new (nullptr))));
  entry_ = Ref<GstElement>::adopt (
      GST_ELEMENT (gst_object_ref_sink (make_rtp_entry (shared_from_this ()))));
  sink_ = Ref<GstElement>::adopt (
      GST_ELEMENT (gst_object_ref_sink (make_rtp_send (shared_from_this ()))));
  gst_bin_add_many (GST_BIN (bin_.get ()), entry_.get (), sink_.get (), nullptr);
  gst_element_link (entry_.get (), sink_.get ());

  const auto inner = Ref<GstPad>::adopt (gst_element_get_static_pad (entry_.get (), "sink"));
  GstPad *ghost = gst_ghost_pad_new ("sink", inner.get ());
  gst_element_add_pad (bin_.get (), ghost);
  gst_bin_add (bin, bin_.get ());
  gst_element_sync_state_with_parent (bin_.get ());

  pad_ = Ref<GstPad>::adopt (
      GST_PAD (gst_object_ref_sink (gst_ghost_pad_new_from_template (name, ghost, templ))));
  const auto sink_pad = Ref<GstPad>::adopt (gst_element_get_static_pad (sink_.get (), "sink"));
  control->set_pads (pad_.get (), sink_pad.get ());
  if (is_up (GST_ELEMENT (bin)))
    gst_pad_set_active (pad_.get (), TRUE);
  gst_element_add_pad (GST_ELEMENT (bin), pad_.get ());
}

void InputPad::Core::remove ()
{
  control->clear ();
  // Before the pad, which waits for a thread that the sink may hold: in preroll, until its time.
  gst_element_set_locked_state (bin_.get (), TRUE);
  gst_element_set_state (bin_.get (), GST_STATE_NULL); // nobody is in it after this
  gst_pad_set_active (pad_.get (), FALSE);
  gst_element_remove_pad (GST_ELEMENT (outer_), pad_.get ());
  gst_bin_remove (outer_, bin_.get ());
  // They hold this, and this holds them.
  row_.clear ();
  bin_ = entry_ = sink_ = {};
}

// The caps at the pad decide what is between entry and sink; before they go on, in the streaming
// thread.
bool InputPad::Core::on_input_caps (GstCaps *caps)
{
  const InputFormat format = input_format (caps, source->kind ());
  const std::string name = format == InputFormat::encoded ? encoded_name (caps) : "";
  if (format != format_ || name != built_)
    clear_chain ();
  format_ = format;
  if (format != InputFormat::none)
    source->set_pixels (pixels_of (caps));
  switch (format) {
  case InputFormat::none:
    return false;
  case InputFormat::rtp:
    return true; // on_rtp_caps ()
  case InputFormat::encoded:
    if (!row_.empty ())
      return true;
    built_ = name;
    return payload (caps);
  case InputFormat::raw:
    break;
  }
  auto codecs = encodable (source->kind ());
  if (codecs.empty ()) {
    fail ("an encoder for WebRTC");
    return false;
  }
  set_preferences (format, std::move (codecs));
  return true;
}

bool InputPad::Core::payload (GstCaps *caps)
{
  const auto known = codec_of_encoded (caps);
  Codec codec;
  codec.name = built_;
  if (is_name (codec, "H264"))
    codec.fmtp = "packetization-mode=1";
  if (!build (payload_elements (known.value_or (codec), caps)))
    return false;
  if (known)
    set_preferences (InputFormat::encoded, receivable_as (*known));
  return true;
}

void InputPad::Core::before_data ()
{
  if (format_ != InputFormat::raw || failed_)
    return;
  const auto selected = state_.lock ()->selected;
  if (!selected || (encoding_ && *selected == *encoding_))
    return;
  clear_chain ();
  Elements e = encode_elements (*selected, source->kind ());
  control->set_encoder (e.encoder.get (),
      source->kind () == MediaKind::video ? start_bitrate_video : start_bitrate_audio);
  encoding_ = selected;
  if (!build (std::move (e)))
    failed_ = true;
}

// Elements between entry and sink, in their state.
bool InputPad::Core::build (Elements elements)
{
  if (!elements.missing.empty ()) {
    fail (elements.missing);
    return false;
  }
  gst_element_unlink (entry_.get (), sink_.get ());
  GstElement *last = entry_.get ();
  for (const auto &e : elements.row) {
    gst_bin_add (GST_BIN (bin_.get ()), e.get ());
    gst_element_link (last, e.get ());
    last = e.get ();
  }
  const bool linked = gst_element_link (last, sink_.get ());
  row_ = std::move (elements.row);
  // From the sink on, so that nothing comes to one that does not take it yet.
  for (auto at = row_.rbegin (); at != row_.rend (); ++at)
    gst_element_sync_state_with_parent (at->get ());
  return linked;
}

void InputPad::Core::clear_chain ()
{
  control->set_encoder (nullptr, 0);
  encoding_.reset ();
  built_.clear ();
  failed_ = false;
  if (row_.empty ())
    return;
  gst_element_unlink (entry_.get (), row_.front ().get ());
  gst_element_unlink (row_.back ().get (), sink_.get ());
  for (const auto &e : row_) {
    gst_element_set_locked_state (e.get (), TRUE);
    gst_element_set_state (e.get (), GST_STATE_NULL);
    gst_bin_remove (GST_BIN (bin_.get ()), e.get ());
  }
  row_.clear ();
  gst_element_link (entry_.get (), sink_.get ());
}

void InputPad::Core::fail (const std::string &missing)
{
  GST_ELEMENT_ERROR (bin_.get (), CORE, MISSING_PLUGIN,
      ("What %s is sent with is not installed: %s.", GST_PAD_NAME (pad_.get ()), missing.c_str ()),
      (nullptr));
}

// Of RTP and encoded media the payloader's caps say it all.
void InputPad::Core::on_rtp_caps (GstCaps *caps)
{
  auto codec = codec_of_rtp (caps);
  if (!codec) {
    GST_ELEMENT_WARNING (bin_.get (), STREAM, FORMAT,
        ("This RTP is of no codec that a peer connection sends."),
        ("%s", CharPtr (gst_caps_to_string (caps)).get ()));
    return;
  }
  source->set_level_id (extension_id (gst_caps_get_structure (caps, 0), uri::audio_level));
  if (format_ == InputFormat::raw) {
    if (encoding_) {
      Codec now = *encoding_;
      now.payload_type = codec->payload_type;
      source->set_codec (std::move (now));
    }
    return;
  }
  const bool others = layers.set_caps (gst_caps_get_structure (caps, 0));
  for (const Layer &l : layers.layers ())
    l.source->set_codec (*codec);
  if (!set_preferences (format_, receivable_as (*codec)) && others)
    owner_.on_input_formats (input_);
}

// False: they are as before.
bool InputPad::Core::set_preferences (InputFormat format, std::vector<Codec> preferences)
{
  {
    auto s = state_.lock ();
    const bool as_before = s->format == format && same (s->preferences, preferences);
    s->format = format;
    if (as_before)
      return false;
    s->preferences = std::move (preferences);
    s->selected.reset ();
  }
  owner_.on_input_formats (input_);
  return true;
}

bool InputPad::Core::select (std::span<const NegotiatedCodec> peer)
{
  Codec first;
  {
    auto s = state_.lock ();
    const auto fits = [&] (const NegotiatedCodec &p) {
      return receivable (s->preferences, p.codec);
    };
    const auto at = std::ranges::find_if (peer, fits);
    if (at == peer.end ())
      return false;
    if (s->format != InputFormat::raw)
      return true;
    const auto ours = std::ranges::find_if (
        s->preferences, [&] (const Codec &c) { return matches (c, at->codec); });
    s->selected = first = *ours;
  }
  // Before the first packet the peer can know what it will be.
  if (source->codec ().name.empty ())
    source->set_codec (std::move (first));
  return true;
}
} // namespace reach::rtc
