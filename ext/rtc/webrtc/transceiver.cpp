// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transceiver.h"
#include "common/guarded.h"
#include "enums.h"

using namespace reach;
using namespace reach::rtc;

namespace {
enum Prop : guint {
  prop_mlineindex = 1,
  prop_direction,
  prop_mid,
  prop_current_direction,
  prop_kind,
  prop_codec_preferences,
  prop_fec_type,
  prop_fec_percentage,
  prop_do_nack,
};
// Of the parent, overridden here so that nothing needs to know its instance; sender and receiver
// are the parent's.
constexpr const char *overridden[] = {
    nullptr, "mlineindex", "direction", "mid", "current-direction", "kind", "codec-preferences"};

struct State {
  MediaKind kind = MediaKind::other;
  TransceiverShown shown;
  TransceiverWishes wishes;
  Ref<GstCaps> codecs;
  std::shared_ptr<const TransceiverHooks> hooks;
};
struct Private {
  Guarded<State> *state;
};
gint private_offset;
gpointer parent_class;

Guarded<State> &state_of (gpointer object)
{
  return *static_cast<Private *> (G_STRUCT_MEMBER_P (object, private_offset))->state;
}

void get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  const auto s = state_of (o).lock ();
  switch (id) {
  case prop_mlineindex:
    return g_value_set_uint (v, s->shown.mline);
  case prop_direction:
    return g_value_set_enum (v, to_gst (std::optional (s->shown.direction)));
  case prop_mid:
    return g_value_set_string (v, s->shown.mid.empty () ? nullptr : s->shown.mid.c_str ());
  case prop_current_direction:
    return g_value_set_enum (v, to_gst (s->shown.current_direction));
  case prop_kind:
    return g_value_set_enum (v, to_gst (s->kind));
  case prop_codec_preferences:
    return gst_value_set_caps (v, s->codecs.get ());
  case prop_fec_type:
    return g_value_set_enum (v, s->wishes.fec_type);
  case prop_fec_percentage:
    return g_value_set_uint (v, s->wishes.fec_percentage);
  case prop_do_nack:
    return g_value_set_boolean (v, s->wishes.nack);
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  }
}

void set_direction (GObject *o, GstWebRTCRTPTransceiverDirection value)
{
  const auto direction = from_gst (value);
  if (!direction)
    return;
  const auto hooks = state_of (o).update ([&] (State &s) {
    s.shown.direction = *direction;
    return s.hooks;
  });
  if (hooks && hooks->direction)
    hooks->direction (*direction);
}

void set_codecs (GObject *o, const GstCaps *caps)
{
  // Copied, so that what the application does to its own is nothing to us.
  auto codecs = Ref<GstCaps>::adopt (caps ? gst_caps_copy (caps) : nullptr);
  const auto hooks = state_of (o).update ([&] (State &s) {
    s.codecs = codecs;
    return s.hooks;
  });
  if (hooks && hooks->codec_preferences)
    hooks->codec_preferences (std::move (codecs));
}

void set_wish (GObject *o, guint id, const GValue *v)
{
  TransceiverWishes wishes;
  const auto hooks = state_of (o).update ([&] (State &s) {
    if (id == prop_fec_type)
      s.wishes.fec_type = static_cast<GstWebRTCFECType> (g_value_get_enum (v));
    else if (id == prop_fec_percentage)
      s.wishes.fec_percentage = g_value_get_uint (v);
    else
      s.wishes.nack = g_value_get_boolean (v);
    wishes = s.wishes;
    return s.hooks;
  });
  if (hooks && hooks->wishes)
    hooks->wishes (wishes);
}

void set_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  switch (id) {
  case prop_mlineindex: // of construction: transceiver_new () knows it
    return;
  case prop_direction:
    return set_direction (o, static_cast<GstWebRTCRTPTransceiverDirection> (g_value_get_enum (v)));
  case prop_codec_preferences:
    return set_codecs (o, gst_value_get_caps (v));
  case prop_fec_type:
  case prop_fec_percentage:
  case prop_do_nack:
    return set_wish (o, id, v);
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
  }
}

void finalize (GObject *o)
{
  delete &state_of (o);
  G_OBJECT_CLASS (parent_class)->finalize (o);
}

void instance_init (GTypeInstance *instance, gpointer)
{
  static_cast<Private *> (G_STRUCT_MEMBER_P (instance, private_offset))->state = new Guarded<State>;
}

void class_init (gpointer klass, gpointer)
{
  constexpr auto rw = static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  parent_class = g_type_class_peek_parent (klass);
  g_type_class_adjust_private_offset (klass, &private_offset);
  auto *object = G_OBJECT_CLASS (klass);
  object->get_property = get_property;
  object->set_property = set_property;
  object->finalize = finalize;
  for (guint id = prop_mlineindex; id < G_N_ELEMENTS (overridden); id++)
    g_object_class_override_property (object, id, overridden[id]);
  g_object_class_install_property (object, prop_fec_type,
      g_param_spec_enum ("fec-type", "FEC type",
          "Forward error correction of what is sent, of video (RFC 5109); FEC of the peer is "
          "always taken",
          GST_TYPE_WEBRTC_FEC_TYPE, GST_WEBRTC_FEC_TYPE_NONE, rw));
  g_object_class_install_property (object, prop_fec_percentage,
      g_param_spec_uint ("fec-percentage", "FEC percentage",
          "Packets of protection for 100 packets of media", 0, 100, 100, rw));
  g_object_class_install_property (object, prop_do_nack,
      g_param_spec_boolean ("do-nack", "Do nack",
          "Here for webrtcbin's applications: lost packets are always asked for and sent again "
          "where "
          "the peer agrees",
          FALSE, rw));
}
} // namespace

namespace reach::rtc {
GType transceiver_type ()
{
  static const GType type = [] {
    // Sizes are GStreamer's own: no header has them.
    GTypeQuery query{};
    g_type_query (gst_webrtc_rtp_transceiver_get_type (), &query);
    GTypeInfo info{};
    info.class_size = static_cast<guint16> (query.class_size);
    info.instance_size = static_cast<guint16> (query.instance_size);
    info.class_init = class_init;
    info.instance_init = instance_init;
    const GType t = g_type_register_static (
        query.type, "GstReachRtcTransceiver", &info, static_cast<GTypeFlags> (0));
    private_offset = g_type_add_instance_private (t, sizeof (Private));
    return t;
  }();
  return type;
}

Ref<GstWebRTCRTPTransceiver> transceiver_new (
    MediaKind kind, const TransceiverShown &shown, TransceiverHooks hooks)
{
  // Floating: the parent class takes them over, and a reference besides.
  const auto sender = Ref<GObject>::adopt (
      static_cast<GObject *> (g_object_new (gst_webrtc_rtp_sender_get_type (), nullptr)));
  const auto receiver = Ref<GObject>::adopt (
      static_cast<GObject *> (g_object_new (gst_webrtc_rtp_receiver_get_type (), nullptr)));
  auto t = Ref<GstWebRTCRTPTransceiver>::adopt (
      static_cast<GstWebRTCRTPTransceiver *> (g_object_ref_sink (g_object_new (
          transceiver_type (), "sender", sender.get (), "receiver", receiver.get (), nullptr))));
  state_of (t.get ()).update ([&] (State &s) {
    s.kind = kind;
    s.shown = shown;
    s.hooks = std::make_shared<const TransceiverHooks> (std::move (hooks));
  });
  return t;
}

void transceiver_update (GstWebRTCRTPTransceiver *t, const TransceiverShown &shown)
{
  const TransceiverShown before =
      state_of (t).update ([&] (State &s) { return std::exchange (s.shown, shown); });
  auto *object = G_OBJECT (t);
  if (before.mid != shown.mid)
    g_object_notify (object, "mid");
  if (before.mline != shown.mline)
    g_object_notify (object, "mlineindex");
  if (before.direction != shown.direction)
    g_object_notify (object, "direction");
  if (before.current_direction != shown.current_direction)
    g_object_notify (object, "current-direction");
}

TransceiverShown transceiver_shown (GstWebRTCRTPTransceiver *t)
{
  return state_of (t).lock ()->shown;
}

TransceiverWishes transceiver_wishes (GstWebRTCRTPTransceiver *t)
{
  return state_of (t).lock ()->wishes;
}

void transceiver_detach (GstWebRTCRTPTransceiver *t)
{
  const auto hooks =
      state_of (t).update ([] (State &s) { return std::exchange (s.hooks, nullptr); });
}
} // namespace reach::rtc
