// SPDX-License-Identifier: LGPL-2.1-or-later
// Two processes: any number of peers that send one stream, and as many that receive it; or one
// data channel from the one to the other.
#include "rtc_roles.h"
#include <algorithm>
#include <condition_variable>
#include <memory>
#include <vector>
#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

namespace reach::bench {
namespace {
constexpr double patience = 60; // seconds until all are connected

void say (const char *state)
{
  Json json;
  json.add ("state", std::string (state));
  json.print ();
}

void idle_until_quit (const Commands &commands)
{
  while (!commands.quit ())
    g_usleep (20'000);
}

// The same tee without peers: what the load costs by itself.
int baseline (unsigned n, bool queues)
{
  std::string line = "rtpfeed ! tee name=t";
  for (unsigned i = 0; i < n; i++)
    line += std::string (" t. ! ") + (queues ? "queue ! " : "") +
            "fakesink sync=false async=false enable-last-sample=false";
  const PeerPipeline p (line);
  gst_element_set_state (p.get (), GST_STATE_PLAYING);
  say ("connected");
  idle_until_quit (Commands ());
  Json ().add ("role", std::string ("media")).print ();
  return 0;
}

// Both sides.
int with_peers (const Options &o, const std::string &factory, unsigned n)
{
  const bool sends = o.text ("side") == "send";
  SocketWire wire (o.text ("wire"), !sends);
  PeerPipeline p (sends ? "rtpfeed ! tee name=t" : "");
  std::vector<std::unique_ptr<Call>> calls;
  for (unsigned i = 0; i < n; i++) {
    GstElement *peer = p.add_peer (factory, static_cast<unsigned> (o.count ("latency", 200)));
    calls.push_back (std::make_unique<Call> (peer, i, wire, sends));
    if (sends)
      p.feed ("t", peer, factory);
  }
  wire.on_note = [&calls] (const Note &note) {
    if (note.call < calls.size ())
      calls[note.call]->hear (note);
  };
  p.set_state (GST_STATE_PLAYING);
  wire.start ();
  const bool good = wait_for (
      [&] { return std::ranges::all_of (calls, [] (const auto &c) { return c->connected (); }); },
      patience);
  if (good)
    say ("connected");
  if (good)
    idle_until_quit (Commands ([&p] (Json &json) { json.add ("packets", p.came ()); }));
  Json ().add ("role", std::string ("media")).print ();
  p.set_state (GST_STATE_NULL);
  return good ? 0 : 1;
}

// ---- data

// Sends as fast as what waits gets less; the way that W3C's examples do it.
class Pump {
public:
  explicit Pump (GstWebRTCDataChannel *channel, gsize size) : channel_ (channel)
  {
    bytes_ = g_bytes_new_take (g_malloc0 (size), size);
    g_object_set (channel, "buffered-amount-low-threshold", guint64{low}, nullptr);
    g_signal_connect (channel, "on-buffered-amount-low", G_CALLBACK (low_cb), this);
  }
  ~Pump ()
  {
    stop_ = true;
    wake ();
    if (thread_.joinable ())
      thread_.join ();
    g_signal_handlers_disconnect_by_data (channel_, this);
    g_bytes_unref (bytes_);
  }
  Pump (const Pump &) = delete;
  Pump &operator= (const Pump &) = delete;
  void start ()
  {
    thread_ = std::thread ([this] { run (); });
  }

private:
  static constexpr guint64 low = 512 << 10, high = 2 << 20;
  static void low_cb (GstWebRTCDataChannel *, gpointer self)
  {
    static_cast<Pump *> (self)->wake ();
  }
  void wake ()
  {
    const std::lock_guard lock (mutex_);
    woken_ = true;
    changed_.notify_one ();
  }
  void run ()
  {
    while (!stop_) {
      guint64 waits = 0;
      g_object_get (channel_, "buffered-amount", &waits, nullptr);
      if (waits < high) {
        for (int i = 0; i < 16; i++)
          g_signal_emit_by_name (channel_, "send-data", bytes_);
        continue;
      }
      std::unique_lock lock (mutex_);
      changed_.wait_for (lock, std::chrono::milliseconds (5), [this] { return woken_; });
      woken_ = false;
    }
  }

  GstWebRTCDataChannel *const channel_;
  GBytes *bytes_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false; // under mutex_
  std::thread thread_;
};

void count_cb (GstWebRTCDataChannel *, GBytes *bytes, gpointer sum)
{
  *static_cast<std::atomic<std::uint64_t> *> (sum) += g_bytes_get_size (bytes);
}

void channel_cb (GstElement *, GstWebRTCDataChannel *channel, gpointer sum)
{
  g_signal_connect (channel, "on-message-data", G_CALLBACK (count_cb), sum);
}

void open_cb (GstWebRTCDataChannel *, gpointer open)
{
  *static_cast<std::atomic<bool> *> (open) = true;
}
} // namespace

int rtc_media (const Options &o)
{
  const std::string factory = o.text ("element", "rtcpeer");
  const auto n = static_cast<unsigned> (o.count ("peers", 1));
  if (factory == "none")
    return baseline (n, o.count ("queues", 0) != 0);
  return with_peers (o, factory, n);
}

int rtc_data (const Options &o)
{
  const bool sends = o.text ("side") == "send";
  SocketWire wire (o.text ("wire"), !sends);
  std::atomic<std::uint64_t> came{0};
  std::atomic<bool> open{false};
  PeerPipeline p;
  GstElement *peer = p.add_peer (o.text ("element", "rtcpeer"), 0);
  Call call (peer, 0, wire, sends);
  call.set_waiting (true); // webrtcbin wants to negotiate in READY, before there is anything
  wire.on_note = [&call] (const Note &n) { call.hear (n); };
  p.set_state (GST_STATE_READY);
  GstWebRTCDataChannel *channel = nullptr;
  std::unique_ptr<Pump> pump;
  if (sends) {
    g_signal_emit_by_name (peer, "create-data-channel", "bench", nullptr, &channel);
    g_signal_connect (channel, "on-open", G_CALLBACK (open_cb), &open);
    pump = std::make_unique<Pump> (channel, o.count ("size", 16384));
  } else {
    g_signal_connect (peer, "on-data-channel", G_CALLBACK (channel_cb), &came);
  }
  p.set_state (GST_STATE_PLAYING);
  wire.start ();
  if (sends)
    call.offer ();
  const bool good = !sends || wait_for ([&] { return open.load (); }, patience);
  if (good) {
    say ("connected");
    const Commands commands ([&came] (Json &json) { json.add ("bytes", came.load ()); });
    if (pump)
      pump->start ();
    idle_until_quit (commands);
  }
  Json ().add ("role", std::string ("data")).print ();
  pump.reset ();
  if (channel)
    g_signal_handlers_disconnect_by_data (channel, &open);
  p.set_state (GST_STATE_NULL);
  g_clear_object (&channel);
  return good ? 0 : 1;
}
} // namespace reach::bench
