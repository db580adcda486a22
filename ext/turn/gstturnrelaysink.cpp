// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-turnrelaysink
 * @title: turnrelaysink
 *
 * Sends each buffer as one datagram to peers through a TURN server.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc ! x264enc tune=zerolatency ! rtph264pay ! turnrelaysink
 * uri="turn:user:pass@127.0.0.1:3478?transport=udp" peers=127.0.0.1:5004
 * ]| asks the server for a relayed address, and sends to the peer from there.
 *
 * ## Threads
 * The streaming thread runs render (): on UDP it writes to the socket itself. The session's loop
 * thread keeps the allocation. A thread of the element's own emits signals.
 */
#include "common/barrier.h"
#include "net/sender.h"
#include "net/socket_address.h"
#include "relay.h"
#include "turnelements.h"
#include <gst/base/gstbasesink.h>
#include <gst/net/gstnetaddressmeta.h>

GST_DEBUG_CATEGORY_STATIC (turnrelaysink_debug);
#define GST_CAT_DEFAULT turnrelaysink_debug

namespace {
using namespace reach;
using namespace reach::turn;

// Buffers' memories as they are, mapped until clear ().
class Batch {
public:
  ~Batch () { clear (); }
  bool add (GstBuffer *b, bool with_address)
  {
    const std::size_t first = pieces_.size ();
    std::size_t size = 0;
    for (guint i = 0; i < gst_buffer_n_memory (b); i++) {
      GstMapInfo info;
      if (!gst_memory_map (gst_buffer_peek_memory (b, i), &info, GST_MAP_READ))
        return false;
      maps_.push_back (info);
      if (info.size > 0)
        pieces_.push_back ({info.data, info.size});
      size += info.size;
    }
    ranges_.push_back (
        {first, pieces_.size () - first, size, with_address ? address_of (b) : stun::Address{}});
    return true;
  }
  std::span<const Sender::Packet> packets ()
  {
    packets_.clear ();
    for (const Range &r : ranges_)
      packets_.push_back ({std::span<const iovec> (pieces_).subspan (r.first, r.n), r.size, r.to});
    return packets_;
  }
  void clear ()
  {
    for (GstMapInfo &m : maps_)
      gst_memory_unmap (m.memory, &m);
    maps_.clear ();
    pieces_.clear ();
    ranges_.clear ();
  }

private:
  struct Range {
    std::size_t first, n, size;
    stun::Address to;
  };
  static stun::Address address_of (GstBuffer *b)
  {
    const GstNetAddressMeta *m = gst_buffer_get_net_address_meta (b);
    reach::Address a;
    const gssize n = m ? g_socket_address_get_native_size (m->addr) : 0;
    if (n <= 0 || n > static_cast<gssize> (sizeof a.storage) ||
        !g_socket_address_to_native (m->addr, &a.storage, sizeof a.storage, nullptr))
      return {};
    a.length = static_cast<socklen_t> (n);
    return from_socket (a);
  }
  std::vector<GstMapInfo> maps_;
  std::vector<iovec> pieces_;
  std::vector<Range> ranges_;
  std::vector<Sender::Packet> packets_;
};

class SinkImpl final : public Relay {
public:
  explicit SinkImpl (GstBaseSink *e) : Relay (GST_ELEMENT (e), true), sink_ (e) {}

  bool start_sink ()
  {
    if (!start ())
      return false;
    now_ = std::make_shared<Sender> (session (), outlet ());
    *sender_.lock () = now_;
    return true;
  }
  void stop_sink ()
  {
    now_.reset ();
    sender_.lock ()->reset ();
    stop ();
  }
  void flush (bool on)
  {
    if (const auto o = outlet ())
      o->set_flushing (on);
  }
  GstFlowReturn render (GstBuffer *one, GstBufferList *list)
  {
    Sender *const sender = now_.get ();
    if (!sender)
      return GST_FLOW_FLUSHING;
    for (auto ready = sender->wait (); ready != Sender::Ready::yes; ready = sender->wait ()) {
      if (ready == Sender::Ready::ended)
        return GST_FLOW_ERROR; // it was said why
      const GstFlowReturn r = gst_base_sink_wait_preroll (sink_);
      if (r != GST_FLOW_OK)
        return r;
    }
    const bool by_buffer = sender->by_buffer ();
    if (one && !by_buffer && gst_buffer_n_memory (one) == 1)
      return render_memory (*sender, gst_buffer_peek_memory (one, 0));
    bool good = !one || batch_.add (one, by_buffer);
    for (guint i = 0; list && good && i < gst_buffer_list_length (list); i++)
      good = batch_.add (gst_buffer_list_get (list, i), by_buffer);
    const GstFlowReturn r = good ? push (*sender, batch_.packets ()) : cannot_read ();
    batch_.clear ();
    return r;
  }

  void drain ()
  {
    if (now_)
      now_->drain (drain_limit);
  }

private:
  static constexpr Duration drain_limit = seconds (10);

  // As most buffers are: without a batch.
  GstFlowReturn render_memory (Sender &sender, GstMemory *m)
  {
    GstMapInfo info;
    if (!gst_memory_map (m, &info, GST_MAP_READ))
      return cannot_read ();
    const iovec piece{info.data, info.size};
    const Sender::Packet packet{{&piece, info.size > 0 ? 1u : 0u}, info.size, {}};
    const GstFlowReturn r = push (sender, {&packet, 1});
    gst_memory_unmap (m, &info);
    return r;
  }
  GstFlowReturn push (Sender &sender, std::span<const Sender::Packet> packets)
  {
    GstFlowReturn r = GST_FLOW_OK;
    auto left = sender.send (packets);
    while (!left.empty () && (r = gst_base_sink_wait_preroll (sink_)) == GST_FLOW_OK)
      left = sender.send (left);
    return r;
  }
  GstFlowReturn cannot_read ()
  {
    GST_ELEMENT_ERROR (sink_, RESOURCE, READ, ("A buffer cannot be read."), (nullptr));
    return GST_FLOW_ERROR;
  }
  void add_stats (GstStructure *s) override
  {
    const std::shared_ptr<Sender> sender = *sender_.lock ();
    const guint64 packets = sender ? std::uint64_t{sender->stats ().packets} : 0;
    const guint64 bytes = sender ? std::uint64_t{sender->stats ().bytes} : 0;
    gst_structure_set (s, "packets-sent", G_TYPE_UINT64, packets, "bytes-sent", G_TYPE_UINT64,
        bytes, "packets-dropped", G_TYPE_UINT64, sender ? sender->dropped () : 0, nullptr);
  }

  GstBaseSink *const sink_;
  Guarded<std::shared_ptr<Sender>> sender_;
  // Streaming thread, which runs only between start () and stop ().
  std::shared_ptr<Sender> now_;
  Batch batch_;
};
} // namespace

struct GstTurnRelaySink {
  GstBaseSink parent;
  SinkImpl *impl;
};
struct GstTurnRelaySinkClass {
  GstBaseSinkClass parent_class;
};

static SinkImpl &impl_of (gpointer e)
{
  return *reinterpret_cast<GstTurnRelaySink *> (e)->impl;
}

static void uri_handler_init (gpointer iface, gpointer)
{
  auto *handler = static_cast<GstURIHandlerInterface *> (iface);
  handler->get_type = [] (GType) { return GST_URI_SINK; };
  handler->get_protocols = [] (GType) -> const gchar *const * {
    static const gchar *protocols[] = {"turn", "turns", nullptr};
    return protocols;
  };
  handler->get_uri = [] (GstURIHandler *h) { return g_strdup (relay_uri (impl_of (h)).c_str ()); };
  handler->set_uri = [] (GstURIHandler *h, const gchar *uri, GError **error) -> gboolean {
    return set_relay_uri (impl_of (h), uri, error);
  };
}

G_DEFINE_TYPE_WITH_CODE (GstTurnRelaySink, gst_turn_relay_sink, GST_TYPE_BASE_SINK,
    G_IMPLEMENT_INTERFACE (GST_TYPE_URI_HANDLER, uri_handler_init)
        GST_DEBUG_CATEGORY_INIT (turnrelaysink_debug, "turnrelaysink", 0, "TURN relay sink"))
GST_ELEMENT_REGISTER_DEFINE (
    turnrelaysink, "turnrelaysink", GST_RANK_NONE, gst_turn_relay_sink_get_type ())

static void gst_turn_relay_sink_init (GstTurnRelaySink *self)
{
  self->impl = new SinkImpl (GST_BASE_SINK (self));
}

static void finalize (GObject *o)
{
  delete &impl_of (o);
  G_OBJECT_CLASS (gst_turn_relay_sink_parent_class)->finalize (o);
}

static void set_gobject_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  if (!set_relay_property (impl_of (o), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  if (!get_relay_property (impl_of (o), id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static void install_streaming (GstBaseSinkClass *sink)
{
  sink->start = [] (GstBaseSink *b) -> gboolean {
    return barrier (b, FALSE, [&] { return gboolean{impl_of (b).start_sink ()}; });
  };
  sink->stop = [] (GstBaseSink *b) -> gboolean {
    return barrier (b, FALSE, [&] {
      impl_of (b).stop_sink ();
      return TRUE;
    });
  };
  sink->unlock = [] (GstBaseSink *b) -> gboolean {
    impl_of (b).flush (true);
    return TRUE;
  };
  sink->unlock_stop = [] (GstBaseSink *b) -> gboolean {
    impl_of (b).flush (false);
    return TRUE;
  };
  sink->event = [] (GstBaseSink *b, GstEvent *event) -> gboolean {
    if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
      barrier (b, 0, [&] {
        impl_of (b).drain ();
        return 0;
      });
    return GST_BASE_SINK_CLASS (gst_turn_relay_sink_parent_class)->event (b, event);
  };
  sink->render = [] (GstBaseSink *b, GstBuffer *buffer) {
    return barrier (b, GST_FLOW_ERROR, [&] { return impl_of (b).render (buffer, nullptr); });
  };
  sink->render_list = [] (GstBaseSink *b, GstBufferList *list) {
    return barrier (b, GST_FLOW_ERROR, [&] { return impl_of (b).render (nullptr, list); });
  };
}

static void gst_turn_relay_sink_class_init (GstTurnRelaySinkClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_gobject_property;
  object->get_property = get_gobject_property;
  install_streaming (GST_BASE_SINK_CLASS (klass));
  install_relay_properties (object);
  install_relay_signals (object, {[] (gpointer e) -> Relay & { return impl_of (e); }});
  static GstStaticPadTemplate sink =
      GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  gst_element_class_add_static_pad_template (element, &sink);
  gst_element_class_set_static_metadata (element, "TURN relay sink", "Sink/Network",
      "Sends datagrams to peers through a TURN server", "The gst-plugins-reach developers");
}
