// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-camdeltadec
 * @title: camdeltadec
 * @see_also: camdeltaenc
 *
 * Raw video out of what #camdeltaenc sent. The caps that come out are those that went into the
 * encoder. After a loss, and when it joins late, it asks upstream for a complete frame.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 camreceiver port=7100 ! camdeltadec ! videoconvert ! autovideosink
 * ]| shows the changed-area video that a sender pushes.
 *
 * ## Threads
 * All work is done in the streaming thread. Properties can be changed at any time.
 *
 * Since: 0.1
 */
#include "cam/camelements.h"
#include "common/barrier.h"
#include "common/guarded.h"
#include "compression.h"
#include "picture.h"
#include "proto/rectangles.h"

GST_DEBUG_CATEGORY_STATIC (camdeltadec_debug);
#define GST_CAT_DEFAULT camdeltadec_debug

using reach::barrier;
using OnCorruption = reach::delta::Decoder::OnCorruption;
using Outcome = reach::delta::Decoder::Outcome;

namespace reach::delta {
class DecoderImpl {
public:
  struct Settings {
    OnCorruption on_corruption = OnCorruption::drop_until_key;
    bool region_metas = false;
  };
  struct Totals {
    std::uint64_t pictures = 0, damaged = 0, waiting = 0, corrupt = 0;
  };
  explicit DecoderImpl (GstVideoDecoder *d) : element_ (d) {}

  bool set_format (GstVideoCodecState *state)
  {
    Ref<GstCaps> caps = renamed (state->caps, "video/x-raw");
    GstVideoInfo info;
    std::optional<Layout> layout;
    if (gst_video_info_from_caps (&info, caps.get ()))
      layout = layout_of (info);
    if (!layout) {
      GST_WARNING_OBJECT (
          element_, "no such pictures: %" GST_PTR_FORMAT, static_cast<gpointer> (state->caps));
      return false;
    }
    GstVideoCodecState *out =
        gst_video_decoder_set_output_state (element_, GST_VIDEO_INFO_FORMAT (&info),
            static_cast<guint> (info.width), static_cast<guint> (info.height), state);
    out->info = info;
    gst_caps_replace (&out->caps, caps.get ());
    gst_video_codec_state_unref (out);
    info_ = info;
    core_ = std::make_unique<Decoder> (*layout);
    return true;
  }
  void stop () { core_.reset (); }
  void flush ()
  {
    if (core_)
      core_->reset ();
  }

  GstFlowReturn handle (GstVideoCodecFrame *frame)
  {
    const Settings s = *settings.lock ();
    const Outcome outcome = input (frame->input_buffer, s.on_corruption);
    count (outcome);
    if (outcome != Outcome::shown)
      gst_video_decoder_request_sync_point (
          element_, frame, static_cast<GstVideoDecoderRequestSyncPointFlags> (0));
    if (outcome == Outcome::waiting || outcome == Outcome::corrupt) {
      GST_LOG_OBJECT (element_, "%s", outcome == Outcome::waiting ? "no picture yet" : "bad frame");
      return gst_video_decoder_drop_frame (element_, frame);
    }
    return show (frame, s, outcome);
  }

  Guarded<Settings> settings;
  Guarded<Totals> totals;

private:
  Outcome input (GstBuffer *b, OnCorruption policy)
  {
    const Mapped mapped (b);
    const bool lost = GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_DISCONT) ||
                      GST_BUFFER_FLAG_IS_SET (b, GST_BUFFER_FLAG_CORRUPTED);
    return core_->input (mapped.ok () ? mapped.bytes () : Bytes{}, lost, policy, inflater_);
  }

  void count (Outcome o)
  {
    totals.update ([o] (Totals &t) {
      t.pictures += o == Outcome::shown || o == Outcome::damaged;
      t.damaged += o == Outcome::damaged;
      t.waiting += o == Outcome::waiting;
      t.corrupt += o == Outcome::corrupt;
    });
  }

  GstFlowReturn show (GstVideoCodecFrame *frame, const Settings &s, Outcome outcome)
  {
    const GstFlowReturn flow = gst_video_decoder_allocate_output_frame (element_, frame);
    if (flow != GST_FLOW_OK) {
      gst_video_decoder_release_frame (element_, frame);
      return flow;
    }
    const Layout &layout = core_->layout ();
    if (!fill (frame->output_buffer, layout)) {
      gst_video_decoder_release_frame (element_, frame);
      GST_ELEMENT_ERROR (element_, RESOURCE, WRITE, ("A picture could not be written."), (nullptr));
      return GST_FLOW_ERROR;
    }
    if (s.region_metas)
      add_regions (frame->output_buffer, layout, core_->changed ());
    if (outcome == Outcome::damaged)
      GST_BUFFER_FLAG_SET (frame->output_buffer, GST_BUFFER_FLAG_CORRUPTED);
    return gst_video_decoder_finish_frame (element_, frame);
  }

  bool fill (GstBuffer *b, const Layout &layout)
  {
    MappedPicture out (info_, b, GST_MAP_WRITE);
    if (out.ok ())
      copy (layout, core_->picture (), out.view (), layout.whole ());
    return out.ok ();
  }

  GstVideoDecoder *element_; // owns us
  GstVideoInfo info_{};
  std::unique_ptr<Decoder> core_;
  ZlibInflater inflater_;
};
} // namespace reach::delta

static GType gst_cam_delta_on_corruption_get_type (void)
{
  static const GEnumValue values[] = {
      {static_cast<int> (OnCorruption::drop_until_key), "Show nothing before the next full frame",
          "drop-until-key"},
      {static_cast<int> (OnCorruption::pass), "Show damaged pictures, flagged as corrupted",
          "pass"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static ("GstCamDeltaOnCorruption", values);
  return type;
}

struct _GstCamDeltaDec {
  GstVideoDecoder parent;
  reach::delta::DecoderImpl *impl;
};
G_DECLARE_FINAL_TYPE (GstCamDeltaDec, gst_cam_delta_dec, GST, CAM_DELTA_DEC, GstVideoDecoder)
G_DEFINE_FINAL_TYPE_WITH_CODE (GstCamDeltaDec, gst_cam_delta_dec, GST_TYPE_VIDEO_DECODER,
    GST_DEBUG_CATEGORY_INIT (camdeltadec_debug, "camdeltadec", 0, "changed-area decoder"))
GST_ELEMENT_REGISTER_DEFINE (
    camdeltadec, "camdeltadec", GST_RANK_PRIMARY, gst_cam_delta_dec_get_type ())

enum : guint { prop_on_corruption = 1, prop_region_metas, prop_stats };

static reach::delta::DecoderImpl &impl_of (gpointer o)
{
  return *GST_CAM_DELTA_DEC (o)->impl;
}

static void gst_cam_delta_dec_init (GstCamDeltaDec *self)
{
  auto *decoder = GST_VIDEO_DECODER (self);
  self->impl = new reach::delta::DecoderImpl (decoder);
  gst_video_decoder_set_packetized (decoder, TRUE);
  gst_video_decoder_set_needs_format (decoder, TRUE);
  // One request each half second is enough; each is answered by a complete picture.
  g_object_set (self, "min-force-key-unit-interval", 500 * GST_MSECOND, nullptr);
}

static void finalize (GObject *o)
{
  delete GST_CAM_DELTA_DEC (o)->impl;
  G_OBJECT_CLASS (gst_cam_delta_dec_parent_class)->finalize (o);
}

static void set_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  auto s = impl_of (o).settings.lock ();
  switch (id) {
  case prop_on_corruption:
    s->on_corruption = static_cast<OnCorruption> (g_value_get_enum (v));
    break;
  case prop_region_metas:
    s->region_metas = g_value_get_boolean (v);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  }
}

static void get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  const auto s = *impl_of (o).settings.lock ();
  const auto t = *impl_of (o).totals.lock ();
  switch (id) {
  case prop_on_corruption:
    g_value_set_enum (v, static_cast<int> (s.on_corruption));
    break;
  case prop_region_metas:
    g_value_set_boolean (v, s.region_metas);
    break;
  case prop_stats:
    g_value_take_boxed (
        v, gst_structure_new ("camdeltadec-stats", "pictures", G_TYPE_UINT64, t.pictures, "damaged",
               G_TYPE_UINT64, t.damaged, "waiting", G_TYPE_UINT64, t.waiting, "corrupt",
               G_TYPE_UINT64, t.corrupt, nullptr));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  }
}

static void install_properties (GObjectClass *object)
{
  constexpr auto playing = static_cast<GParamFlags> (
      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  g_object_class_install_property (object, prop_on_corruption,
      g_param_spec_enum ("on-corruption", "On corruption",
          "What is shown after a frame was lost or damaged",
          gst_cam_delta_on_corruption_get_type (), 0, playing));
  g_object_class_install_property (object, prop_region_metas,
      g_param_spec_boolean ("region-metas", "Region metas",
          "Put a region-of-interest meta for each changed rectangle on the pictures", FALSE,
          playing));
  g_object_class_install_property (object, prop_stats,
      g_param_spec_boxed ("stats", "Statistics", "What was decoded and what was dropped so far",
          GST_TYPE_STRUCTURE,
          static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

static void install_pads (GstElementClass *element)
{
  static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE (
      "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAM_DELTA_CAPS ("video/x-cam-delta")));
  static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE (
      "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAM_DELTA_CAPS ("video/x-raw")));
  gst_element_class_add_static_pad_template (element, &sink);
  gst_element_class_add_static_pad_template (element, &src);
  gst_element_class_set_static_metadata (element, "Changed-area video decoder",
      "Codec/Decoder/Video", "Makes raw video of the rectangles that camdeltaenc sent",
      "The gst-plugins-reach developers");
}

static void gst_cam_delta_dec_class_init (GstCamDeltaDecClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *decoder = GST_VIDEO_DECODER_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_property;
  object->get_property = get_property;
  install_properties (object);
  install_pads (GST_ELEMENT_CLASS (klass));
  decoder->set_format = [] (GstVideoDecoder *d, GstVideoCodecState *state) -> gboolean {
    return barrier (d, FALSE, [&] () -> gboolean { return impl_of (d).set_format (state); });
  };
  decoder->handle_frame = [] (GstVideoDecoder *d, GstVideoCodecFrame *frame) {
    return barrier (d, GST_FLOW_ERROR, [&] { return impl_of (d).handle (frame); });
  };
  decoder->stop = [] (GstVideoDecoder *d) -> gboolean {
    impl_of (d).stop ();
    return TRUE;
  };
  decoder->flush = [] (GstVideoDecoder *d) -> gboolean {
    impl_of (d).flush ();
    return TRUE;
  };
}
