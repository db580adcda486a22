// SPDX-License-Identifier: LGPL-2.1-or-later
// Data channels between rtcpeer and Chromium, opened by either side.
#include "../rtc_browser.h"

using namespace reach::test;

namespace {
struct Kind {
  const char *name, *browser; // RTCDataChannelInit
  const char *ours;           // options of create-data-channel
  const char *messages;
  const char *seen; // label, protocol, ordered, maxRetransmits, maxPacketLifeTime
};
const Kind kinds[] = {
    {"reliable", "{}", "o", "all", R"(["lawn","",true,null,null])"},
    {"unordered", "{ordered: false}", "o,ordered=false", "all", R"(["lawn","",false,null,null])"},
    {"no retransmissions", "{ordered: false, maxRetransmits: 0, protocol: 'x'}",
        "o,ordered=false,max-retransmits=0,protocol=x", "small", R"(["lawn","x",false,0,null])"},
    {"100 ms", "{maxPacketLifeTime: 100}", "o,max-packet-lifetime=100", "small",
        R"(["lawn","",true,null,100])"},
};
constexpr int kind_count = G_N_ELEMENTS (kinds);

// A channel that sends back what it gets.
class Echo {
public:
  explicit Echo (GObject *channel) : channel_ (channel)
  {
    g_signal_connect (channel, "on-message-string",
        G_CALLBACK (+[] (GObject *c, const char *text, gpointer) {
          g_signal_emit_by_name (c, "send-string", text);
        }),
        nullptr);
    g_signal_connect (channel, "on-message-data",
        G_CALLBACK (
            +[] (GObject *c, GBytes *b, gpointer) { g_signal_emit_by_name (c, "send-data", b); }),
        nullptr);
    g_signal_connect (channel, "on-close",
        G_CALLBACK (+[] (GObject *, Echo *self) { self->closed.set (true); }), this);
  }
  ~Echo ()
  {
    g_signal_handlers_disconnect_by_data (channel_, this);
    g_object_unref (channel_);
  }
  Echo (const Echo &) = delete;
  Echo &operator= (const Echo &) = delete;
  void close () { g_signal_emit_by_name (channel_, "close"); }
  std::string shown () const
  {
    gchar *label = nullptr, *protocol = nullptr;
    gboolean ordered = FALSE;
    gint lifetime = 0, retransmits = 0;
    g_object_get (channel_, "label", &label, "protocol", &protocol, "ordered", &ordered,
        "max-packet-lifetime", &lifetime, "max-retransmits", &retransmits, nullptr);
    const auto number = [] (gint n) { return n < 0 ? std::string ("null") : std::to_string (n); };
    const std::string all = std::string ("[\"") + label + "\",\"" + (protocol ? protocol : "") +
                            "\"," + (ordered ? "true" : "false") + "," + number (retransmits) +
                            "," + number (lifetime) + "]";
    g_free (label);
    g_free (protocol);
    return all;
  }
  Watched<bool> closed;

private:
  GObject *channel_;
};

struct Channels { // those that the browser opens
  explicit Channels (Peer &p) : peer (p)
  {
    g_signal_connect (p.peer, "on-data-channel",
        G_CALLBACK (+[] (GstElement *, GObject *channel, Channels *self) {
          self->all.update ([channel] (auto &a) {
            a.push_back (std::make_shared<Echo> (G_OBJECT (g_object_ref (channel))));
          });
        }),
        this);
  }
  ~Channels () { g_signal_handlers_disconnect_by_data (peer.peer, this); }
  Peer &peer;
  Watched<std::vector<std::shared_ptr<Echo>>> all;
};
} // namespace

GST_START_TEST (test_browser_opens)
{
  const Kind &k = kinds[__i__ % kind_count];
  const Server server;
  browser ().open (server.page ());
  Peer p (server, "", false);
  Channels channels (p);
  p.start ();
  browser ().run (std::string ("connect('garden', (p) => { window.channel = p.createDataChannel("
                               "'lawn', ") +
                  k.browser + "); })");
  const std::string seen = browser ().run (
      std::string ("until(() => window.channel, 'a channel').then((c) => echoes(c, '") +
      k.messages + "'))");
  fail_unless_equals_string (seen.c_str (), k.seen);
  const auto echo = channels.all.get ().at (0);
  fail_unless_equals_string (echo->shown ().c_str (), k.seen);
  browser ().run ("window.channel.close()");
  fail_unless (echo->closed.wait ([] (bool b) { return b; }), "not closed");
  g_print ("opened by Chromium, %s: %s\n", k.name, seen.c_str ());
}
GST_END_TEST

GST_START_TEST (test_we_open)
{
  const Kind &k = kinds[__i__ % kind_count];
  const Server server;
  browser ().open (server.page ());
  Peer p (server, "");
  browser ().run (
      "connect('garden', (p) => { p.ondatachannel = (e) => { window.channel = e.channel; "
      "}; })");
  fail_unless (p.waits_for ("rtc-peer-added"));
  GstStructure *options = gst_structure_from_string (k.ours, nullptr);
  GObject *channel = nullptr;
  g_signal_emit_by_name (p.peer, "create-data-channel", "lawn", options, &channel);
  gst_structure_free (options);
  fail_unless (channel != nullptr);
  Echo echo (channel);
  const std::string seen = browser ().run (
      std::string ("until(() => window.channel, 'a channel').then((c) => echoes(c, '") +
      k.messages + "'))");
  fail_unless_equals_string (seen.c_str (), k.seen);
  echo.close ();
  browser ().run ("until(() => window.channel.readyState === 'closed', 'closed')");
  fail_unless (echo.closed.wait ([] (bool b) { return b; }), "not closed");
  g_print ("opened by rtcpeer, %s: %s\n", k.name, seen.c_str ());
}
GST_END_TEST

static Suite *rtc_browser_data_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_browser_data");
  TCase *c = browser_case (s);
  tcase_add_loop_test (c, test_browser_opens, 0, kind_count);
  tcase_add_loop_test (c, test_we_open, 0, kind_count);
  return s;
}

GST_CHECK_MAIN (rtc_browser_data)
