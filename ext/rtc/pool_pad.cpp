// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool_pad.h"

struct _GstRtcPoolPad {
  GstGhostPad parent;
  char *values[4]; // by property
};
G_DECLARE_FINAL_TYPE (GstRtcPoolPad, gst_rtc_pool_pad, GST, RTC_POOL_PAD, GstGhostPad)
G_DEFINE_FINAL_TYPE (GstRtcPoolPad, gst_rtc_pool_pad, GST_TYPE_GHOST_PAD)

static void gst_rtc_pool_pad_init (GstRtcPoolPad *) {}

static void gst_rtc_pool_pad_class_init (GstRtcPoolPadClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  object->get_property = [] (GObject *o, guint id, GValue *v, GParamSpec *spec) {
    if (id < 1 || id > 4) {
      G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
      return;
    }
    GST_OBJECT_LOCK (o);
    g_value_set_string (v, GST_RTC_POOL_PAD (o)->values[id - 1]);
    GST_OBJECT_UNLOCK (o);
  };
  object->finalize = [] (GObject *o) {
    for (char *value : GST_RTC_POOL_PAD (o)->values)
      g_free (value);
    G_OBJECT_CLASS (gst_rtc_pool_pad_parent_class)->finalize (o);
  };
  constexpr const char *properties[][2] = {{"peer-id", "Whose media these are"},
      {"mid", "The m-line they came by"}, {"kind", "video or audio"},
      {"description", "What the server says of that peer, JSON (NULL = nothing)"}};
  for (guint id = 1; id <= 4; id++)
    g_object_class_install_property (object, id,
        g_param_spec_string (properties[id - 1][0], nullptr, properties[id - 1][1], nullptr,
            static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

namespace reach::rtc {
GType pool_pad_type ()
{
  return gst_rtc_pool_pad_get_type ();
}

void pool_pad_set (GstPad *pad, const std::string &peer, const std::string &mid, const char *kind,
    const std::string &description)
{
  auto *p = GST_RTC_POOL_PAD (pad);
  const char *now[] = {
      peer.c_str (), mid.c_str (), kind, description.empty () ? nullptr : description.c_str ()};
  GST_OBJECT_LOCK (pad);
  for (unsigned i = 0; i < 4; i++) {
    g_free (p->values[i]);
    p->values[i] = g_strdup (now[i]);
  }
  GST_OBJECT_UNLOCK (pad);
}
} // namespace reach::rtc
