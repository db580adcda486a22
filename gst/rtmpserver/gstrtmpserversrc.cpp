// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/barrier.h"
#include "rtmpelements.h"
#include "server_properties.h"

GST_DEBUG_CATEGORY (rtmpserversrc_debug);
#define GST_CAT_DEFAULT rtmpserversrc_debug

G_DECLARE_FINAL_TYPE (GstRtmpServerSrc, gst_rtmp_server_src, GST, RTMP_SERVER_SRC, GstElement)

using reach::barrier;
using namespace reach::rtmp;

namespace {
struct Impl {
  reach::Guarded<ListenSettings> settings;
  reach::Guarded<std::shared_ptr<Server>> server;
};
} // namespace

struct _GstRtmpServerSrc {
  GstElement parent;
  Impl *impl;
};
G_DEFINE_FINAL_TYPE_WITH_CODE (GstRtmpServerSrc, gst_rtmp_server_src, GST_TYPE_ELEMENT,
    GST_DEBUG_CATEGORY_INIT (rtmpserversrc_debug, "rtmpserversrc", 0, "RTMP server source"))
GST_ELEMENT_REGISTER_DEFINE (
    rtmpserversrc, "rtmpserversrc", GST_RANK_NONE, gst_rtmp_server_src_get_type ())

static void gst_rtmp_server_src_init (GstRtmpServerSrc *self)
{
  self->impl = new Impl;
}

static void finalize (GObject *o)
{
  delete GST_RTMP_SERVER_SRC (o)->impl;
  G_OBJECT_CLASS (gst_rtmp_server_src_parent_class)->finalize (o);
}

static void set_gobject_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  auto *impl = GST_RTMP_SERVER_SRC (o)->impl;
  if (!impl->settings.update ([&] (auto &s) { return set_listen_property (s, id, v); }))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto *impl = GST_RTMP_SERVER_SRC (o)->impl;
  const auto server = *impl->server.lock ();
  if (!get_listen_property (*impl->settings.lock (), server.get (), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    auto *impl = GST_RTMP_SERVER_SRC (e)->impl;
    if (t == GST_STATE_CHANGE_NULL_TO_READY) {
      auto server = open_server (e, *impl->settings.lock ());
      if (!server)
        return GST_STATE_CHANGE_FAILURE;
      impl->server.update ([&] (auto &p) { p = std::move (server); });
    }
    const auto ret = GST_ELEMENT_CLASS (gst_rtmp_server_src_parent_class)->change_state (e, t);
    if (t == GST_STATE_CHANGE_READY_TO_NULL)
      impl->server.update ([] (auto &p) { p.reset (); });
    return ret;
  });
}

static void gst_rtmp_server_src_class_init (GstRtmpServerSrcClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_gobject_property;
  object->get_property = get_gobject_property;
  element->change_state = change_state;
  install_listen_properties (object);
  gst_element_class_set_static_metadata (element, "RTMP server source", "Source/Network",
      "Takes what RTMP publishers such as OBS and FFmpeg send", "The gst-plugins-reach developers");
}
