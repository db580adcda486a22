// SPDX-License-Identifier: LGPL-2.1-or-later
// GstWebRTCDataChannel on data channels of two peers, used as an application of webrtcbin uses it.
#include "hub_pair.h"
#include "rtc/webrtc/data_channel.h"
#include <cstring>
#include <thread>

using namespace reach;
using namespace reach::test;

namespace {
using Channel = Ref<GstWebRTCDataChannel>;
using BytesPtr = Owned<GBytes, g_bytes_unref>;

template <typename T> T get (const Channel &c, const char *name)
{
  T v{};
  g_object_get (c.get (), name, &v, nullptr);
  return v;
}
std::string get_text (const Channel &c, const char *name)
{
  const CharPtr s (get<gchar *> (c, name));
  return s ? s.get () : "(null)";
}

// What the application sees of one channel, by signals.
struct App {
  struct Seen {
    std::vector<std::string> events;
    std::vector<std::string> texts;
    std::size_t data = 0;
    std::thread::id thread;
    unsigned threads = 0;
  };
  Watched<Seen> seen;
  Watched<bool> held{false}; // message handlers wait while it is

  explicit App (const Channel &c)
  {
    const auto connect = [&] (const char *signal, GCallback f) {
      g_signal_connect (c.get (), signal, f, this);
    };
    connect ("on-open", G_CALLBACK (+[] (GstWebRTCDataChannel *, App *a) { a->add ("open"); }));
    connect ("on-close", G_CALLBACK (+[] (GstWebRTCDataChannel *, App *a) { a->add ("close"); }));
    connect ("on-buffered-amount-low",
        G_CALLBACK (+[] (GstWebRTCDataChannel *, App *a) { a->add ("low"); }));
    connect ("on-error", G_CALLBACK (+[] (GstWebRTCDataChannel *, GError *e, App *a) {
      a->add ("error " + std::to_string (e->code) + " " + e->message);
    }));
    connect ("on-message-string", G_CALLBACK (+[] (GstWebRTCDataChannel *, gchar *s, App *a) {
      a->message ([s] (Seen &x) { x.texts.emplace_back (s ? s : "(null)"); });
    }));
    connect ("on-message-data", G_CALLBACK (+[] (GstWebRTCDataChannel *, GBytes *b, App *a) {
      a->message ([b] (Seen &x) {
        x.data += b ? g_bytes_get_size (b) : 0;
        if (!b)
          x.texts.emplace_back ("(null data)");
      });
    }));
    connect (
        "notify::ready-state", G_CALLBACK (+[] (GstWebRTCDataChannel *ch, GParamSpec *, App *a) {
          GstWebRTCDataChannelState state;
          g_object_get (ch, "ready-state", &state, nullptr);
          a->add ("state " + std::to_string (state));
        }));
  }
  bool wait (const char *event)
  {
    return seen.wait ([event] (const Seen &s) {
      return std::find (s.events.begin (), s.events.end (), event) != s.events.end ();
    });
  }
  bool wait_text (const char *text)
  {
    return seen.wait ([text] (const Seen &s) {
      return std::find (s.texts.begin (), s.texts.end (), text) != s.texts.end ();
    });
  }
  bool wait_error (GstWebRTCError code)
  {
    return seen.wait ([start = "error " + std::to_string (code)] (const Seen &s) {
      return std::any_of (s.events.begin (), s.events.end (),
          [&] (const std::string &e) { return e.starts_with (start); });
    });
  }

private:
  template <typename F> void message (F &&f)
  {
    held.wait ([] (bool h) { return !h; });
    change (f);
  }
  void add (std::string event)
  {
    change ([&] (Seen &s) { s.events.push_back (std::move (event)); });
  }
  template <typename F> void change (F &&f)
  {
    seen.update ([&] (Seen &s) {
      s.threads += s.thread != std::this_thread::get_id ();
      s.thread = std::this_thread::get_id ();
      f (s);
    });
  }
};

struct Side {
  SerialQueue events{"signals"};
  std::shared_ptr<SignalQueue> queue = std::make_shared<SignalQueue> (events);
  ~Side () { queue->close (); }
};

// Two peers, each with its thread of signals.
struct Peers {
  // They go last, as signals come until their queue is gone.
  Watched<std::vector<Channel>> incoming;
  Watched<std::vector<std::shared_ptr<App>>> apps; // of incoming channels
  std::shared_ptr<App> app;                        // of what create () made last
  Side sa, sb;
  HubPair p;

  explicit Peers (bool connect = true) : p (false)
  {
    p.b.loop.call ([this] {
      p.b.on_incoming = [this] (const DataChannels::Channel &c) {
        std::string why;
        Channel object = data_channel_new (c.config, sb.queue, why);
        const DataHub::Ends ends = data_channel_ends (object.get ());
        sb.queue->post ([this, object] {
          apps.update ([&] (auto &all) { all.push_back (std::make_shared<App> (object)); });
          incoming.update ([&] (auto &all) { all.push_back (object); });
        });
        return ends;
      };
    });
    if (connect)
      p.connect ();
  }
  // As the element's action does it.
  Channel create (const char *label, const GstStructure *options = nullptr)
  {
    std::string why;
    const auto config = channel_config (label, options, why);
    fail_unless (config.has_value (), "%s", why.c_str ());
    Channel c = data_channel_new (*config, sa.queue, why);
    fail_unless (c.get () != nullptr, "%s", why.c_str ());
    app = std::make_shared<App> (c); // before it can open
    p.a.loop.post ([this, c, config] { p.a.hub->create (*config, data_channel_ends (c.get ())); });
    return c;
  }
  Channel first_incoming ()
  {
    fail_unless (incoming.wait ([] (const auto &all) { return !all.empty (); }));
    return incoming.get ()[0];
  }
  void end ()
  {
    p.a.end ();
    p.b.end ();
  }
};

BytesPtr bytes_of (std::size_t n)
{
  return BytesPtr (g_bytes_new_take (g_malloc0 (n), n));
}
} // namespace

GST_START_TEST (test_class_is_checked)
{
  std::string why;
  fail_unless (
      g_type_is_a (data_channel_type (why), GST_TYPE_WEBRTC_DATA_CHANNEL), "%s", why.c_str ());
  fail_unless (why.empty ());
  const GType parent = GST_TYPE_WEBRTC_DATA_CHANNEL;
  GTypeQuery query{};
  g_type_query (parent, &query);
  gpointer klass = g_type_class_ref (parent);
  fail_unless (data_channel_class_fault (query, klass).empty ());
  query.class_size += 8;
  why = data_channel_class_fault (query, klass);
  fail_unless (why.find ("200 bytes instead of 192") != std::string::npos, "%s", why.c_str ());
  query.class_size -= 8;
  // Another function where we have ours.
  std::vector<gpointer> other (query.class_size / sizeof (gpointer));
  std::memcpy (other.data (), klass, query.class_size);
  other[sizeof (GObjectClass) / sizeof (gpointer)] = klass;
  fail_if (data_channel_class_fault (query, other.data ()).empty ());
  g_type_class_unref (klass);
}
GST_END_TEST

GST_START_TEST (test_options)
{
  g_type_ensure (GST_TYPE_WEBRTC_PRIORITY_TYPE); // for its name below
  std::string why;
  const auto config = [&] (const char *text) {
    const StructurePtr s (gst_structure_from_string (text, nullptr));
    fail_unless (s != nullptr);
    why.clear ();
    return channel_config ("label", s.get (), why);
  };
  const auto c = config ("o, ordered=false, max-retransmits=3, protocol=p, negotiated=true, id=9, "
                         "priority=(GstWebRTCPriorityType)high");
  fail_unless (c && !c->reliability.ordered && c->reliability.max_retransmits == 3u);
  fail_unless (c->protocol == "p" && c->negotiated && c->id == 9 && c->priority == 1024);
  fail_unless (!c->reliability.max_lifetime);
  const auto plain = channel_config ("label", nullptr, why);
  fail_unless (plain && plain->reliability.ordered && !plain->id && plain->priority == 256);
  for (const char *bad : {"o, max-retransmits=1, max-packet-lifetime=1", "o, negotiated=true",
           "o, id=65535", "o, max-retransmits=65536"})
    fail_if (config (bad).has_value () || why.empty (), "%s", bad);
}
GST_END_TEST

GST_START_TEST (test_properties_and_messages)
{
  Peers p (false);
  const StructurePtr options (gst_structure_from_string (
      "o, ordered=false, max-packet-lifetime=500, protocol=words", nullptr));
  const Channel c = p.create ("chat", options.get ());
  App &app = *p.app;
  fail_unless (get_text (c, "label") == "chat" && get_text (c, "protocol") == "words");
  fail_unless_equals_int (get<gint> (c, "id"), -1);
  fail_unless_equals_int (get<gint> (c, "ready-state"), GST_WEBRTC_DATA_CHANNEL_STATE_CONNECTING);
  fail_unless (!get<gboolean> (c, "ordered") && !get<gboolean> (c, "negotiated"));
  fail_unless_equals_int (get<gint> (c, "max-packet-lifetime"), 500);
  fail_unless_equals_int (get<gint> (c, "max-retransmits"), -1);
  fail_unless_equals_int (get<gint> (c, "priority"), GST_WEBRTC_PRIORITY_TYPE_LOW);
  GError *error = nullptr;
  fail_if (gst_webrtc_data_channel_send_string_full (c.get (), "early", &error));
  fail_unless (g_error_matches (error, GST_WEBRTC_ERROR, GST_WEBRTC_ERROR_INVALID_STATE));
  g_clear_error (&error);
  p.p.connect ();
  fail_unless (app.wait ("open"));
  fail_unless_equals_int (get<gint> (c, "ready-state"), GST_WEBRTC_DATA_CHANNEL_STATE_OPEN);
  const Channel d = p.first_incoming ();
  const auto other = p.apps.get ()[0];
  fail_unless (other->wait ("open"));
  fail_unless (get_text (d, "label") == "chat" && get_text (d, "protocol") == "words");
  fail_unless_equals_int (get<gint> (d, "id"), get<gint> (c, "id"));
  fail_unless_equals_int (get<gint> (d, "max-packet-lifetime"), 500);

  fail_unless (gst_webrtc_data_channel_send_string_full (c.get (), "h\xc3\xa9", &error));
  fail_unless (gst_webrtc_data_channel_send_data_full (c.get (), bytes_of (1000).get (), &error));
  g_signal_emit_by_name (c.get (), "send-string", "by action");
  g_signal_emit_by_name (c.get (), "send-string", nullptr);
  g_signal_emit_by_name (c.get (), "send-data", nullptr);
  for (const char *text : {"h\xc3\xa9", "by action", "(null)", "(null data)"})
    fail_unless (other->wait_text (text), "%s", text);
  fail_unless (other->seen.wait ([] (const auto &s) { return s.data == 1000; }));
  gst_webrtc_data_channel_send_string (d.get (), "back");
  fail_unless (app.wait_text ("back"));
  fail_unless_equals_int (app.seen.get ().threads, 1); // all on one thread
  p.end ();
  fail_unless (app.wait ("close"));
}
GST_END_TEST

// Nothing is refused in silence.
GST_START_TEST (test_refusals)
{
  Peers p;
  const Channel c = p.create ("c");
  App &app = *p.app;
  fail_unless (app.wait ("open"));
  GError *error = nullptr;
  fail_if (gst_webrtc_data_channel_send_data_full (c.get (), bytes_of (300000).get (), &error));
  fail_unless (g_error_matches (error, GST_WEBRTC_ERROR, GST_WEBRTC_ERROR_TYPE_ERROR));
  g_clear_error (&error);
  fail_if (gst_webrtc_data_channel_send_string_full (c.get (), "\xff", &error));
  fail_unless (g_error_matches (error, GST_WEBRTC_ERROR, GST_WEBRTC_ERROR_TYPE_ERROR));
  g_clear_error (&error);
  g_signal_emit_by_name (c.get (), "send-data", bytes_of (300000).get ());
  fail_unless (app.wait_error (GST_WEBRTC_ERROR_TYPE_ERROR));

  g_object_set (c.get (), "buffered-amount-low-threshold", guint64{100000}, nullptr);
  fail_unless_equals_uint64 (get<guint64> (c, "buffered-amount-low-threshold"), 100000);
  p.p.a.hold = true;
  const BytesPtr block = bytes_of (200000);
  unsigned sent = 0;
  while (gst_webrtc_data_channel_send_data_full (c.get (), block.get (), &error))
    fail_unless (++sent < 1000);
  fail_unless (g_error_matches (error, GST_WEBRTC_ERROR, GST_WEBRTC_ERROR_DATA_CHANNEL_FAILURE));
  g_clear_error (&error);
  const auto amount = get<guint64> (c, "buffered-amount");
  fail_unless (amount > 15 << 20 && amount <= 16 << 20);
  gst_webrtc_data_channel_send_data (c.get (), block.get ());
  fail_unless (app.wait_error (GST_WEBRTC_ERROR_DATA_CHANNEL_FAILURE));
  p.p.a.hold = false;
  fail_unless (app.wait ("low"));
  fail_unless (p.apps.wait ([] (const auto &all) { return !all.empty (); }));
  const auto other = p.apps.get ()[0];
  fail_unless (
      other->seen.wait ([sent] (const auto &s) { return s.data == sent * std::size_t{200000}; }));
  p.end ();
}
GST_END_TEST

GST_START_TEST (test_close)
{
  Peers p;
  const Channel c = p.create ("c");
  App &app = *p.app;
  fail_unless (app.wait ("open"));
  const Channel d = p.first_incoming ();
  const auto other = p.apps.get ()[0];
  gst_webrtc_data_channel_send_string (c.get (), "last words");
  gst_webrtc_data_channel_close (c.get ());
  const auto state = get<gint> (c, "ready-state");
  fail_unless (state == GST_WEBRTC_DATA_CHANNEL_STATE_CLOSING ||
               state == GST_WEBRTC_DATA_CHANNEL_STATE_CLOSED);
  fail_if (gst_webrtc_data_channel_send_string_full (c.get (), "x", nullptr));
  fail_unless (app.wait ("close") && other->wait ("close"));
  fail_unless (other->wait_text ("last words"));
  fail_unless_equals_int (get<gint> (d, "ready-state"), GST_WEBRTC_DATA_CHANNEL_STATE_CLOSED);
  const auto events = other->seen.get ().events;
  fail_unless (
      (events == std::vector<std::string>{"state 2", "open", "state 3", "state 4", "close"}));
  gst_webrtc_data_channel_close (c.get ());
  // By action, and before there is an association.
  Peers q (false);
  const Channel e = q.create ("e");
  App &early = *q.app;
  g_signal_emit_by_name (e.get (), "close");
  fail_unless (early.wait ("close"));
}
GST_END_TEST

// The application's reference, and its calls, outlive the peer and its thread of signals.
GST_START_TEST (test_outlives_the_peer)
{
  Channel c;
  std::shared_ptr<App> app;
  {
    Peers p;
    c = p.create ("c");
    app = p.app;
    fail_unless (app->wait ("open"));
    std::atomic<bool> stop{false};
    std::thread sender ([&] {
      while (!stop)
        gst_webrtc_data_channel_send_string_full (c.get (), "x", nullptr);
    });
    p.end ();
    fail_unless (app->wait ("close"));
    stop = true;
    sender.join ();
  }
  fail_unless_equals_int (get<gint> (c, "ready-state"), GST_WEBRTC_DATA_CHANNEL_STATE_CLOSED);
  GError *error = nullptr;
  fail_if (gst_webrtc_data_channel_send_string_full (c.get (), "x", &error));
  fail_unless (g_error_matches (error, GST_WEBRTC_ERROR, GST_WEBRTC_ERROR_INVALID_STATE));
  g_clear_error (&error);
  gst_webrtc_data_channel_send_string (c.get (), "x"); // on-error has nowhere to go
  gst_webrtc_data_channel_close (c.get ());
  fail_unless_equals_int (G_OBJECT (c.get ())->ref_count, 1);
}
GST_END_TEST

// A handler that takes its time: what waits for it has a bound, and then the channel ends.
GST_START_TEST (test_slow_handlers)
{
  Peers p;
  const Channel c = p.create ("c");
  App &app = *p.app;
  fail_unless (app.wait ("open"));
  const Channel d = p.first_incoming ();
  const auto other = p.apps.get ()[0];
  fail_unless (other->wait ("open"));
  other->held.set (true);
  const BytesPtr block = bytes_of (250000);
  for (unsigned n = 0;
       n < 500 && get<gint> (c, "ready-state") == GST_WEBRTC_DATA_CHANNEL_STATE_OPEN;)
    if (gst_webrtc_data_channel_send_data_full (c.get (), block.get (), nullptr))
      n++;
    else
      std::this_thread::yield ();
  fail_unless (app.wait ("close"));
  other->held.set (false);
  fail_unless (other->wait ("close"));
  fail_unless (other->wait_error (GST_WEBRTC_ERROR_DATA_CHANNEL_FAILURE));
  fail_unless (other->seen.get ().data <= 17 << 20);
}
GST_END_TEST

static Suite *webrtc_channel_suite (void)
{
  Suite *s = suite_create ("rtc-webrtc_channel");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_class_is_checked);
  tcase_add_test (t, test_options);
  tcase_add_test (t, test_properties_and_messages);
  tcase_add_test (t, test_refusals);
  tcase_add_test (t, test_close);
  tcase_add_test (t, test_outlives_the_peer);
  tcase_add_test (t, test_slow_handlers);
  return s;
}
GST_CHECK_MAIN (webrtc_channel)
