// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_pads.h"

struct _GstRtcPeerSinkPad {
  GstGhostPad parent;
  char *rid, *track; // under the object's lock
};
G_DECLARE_FINAL_TYPE (GstRtcPeerSinkPad, gst_rtc_peer_sink_pad, GST, RTC_PEER_SINK_PAD, GstGhostPad)
G_DEFINE_FINAL_TYPE (GstRtcPeerSinkPad, gst_rtc_peer_sink_pad, GST_TYPE_GHOST_PAD)

struct _GstRtcPeerSrcPad {
  GstGhostPad parent;
  char *mid, *rid;
};
G_DECLARE_FINAL_TYPE (GstRtcPeerSrcPad, gst_rtc_peer_src_pad, GST, RTC_PEER_SRC_PAD, GstGhostPad)
G_DEFINE_FINAL_TYPE (GstRtcPeerSrcPad, gst_rtc_peer_src_pad, GST_TYPE_GHOST_PAD)

namespace {
enum : guint { prop_rid = 1, prop_track, prop_mid };

void put (GstObject *pad, char *&where, char *value) // transfer full
{
  GST_OBJECT_LOCK (pad);
  g_free (where);
  where = value;
  GST_OBJECT_UNLOCK (pad);
}

void get (GObject *pad, char *const &where, GValue *v)
{
  GST_OBJECT_LOCK (pad);
  g_value_set_string (v, where);
  GST_OBJECT_UNLOCK (pad);
}

void sink_set_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  auto *p = GST_RTC_PEER_SINK_PAD (o);
  if (id != prop_rid && id != prop_track) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
    return;
  }
  put (GST_OBJECT (o), id == prop_rid ? p->rid : p->track, g_value_dup_string (v));
}

void sink_get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto *p = GST_RTC_PEER_SINK_PAD (o);
  if (id == prop_rid || id == prop_track)
    get (o, id == prop_rid ? p->rid : p->track, v);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

void sink_finalize (GObject *o)
{
  g_free (GST_RTC_PEER_SINK_PAD (o)->rid);
  g_free (GST_RTC_PEER_SINK_PAD (o)->track);
  G_OBJECT_CLASS (gst_rtc_peer_sink_pad_parent_class)->finalize (o);
}

void src_get_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto *p = GST_RTC_PEER_SRC_PAD (o);
  if (id == prop_rid || id == prop_mid)
    get (o, id == prop_rid ? p->rid : p->mid, v);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

void src_finalize (GObject *o)
{
  g_free (GST_RTC_PEER_SRC_PAD (o)->rid);
  g_free (GST_RTC_PEER_SRC_PAD (o)->mid);
  G_OBJECT_CLASS (gst_rtc_peer_src_pad_parent_class)->finalize (o);
}

void install (GObjectClass *k, guint id, const char *name, const char *blurb, int flags)
{
  g_object_class_install_property (k, id,
      g_param_spec_string (name, nullptr, blurb, nullptr,
          static_cast<GParamFlags> (flags | G_PARAM_STATIC_STRINGS)));
}
} // namespace

static void gst_rtc_peer_sink_pad_init (GstRtcPeerSinkPad *) {}
static void gst_rtc_peer_src_pad_init (GstRtcPeerSrcPad *) {}

static void gst_rtc_peer_sink_pad_class_init (GstRtcPeerSinkPadClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  object->set_property = sink_set_property;
  object->get_property = sink_get_property;
  object->finalize = sink_finalize;
  /**
   * GstRtcPeerSinkPad:rid:
   *
   * What goes into this pad is a layer of a simulcast track, and this its name (RFC 8851): 1 to 16
   * letters and digits. NULL: it is a track of its own. Pads with a rid and the same
   * #GstRtcPeerSinkPad:track are one track, with one m-line, which is sendonly; four at most, best
   * first in the order in which the pads were requested. May be set at any time; what was
   * negotiated is then negotiated anew.
   */
  install (object, prop_rid, "rid",
      "This is a layer of a simulcast track, by this name (NULL = a track of its own)",
      G_PARAM_READWRITE);
  /**
   * GstRtcPeerSinkPad:track:
   *
   * Whose layer this is: any text. NULL is a track like any other, so that a single one needs no
   * name. Without #GstRtcPeerSinkPad:rid it is of no use.
   */
  install (object, prop_track, "track", "Layers of the same track have the same text here",
      G_PARAM_READWRITE);
}

static void gst_rtc_peer_src_pad_class_init (GstRtcPeerSrcPadClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  object->get_property = src_get_property;
  object->finalize = src_finalize;
  install (object, prop_mid, "mid", "The m-line that this comes by", G_PARAM_READABLE);
  install (object, prop_rid, "rid", "The layer of it that this is (NULL = there are none)",
      G_PARAM_READABLE);
}

namespace reach::rtc {
GType peer_sink_pad_type ()
{
  return gst_rtc_peer_sink_pad_get_type ();
}

GType peer_src_pad_type ()
{
  return gst_rtc_peer_src_pad_get_type ();
}

LayerName layer_name (GstPad *pad)
{
  LayerName n;
  if (!GST_IS_RTC_PEER_SINK_PAD (pad))
    return n;
  const auto *p = GST_RTC_PEER_SINK_PAD (pad);
  GST_OBJECT_LOCK (pad);
  n = {p->track ? p->track : "", p->rid ? p->rid : ""};
  GST_OBJECT_UNLOCK (pad);
  return n;
}

void peer_src_pad_set (GstPad *pad, const std::string &mid, const std::string &rid)
{
  auto *p = GST_RTC_PEER_SRC_PAD (pad);
  put (GST_OBJECT (pad), p->mid, g_strdup (mid.c_str ()));
  put (GST_OBJECT (pad), p->rid, rid.empty () ? nullptr : g_strdup (rid.c_str ()));
}
} // namespace reach::rtc
