// SPDX-License-Identifier: LGPL-2.1-or-later
// One H.264 stream from one process to many members in another: by rtcpool, or by a payloader, a
// tee and a webrtcbin for each. Receivers are the same core both times: rtcpool's, or rtcpeer's.
#include "h264_feed.h"
#include "rtc_roles.h"
#include <algorithm>
#include <memory>
#include <vector>
#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

namespace reach::bench {
namespace {
constexpr double patience = 20; // seconds until all are connected

// What webrtcbin gets: paid for once.
constexpr const char *payloaded =
    "h264feed ! rtph264pay mtu=1200 config-interval=-1 aggregate-mode=zero-latency ! "
    "application/x-rtp,payload=102 ! tee name=t";

void say (const char *state)
{
  Json json;
  json.add ("state", std::string (state));
  json.print ();
}

int end (PeerPipeline &p, bool good, const Commands::More &more = {})
{
  if (good) {
    say ("connected");
    const Commands commands ([&] (Json &json) {
      json.add ("packets", p.came ());
      if (more)
        more (json);
    });
    while (!commands.quit ())
      g_usleep (20'000);
  }
  Json ().add ("role", std::string ("pool")).print ();
  p.set_state (GST_STATE_NULL);
  return good ? 0 : 1;
}

void count_cb (GstElement *, GstStructure *, gpointer count)
{
  (*static_cast<std::atomic<unsigned> *> (count))++;
}

// The mean of what the congestion control would send to each, Mbit/s.
void add_estimate (Json &json, GstElement *pool)
{
  GValue all = G_VALUE_INIT;
  g_value_init (&all, GST_TYPE_ARRAY);
  g_object_get_property (G_OBJECT (pool), "connections", &all);
  const guint n = gst_value_array_get_size (&all);
  double sum = 0;
  for (guint i = 0; i < n; i++) {
    guint rate = 0;
    gst_structure_get_uint (
        gst_value_get_structure (gst_value_array_get_value (&all, i)), "estimated-bitrate", &rate);
    sum += rate / 1e6;
  }
  json.add ("estimate", n ? sum / n : 0);
  g_value_unset (&all);
}

GstElement *make_member (const Options &o)
{
  GstElement *pool = gst_element_factory_make ("rtcpool", nullptr);
  if (!pool) {
    std::fputs ("there is no rtcpool\n", stderr);
    std::exit (1);
  }
  g_object_set (pool, "signalling-uri", o.text ("uri").c_str (), "pool", "bench", "depayload",
      FALSE, nullptr);
  return pool;
}

int pool_sends (const Options &o, unsigned n)
{
  PeerPipeline p ("h264feed name=t");
  std::atomic<unsigned> connected{0};
  GstElement *pool = make_member (o);
  p.add (pool);
  g_signal_connect (pool, "connected", G_CALLBACK (count_cb), &connected);
  p.feed ("t", pool, "rtcpool");
  p.set_state (GST_STATE_PLAYING);
  return end (p, wait_for ([&] { return connected == n; }, patience),
      [pool] (Json &json) { add_estimate (json, pool); });
}

int pool_receives (const Options &o, unsigned n)
{
  PeerPipeline p;
  std::atomic<unsigned> joined{0}, connected{0};
  for (unsigned i = 0; i < n; i++) {
    GstElement *pool = make_member (o);
    g_signal_connect (pool, "joined", G_CALLBACK (count_cb), &joined);
    g_signal_connect (pool, "connected", G_CALLBACK (count_cb), &connected);
    p.add (pool);
  }
  p.set_state (GST_STATE_PLAYING);
  if (!wait_for ([&] { return joined == n; }, patience))
    return 1;
  say ("joined");
  return end (p, wait_for ([&] { return connected >= n; }, patience));
}

// As rtcpool offers it, and as nobody sends video over the internet without.
void allow_retransmission (GstElement *webrtcbin)
{
  for (GList *l = webrtcbin->sinkpads; l; l = l->next) {
    GstWebRTCRTPTransceiver *t = nullptr;
    g_object_get (l->data, "transceiver", &t, nullptr);
    g_object_set (t, "do-nack", TRUE, nullptr);
    gst_object_unref (t);
  }
}

using Calls = std::vector<std::unique_ptr<Call>>;

bool has_caps (const Call &c)
{
  return gst_pad_has_current_caps (static_cast<GstPad *> (c.element ()->sinkpads->data));
}

// An offer that is made before webrtcbin has the payloader's caps has no codec.
bool offer_all (const Calls &calls)
{
  const auto ready = [&calls] {
    return std::ranges::all_of (
        calls, [] (const auto &c) { return c->wanted () && has_caps (*c); });
  };
  const bool good = wait_for (ready, patience);
  for (const auto &c : calls)
    c->offer ();
  return good;
}

int with_calls (const Options &o, unsigned n, bool sends)
{
  SocketWire wire (o.text ("wire"), !sends);
  const std::string factory = sends ? "webrtcbin" : "rtcpeer";
  PeerPipeline p (sends ? payloaded : "");
  Calls calls;
  for (unsigned i = 0; i < n; i++) {
    GstElement *peer = p.add_peer (factory, 200);
    calls.push_back (std::make_unique<Call> (peer, i, wire, sends));
    if (!sends)
      continue;
    calls.back ()->set_waiting (true);
    p.feed ("t", peer, factory);
    allow_retransmission (peer);
  }
  wire.on_note = [&calls] (const Note &note) {
    if (note.call < calls.size ())
      calls[note.call]->hear (note);
  };
  p.set_state (GST_STATE_PLAYING);
  wire.start ();
  const auto connected = [&calls] {
    return static_cast<std::size_t> (
        std::ranges::count_if (calls, [] (const auto &c) { return c->connected (); }));
  };
  const bool good = (!sends || offer_all (calls)) &&
                    wait_for ([&] { return connected () == calls.size (); }, patience);
  if (!good)
    std::fprintf (stderr, "%zu of %zu are connected\n", connected (), calls.size ());
  return end (p, good);
}

// The same load without peers.
int load_alone (unsigned n)
{
  std::string line = payloaded;
  for (unsigned i = 0; i < n; i++)
    line += " t. ! fakesink sync=false async=false enable-last-sample=false";
  PeerPipeline p (line);
  p.set_state (GST_STATE_PLAYING);
  return end (p, true);
}
} // namespace

int rtc_pool (const Options &o)
{
  const std::string element = o.text ("element", "rtcpool");
  const auto n = static_cast<unsigned> (o.count ("members", 16));
  const bool sends = o.text ("side") == "send";
  if (sends && !register_h264_feed ())
    return 1;
  if (element == "none")
    return load_alone (n);
  if (element == "webrtcbin")
    return with_calls (o, n, sends);
  return sends ? pool_sends (o, n) : pool_receives (o, n);
}
} // namespace reach::bench
