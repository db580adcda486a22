// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-turnrelaysrc
 * @title: turnrelaysrc
 *
 * Outputs what peers send to an address of a TURN server that is ours for a while.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m turnrelaysrc uri="turn:user:pass@127.0.0.1:3478" peers=127.0.0.1
 * caps="application/x-rtp,media=video,clock-rate=90000,encoding-name=H264" ! rtpjitterbuffer !
 * rtph264depay ! avdec_h264 ! videoconvert ! autovideosink
 * ]| The message turn-allocated says where the peer has to send to.
 *
 * ## Threads
 * The streaming thread runs create (). The session's loop thread reads the socket. Both meet in
 * Mailbox. A thread of the element's own emits signals.
 */
#include "common/barrier.h"
#include "common/running_clock.h"
#include "net/socket_address.h"
#include "relay.h"
#include "turnelements.h"
#include <gst/base/gstpushsrc.h>
#include <gst/net/gstnetaddressmeta.h>
#include <utility>

GST_DEBUG_CATEGORY_STATIC (turnrelaysrc_debug);
#define GST_CAT_DEFAULT turnrelaysrc_debug

namespace {
using namespace reach;
using namespace reach::turn;

constexpr guint default_size = 4 << 20;
constexpr guint64 default_time = GST_SECOND;
constexpr std::size_t most_at_once = 64; // buffers of one list

struct Mailbox {
  Fifo<Ref<GstBuffer>> buffers;
  Fifo<std::int64_t> arrived; // of each, monotonic, ns
  std::size_t bytes = 0;
  bool flushing = false, ended = false;
  bool fresh = true; // nothing was taken since it was started or flushed
  guint64 received = 0, received_bytes = 0, dropped = 0;
};

class SrcImpl final : public Relay {
public:
  explicit SrcImpl (GstBaseSrc *e) : Relay (GST_ELEMENT (e), false), src_ (e) {}
  ~SrcImpl () override { drop_address (); }

  bool start_src ()
  {
    mailbox_.update ([] (Mailbox &m) { m = {}; });
    full_ = false;
    streams_ = settings.lock ()->relay_transport == stun::Relay::tcp;
    return start ();
  }
  void stop_src ()
  {
    stop ();
    mailbox_.update ([] (Mailbox &m) {
      m.buffers.clear ();
      m.arrived.clear ();
      m.bytes = 0;
    });
    drop_address ();
  }
  void flush (bool on)
  {
    mailbox_.update ([on] (Mailbox &m) {
      m.flushing = on;
      m.fresh = true;
    });
  }
  GstFlowReturn create (GstBuffer **out);
  Ref<GstCaps> caps () { return *caps_.lock (); }
  void set_caps (GstCaps *c)
  {
    *caps_.lock () = c ? Ref<GstCaps>::adopt (gst_caps_copy (c)) : Ref<GstCaps> ();
  }

  RunningClock clock;
  std::atomic<guint> max_size_bytes = default_size;
  std::atomic<guint64> max_size_time = default_time;

private:
  void on_data (const Data &d) override;
  void on_data_done () override;
  bool is_full () const override { return full_; }
  GstFlowReturn take (GstBufferList *&list, GstBuffer **last);
  void on_ended () override
  {
    mailbox_.update ([] (Mailbox &m) { m.ended = true; });
  }
  void add_stats (GstStructure *s) override
  {
    auto m = mailbox_.lock ();
    gst_structure_set (s, "packets-received", G_TYPE_UINT64, m->received, "bytes-received",
        G_TYPE_UINT64, m->received_bytes, "packets-dropped", G_TYPE_UINT64, m->dropped,
        "queued-bytes", G_TYPE_UINT64, static_cast<guint64> (m->bytes), nullptr);
  }
  void drop_address () { g_clear_object (&address_); }
  static Ref<GstBuffer> pop (Mailbox &m);

  GstBaseSrc *const src_;
  Guarded<Mailbox> mailbox_;
  Guarded<Ref<GstCaps>> caps_;

  // Of a stream nothing can be dropped: no more of it is read instead.
  bool streams_ = false;
  std::atomic<bool> full_ = false;

  // Loop thread: what has come in this round, and the last peer.
  std::vector<Ref<GstBuffer>> fresh_;
  GSocketAddress *address_ = nullptr;
  stun::Address address_of_;
};

Ref<GstBuffer> SrcImpl::pop (Mailbox &m)
{
  Ref<GstBuffer> b = std::move (m.buffers.front ());
  m.bytes -= gst_buffer_get_size (b.get ());
  m.buffers.pop_front ();
  m.arrived.pop_front ();
  return b;
}

void SrcImpl::on_data (const Data &d)
{
  Relay::on_data (d);
  GstBuffer *b = gst_buffer_new_allocate (nullptr, d.payload.size (), nullptr);
  if (!b)
    return;
  gst_buffer_fill (b, 0, d.payload.data (), d.payload.size ());
  if (!address_ || address_of_ != d.peer) {
    drop_address ();
    const reach::Address a = to_socket (d.peer);
    address_ =
        g_socket_address_new_from_native (const_cast<sockaddr_storage *> (&a.storage), a.length);
    address_of_ = d.peer;
  }
  gst_buffer_add_net_address_meta (b, address_);
  fresh_.push_back (Ref<GstBuffer>::adopt (b));
}

void SrcImpl::on_data_done ()
{
  if (fresh_.empty ())
    return;
  const std::int64_t now =
      std::chrono::duration_cast<nanoseconds> (Clock::now ().time_since_epoch ()).count ();
  const std::int64_t time = clock.running_time_of (now);
  mailbox_.update ([&] (Mailbox &m) {
    for (Ref<GstBuffer> &b : fresh_) {
      const std::size_t size = gst_buffer_get_size (b.get ());
      if (time != RunningClock::none && time >= 0)
        GST_BUFFER_PTS (b.get ()) = GST_BUFFER_DTS (b.get ()) = static_cast<GstClockTime> (time);
      m.received++;
      m.received_bytes += size;
      m.bytes += size;
      m.buffers.push_back (std::move (b));
      m.arrived.push_back (now);
    }
    if (streams_) {
      full_ = m.bytes > max_size_bytes;
      return;
    }
    while (
        m.bytes > max_size_bytes ||
        (!m.arrived.empty () && static_cast<guint64> (now - m.arrived.front ()) > max_size_time)) {
      pop (m);
      m.dropped++;
    }
  });
  fresh_.clear ();
}

// GstBaseSrc takes lists as well, but 1.22 logs a CRITICAL when it is stopped just after create ()
// has given it one. So a list is pushed here, all but its last buffer. After a start or a flush the
// base class gets one alone, before which it sends the segment.
GstFlowReturn SrcImpl::create (GstBuffer **out)
{
  GstBufferList *list = nullptr;
  GstFlowReturn r = take (list, out);
  if (full_ && mailbox_.lock ()->bytes < max_size_bytes / 2) {
    full_ = false;
    if (const auto s = session ())
      s->resume ();
  }
  if (list && (r = gst_pad_push_list (GST_BASE_SRC_PAD (src_), list)) != GST_FLOW_OK)
    gst_clear_buffer (out);
  return r;
}

GstFlowReturn SrcImpl::take (GstBufferList *&list, GstBuffer **last)
{
  auto m = mailbox_.lock ();
  m.wait ([] (const Mailbox &b) { return b.flushing || b.ended || !b.buffers.empty (); });
  if (m->flushing)
    return GST_FLOW_FLUSHING;
  if (m->buffers.empty ())
    return GST_FLOW_ERROR; // it was said why
  const std::size_t n =
      std::exchange (m->fresh, false) ? 1 : std::min (m->buffers.size (), most_at_once);
  if (n > 1)
    list = gst_buffer_list_new_sized (static_cast<guint> (n - 1));
  for (std::size_t i = 1; i < n; i++)
    gst_buffer_list_add (list, pop (*m).release ());
  *last = pop (*m).release ();
  return GST_FLOW_OK;
}

enum : guint { prop_caps = first_own_property, prop_max_size_bytes, prop_max_size_time };
} // namespace

struct GstTurnRelaySrc {
  GstPushSrc parent;
  SrcImpl *impl;
};
struct GstTurnRelaySrcClass {
  GstPushSrcClass parent_class;
};

static SrcImpl &impl_of (gpointer e)
{
  return *reinterpret_cast<GstTurnRelaySrc *> (e)->impl;
}

static void uri_handler_init (gpointer iface, gpointer)
{
  auto *handler = static_cast<GstURIHandlerInterface *> (iface);
  handler->get_type = [] (GType) { return GST_URI_SRC; };
  handler->get_protocols = [] (GType) -> const gchar *const * {
    static const gchar *protocols[] = {"turn", "turns", "stun", "stuns", nullptr};
    return protocols;
  };
  handler->get_uri = [] (GstURIHandler *h) { return g_strdup (relay_uri (impl_of (h)).c_str ()); };
  handler->set_uri = [] (GstURIHandler *h, const gchar *uri, GError **error) -> gboolean {
    return set_relay_uri (impl_of (h), uri, error);
  };
}

G_DEFINE_TYPE_WITH_CODE (GstTurnRelaySrc, gst_turn_relay_src, GST_TYPE_PUSH_SRC,
    G_IMPLEMENT_INTERFACE (GST_TYPE_URI_HANDLER, uri_handler_init)
        GST_DEBUG_CATEGORY_INIT (turnrelaysrc_debug, "turnrelaysrc", 0, "TURN relay source"))
GST_ELEMENT_REGISTER_DEFINE (
    turnrelaysrc, "turnrelaysrc", GST_RANK_NONE, gst_turn_relay_src_get_type ())

static void gst_turn_relay_src_init (GstTurnRelaySrc *self)
{
  self->impl = new SrcImpl (GST_BASE_SRC (self));
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}

static void finalize (GObject *o)
{
  delete &impl_of (o);
  G_OBJECT_CLASS (gst_turn_relay_src_parent_class)->finalize (o);
}

static void set_gobject_property (GObject *o, guint id, const GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  if (id == prop_caps) {
    impl.set_caps (static_cast<GstCaps *> (g_value_get_boxed (v)));
    gst_pad_mark_reconfigure (GST_BASE_SRC_PAD (o));
  } else if (id == prop_max_size_bytes)
    impl.max_size_bytes = g_value_get_uint (v);
  else if (id == prop_max_size_time)
    impl.max_size_time = g_value_get_uint64 (v);
  else if (!set_relay_property (impl, id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static void get_gobject_property (GObject *o, guint id, GValue *v, GParamSpec *spec)
{
  auto &impl = impl_of (o);
  if (id == prop_caps)
    g_value_set_boxed (v, impl.caps ().get ());
  else if (id == prop_max_size_bytes)
    g_value_set_uint (v, impl.max_size_bytes);
  else if (id == prop_max_size_time)
    g_value_set_uint64 (v, impl.max_size_time);
  else if (!get_relay_property (impl, id, v))
    G_OBJECT_WARN_INVALID_PROPERTY_ID (o, id, spec);
}

static GstCaps *get_caps (GstBaseSrc *b, GstCaps *filter)
{
  return barrier<GstCaps *> (b, nullptr, [&] {
    const Ref<GstCaps> own = impl_of (b).caps ();
    if (own)
      return filter ? gst_caps_intersect_full (filter, own.get (), GST_CAPS_INTERSECT_FIRST)
                    : gst_caps_ref (own.get ());
    return filter ? gst_caps_ref (filter) : gst_caps_new_any ();
  });
}

static gboolean query (GstBaseSrc *b, GstQuery *q)
{
  if (GST_QUERY_TYPE (q) != GST_QUERY_LATENCY)
    return GST_BASE_SRC_CLASS (gst_turn_relay_src_parent_class)->query (b, q);
  // Nothing is held back; more than max-size-time is never kept.
  gst_query_set_latency (q, TRUE, 0, impl_of (b).max_size_time);
  return TRUE;
}

static GstStateChangeReturn change_state (GstElement *e, GstStateChange t)
{
  return barrier (e, GST_STATE_CHANGE_FAILURE, [&] {
    if (t == GST_STATE_CHANGE_PAUSED_TO_PLAYING)
      impl_of (e).clock.start (e);
    if (t == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
      impl_of (e).clock.stop ();
    return GST_ELEMENT_CLASS (gst_turn_relay_src_parent_class)->change_state (e, t);
  });
}

static void install_streaming (GstBaseSrcClass *src, GstPushSrcClass *push)
{
  src->start = [] (GstBaseSrc *b) -> gboolean {
    return barrier (b, FALSE, [&] { return gboolean{impl_of (b).start_src ()}; });
  };
  src->stop = [] (GstBaseSrc *b) -> gboolean {
    return barrier (b, FALSE, [&] {
      impl_of (b).stop_src ();
      return TRUE;
    });
  };
  src->unlock = [] (GstBaseSrc *b) -> gboolean {
    impl_of (b).flush (true);
    return TRUE;
  };
  src->unlock_stop = [] (GstBaseSrc *b) -> gboolean {
    impl_of (b).flush (false);
    return TRUE;
  };
  src->get_caps = get_caps;
  src->query = query;
  src->is_seekable = [] (GstBaseSrc *) -> gboolean { return FALSE; };
  push->create = [] (GstPushSrc *b, GstBuffer **out) {
    return barrier (b, GST_FLOW_ERROR, [&] { return impl_of (b).create (out); });
  };
}

static void install_properties (GObjectClass *k)
{
  constexpr auto rw = static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  install_relay_properties (k);
  g_object_class_install_property (k, prop_caps,
      g_param_spec_boxed ("caps", "Caps", "What the peers send (NULL = anything)", GST_TYPE_CAPS,
          static_cast<GParamFlags> (rw | GST_PARAM_MUTABLE_PLAYING)));
  g_object_class_install_property (k, prop_max_size_bytes,
      g_param_spec_uint ("max-size-bytes", "Most bytes",
          "That wait for the pipeline; the oldest packets are dropped over it", 64 << 10, G_MAXUINT,
          default_size, static_cast<GParamFlags> (rw | GST_PARAM_MUTABLE_PLAYING)));
  g_object_class_install_property (k, prop_max_size_time,
      g_param_spec_uint64 ("max-size-time", "Most time",
          "Nanoseconds that a packet waits for the pipeline; it is dropped then", GST_MSECOND,
          G_MAXINT64, default_time, static_cast<GParamFlags> (rw | GST_PARAM_MUTABLE_PLAYING)));
}

static void gst_turn_relay_src_class_init (GstTurnRelaySrcClass *klass)
{
  auto *object = G_OBJECT_CLASS (klass);
  auto *element = GST_ELEMENT_CLASS (klass);
  object->finalize = finalize;
  object->set_property = set_gobject_property;
  object->get_property = get_gobject_property;
  element->change_state = change_state;
  install_streaming (GST_BASE_SRC_CLASS (klass), GST_PUSH_SRC_CLASS (klass));
  install_properties (object);
  install_relay_signals (object, {[] (gpointer e) -> Relay & { return impl_of (e); }});
  static GstStaticPadTemplate src =
      GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  gst_element_class_add_static_pad_template (element, &src);
  gst_element_class_set_static_metadata (element, "TURN relay source", "Source/Network",
      "Outputs what peers send to a TURN server for us", "The gst-plugins-reach developers");
}
