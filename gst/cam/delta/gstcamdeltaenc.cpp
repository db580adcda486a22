// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-camdeltaenc
 * @title: camdeltaenc
 * @see_also: camdeltadec
 *
 * Changed-area coding of raw video: a complete picture first, then only the rectangles that have
 * changed. For screens, slides and fixed cameras. Exact where something changed by more than the
 * thresholds; with thresholds of 0, exact everywhere.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc is-live=true pattern=ball ! camdeltaenc ! \
 *   camsender host=127.0.0.1 port=7100
 * ]| sends what changes.
 * |[
 * gst-launch-1.0 camreceiver port=7100 ! camdeltadec ! videoconvert ! autovideosink
 * ]| shows it.
 * |[
 * gst-launch-1.0 videotestsrc pattern=ball ! camdeltaenc pass-through=true test-mode=true ! \
 *   videoconvert ! autovideosink
 * ]| shows which rectangles are found, to choose thresholds by.
 *
 * ## Threads
 * All work is done in the streaming thread. Properties can be changed at any time and hold from the
 * next picture on.
 *
 * Since: 0.1
 */
#include "cam/camelements.h"
#include "common/barrier.h"
#include "common/guarded.h"
#include "deltaprops.h"
#include "encode.h"
#include <atomic>

GST_DEBUG_CATEGORY_STATIC (camdeltaenc_debug);
#define GST_CAT_DEFAULT camdeltaenc_debug

using reach::barrier;

namespace reach::delta {
class EncoderImpl {
public:
  explicit EncoderImpl (GstVideoEncoder *e) : element_ (e) {}

  bool set_format (GstVideoCodecState *state)
  {
    const auto layout = layout_of (state->info);
    if (!layout) {
      GST_ERROR_OBJECT (element_, "pictures of this size or kind cannot be coded");
      return false;
    }
    pass_through_ = settings.lock ()->pass_through;
    const EncoderTotals so_far = coder_ ? coder_->totals : EncoderTotals{};
    coder_ = std::make_unique<PictureEncoder> (state->info, *layout);
    coder_->totals = so_far;
    gap_start_ = GST_CLOCK_TIME_NONE;
    auto caps =
        pass_through_ ? Ref<GstCaps>::share (state->caps) : renamed (state->caps, media_type);
    gst_video_codec_state_unref (
        gst_video_encoder_set_output_state (element_, caps.release (), state));
    return true;
  }
  void stop () { coder_.reset (); }
  void flush ()
  {
    if (coder_)
      coder_->restart ();
    gap_start_ = GST_CLOCK_TIME_NONE;
  }

  GstFlowReturn handle (GstVideoCodecFrame *frame)
  {
    Settings s = *settings.lock ();
    s.pass_through = pass_through_; // as the caps were made
    auto r =
        coder_->encode (frame->input_buffer, s, GST_VIDEO_CODEC_FRAME_IS_FORCE_KEYFRAME (frame));
    *totals.lock () = coder_->totals;
    if (!r.ok) {
      gst_video_codec_frame_unref (frame);
      GST_ELEMENT_ERROR (element_, RESOURCE, READ, ("A picture could not be read."), (nullptr));
      return GST_FLOW_ERROR;
    }
    if (r.buffer)
      gap_start_ = GST_CLOCK_TIME_NONE;
    else
      skipped (frame, s.keepalive);
    if (r.key)
      GST_VIDEO_CODEC_FRAME_SET_SYNC_POINT (frame);
    frame->output_buffer = r.buffer.release ();
    skipping_ = frame->output_buffer == nullptr; // then nothing goes out
    const GstFlowReturn flow = gst_video_encoder_finish_frame (element_, frame);
    skipping_ = false;
    return flow;
  }

  bool passes_through () const { return pass_through_; }
  // The base class reports a frame without output as dropped; an identical one is not.
  bool is_false_report (GstMessage *m) const
  {
    return skipping_ && GST_MESSAGE_TYPE (m) == GST_MESSAGE_QOS;
  }
  Guarded<Settings> settings;
  Guarded<EncoderTotals> totals;

private:
  // Tells downstream from time to time that nothing is missing.
  void skipped (const GstVideoCodecFrame *frame, GstClockTime keepalive)
  {
    if (!GST_CLOCK_TIME_IS_VALID (frame->pts))
      return;
    if (!GST_CLOCK_TIME_IS_VALID (gap_start_))
      gap_start_ = frame->pts;
    const GstClockTime end =
        frame->pts + (GST_CLOCK_TIME_IS_VALID (frame->duration) ? frame->duration : 0);
    if (end < gap_start_ + keepalive || end <= gap_start_)
      return;
    gst_pad_push_event (
        GST_VIDEO_ENCODER_SRC_PAD (element_), gst_event_new_gap (gap_start_, end - gap_start_));
    gap_start_ = end;
  }

  GstVideoEncoder *element_; // owns us
  std::unique_ptr<PictureEncoder> coder_;
  bool pass_through_ = false;
  std::atomic<bool> skipping_ = false;
  GstClockTime gap_start_ = GST_CLOCK_TIME_NONE; // what no GAP event has told yet
};
} // namespace reach::delta

struct _GstCamDeltaEnc {
  GstVideoEncoder parent;
  reach::delta::EncoderImpl *impl;
};
G_DECLARE_FINAL_TYPE (GstCamDeltaEnc, gst_cam_delta_enc, GST, CAM_DELTA_ENC, GstVideoEncoder)
G_DEFINE_FINAL_TYPE_WITH_CODE (GstCamDeltaEnc, gst_cam_delta_enc, GST_TYPE_VIDEO_ENCODER,
    GST_DEBUG_CATEGORY_INIT (camdeltaenc_debug, "camdeltaenc", 0, "changed-area encoder"))
GST_ELEMENT_REGISTER_DEFINE (
    camdeltaenc, "camdeltaenc", GST_RANK_NONE, gst_cam_delta_enc_get_type ())

static reach::delta::EncoderImpl &impl_of (gpointer o)
{
  return *GST_CAM_DELTA_ENC (o)->impl;
}

static void gst_cam_delta_enc_init (GstCamDeltaEnc *self)
{
  self->impl = new reach::delta::EncoderImpl (GST_VIDEO_ENCODER (self));
}

static void finalize (GObject *o)
{
  delete GST_CAM_DELTA_ENC (o)->impl;
  G_OBJECT_CLASS (gst_cam_delta_enc_parent_class)->finalize (o);
}

static void set_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  impl_of (o).settings.update ([&] (reach::delta::Settings &s) {
    if (!reach::delta::set_encoder_property (s, id, v))
      G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  });
}

static void get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  const reach::delta::Settings s = *impl_of (o).settings.lock ();
  const reach::delta::EncoderTotals t = *impl_of (o).totals.lock ();
  if (!reach::delta::get_encoder_property (s, t, id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static void install_pads (GstElementClass *element)
{
  static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE (
      "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS (CAM_DELTA_CAPS ("video/x-raw")));
  static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
      GST_STATIC_CAPS (CAM_DELTA_CAPS ("video/x-cam-delta") "; " CAM_DELTA_CAPS ("video/x-raw")));
  gst_element_class_add_static_pad_template (element, &sink);
  gst_element_class_add_static_pad_template (element, &src);
  gst_element_class_set_static_metadata (element, "Changed-area video encoder",
      "Codec/Encoder/Video", "Sends the rectangles of raw video that have changed",
      "The gst-plugins-reach developers");
}

static void gst_cam_delta_enc_class_init (GstCamDeltaEncClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *encoder = GST_VIDEO_ENCODER_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_property;
  object->get_property = get_property;
  reach::delta::install_encoder_properties (object);
  install_pads (GST_ELEMENT_CLASS (klass));
  GST_ELEMENT_CLASS (klass)->post_message = [] (GstElement *e, GstMessage *m) -> gboolean {
    if (!impl_of (e).is_false_report (m))
      return GST_ELEMENT_CLASS (gst_cam_delta_enc_parent_class)->post_message (e, m);
    gst_message_unref (m);
    return TRUE;
  };
  encoder->set_format = [] (GstVideoEncoder *e, GstVideoCodecState *state) -> gboolean {
    return barrier (e, FALSE, [&] () -> gboolean { return impl_of (e).set_format (state); });
  };
  encoder->handle_frame = [] (GstVideoEncoder *e, GstVideoCodecFrame *frame) {
    return barrier (e, GST_FLOW_ERROR, [&] { return impl_of (e).handle (frame); });
  };
  encoder->stop = [] (GstVideoEncoder *e) -> gboolean {
    impl_of (e).stop ();
    return TRUE;
  };
  encoder->flush = [] (GstVideoEncoder *e) -> gboolean {
    impl_of (e).flush ();
    return TRUE;
  };
  // A buffer that passes through has its metas already.
  encoder->transform_meta = [] (GstVideoEncoder *e, GstVideoCodecFrame *frame,
                                GstMeta *meta) -> gboolean {
    return !impl_of (e).passes_through () &&
           GST_VIDEO_ENCODER_CLASS (gst_cam_delta_enc_parent_class)
               ->transform_meta (e, frame, meta);
  };
}
