// SPDX-License-Identifier: LGPL-2.1-or-later
// What one thread sends through turnrelaysink as ChannelData on UDP, beside bare loops that write
// the same datagrams to the same server. reach-turn-speed URI IP PORT [SECONDS [ROUNDS]]; prints a
// Markdown table.
#include "common/address.h"
#include "common/udp_socket.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <gst/gst.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

extern "C" {
GST_PLUGIN_STATIC_DECLARE (turn);
}

namespace {
constexpr std::size_t payload = 1000, header = 4;
constexpr unsigned at_once = 64;

double seconds_of (clockid_t clock)
{
  timespec t;
  clock_gettime (clock, &t);
  return static_cast<double> (t.tv_sec) + static_cast<double> (t.tv_nsec) / 1e9;
}

struct Result {
  double per_second = 0, cpu = 0; // µs of the thread, per packet
};

// `step` sends `n` packets.
template <typename F> Result run (double limit, unsigned n, F &&step)
{
  const double begin = seconds_of (CLOCK_MONOTONIC), cpu = seconds_of (CLOCK_THREAD_CPUTIME_ID);
  double now = begin;
  std::uint64_t packets = 0;
  while (now - begin < limit) {
    for (unsigned i = 0; i < 64 / n * 16; i++) {
      step ();
      packets += n;
    }
    now = seconds_of (CLOCK_MONOTONIC);
  }
  const auto count = static_cast<double> (packets);
  return {count / (now - begin), (seconds_of (CLOCK_THREAD_CPUTIME_ID) - cpu) / count * 1e6};
}

// The element without a pipeline: this thread is its streaming thread.
class Sink {
public:
  explicit Sink (const char *uri)
      : sink_ (gst_element_factory_make ("turnrelaysink", nullptr)),
        src_ (gst_pad_new ("src", GST_PAD_SRC)), bus_ (gst_bus_new ())
  {
    g_object_set (sink_, "uri", uri, "peers", "127.0.0.1:9", "mode", 2, "sync", FALSE, "async",
        FALSE, nullptr);
    gst_element_set_bus (sink_, bus_);
    GstPad *to = gst_element_get_static_pad (sink_, "sink");
    gst_pad_set_active (src_, TRUE);
    gst_pad_link (src_, to);
    gst_object_unref (to);
    gst_element_set_state (sink_, GST_STATE_PLAYING);
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_push_event (src_, gst_event_new_stream_start ("speed"));
    gst_pad_push_event (src_, gst_event_new_segment (&segment));
  }
  ~Sink ()
  {
    gst_element_set_state (sink_, GST_STATE_NULL);
    gst_object_unref (sink_);
    gst_object_unref (src_);
    gst_object_unref (bus_);
  }
  Sink (const Sink &) = delete;
  Sink &operator= (const Sink &) = delete;

  void push ()
  {
    GstBuffer *b = gst_buffer_new_allocate (nullptr, payload, nullptr);
    if (gst_pad_push (src_, b) != GST_FLOW_OK)
      failed ();
  }
  void push_list ()
  {
    GstBufferList *l = gst_buffer_list_new_sized (at_once);
    for (unsigned i = 0; i < at_once; i++)
      gst_buffer_list_add (l, gst_buffer_new_allocate (nullptr, payload, nullptr));
    if (gst_pad_push_list (src_, l) != GST_FLOW_OK)
      failed ();
  }
  guint64 dropped ()
  {
    GstStructure *s = nullptr;
    guint64 n = 0;
    g_object_get (sink_, "stats", &s, nullptr);
    gst_structure_get_uint64 (s, "packets-dropped", &n);
    gst_structure_free (s);
    return n;
  }

private:
  void failed ()
  {
    GstMessage *m = gst_bus_pop_filtered (bus_, GST_MESSAGE_ERROR);
    GError *e = nullptr;
    if (m)
      gst_message_parse_error (m, &e, nullptr);
    std::fprintf (stderr, "turnrelaysink: %s\n", e ? e->message : "refuses");
    std::exit (1);
  }
  GstElement *sink_;
  GstPad *src_;
  GstBus *bus_;
};

double median (std::vector<Result> &all, double Result::*what)
{
  std::ranges::sort (all, {}, what);
  return all[all.size () / 2].*what;
}
} // namespace

int main (int argc, char **argv)
{
  gst_init (nullptr, nullptr);
  GST_PLUGIN_STATIC_REGISTER (turn);
  const auto to =
      argc > 3 ? reach::Address::parse (argv[2], static_cast<std::uint16_t> (std::atoi (argv[3])))
               : std::nullopt;
  if (!to) {
    std::fprintf (stderr, "reach-turn-speed URI IP PORT [SECONDS [ROUNDS]]\n");
    return 2;
  }
  const double limit = argc > 4 ? std::atof (argv[4]) : 1;
  const int rounds = argc > 5 ? std::atoi (argv[5]) : 5;
  std::string error;
  const int fd = reach::UdpSocket::connect (*to, error);
  if (fd < 0) {
    std::fprintf (stderr, "%s\n", error.c_str ());
    return 1;
  }
  // A channel that the server does not know.
  std::vector<char> one (header + payload, 'x'), many (at_once * one.size (), 'x');
  Sink sink (argv[1]);
  sink.push (); // waits for the allocation
  std::vector<Result> send, gso, buffers, lists;
  for (int i = 0; i < rounds; i++) {
    send.push_back (run (limit, 1, [&] { ::send (fd, one.data (), one.size (), 0); }));
    buffers.push_back (run (limit, 1, [&] { sink.push (); }));
    gso.push_back (run (limit, at_once, [&] {
      const iovec v{many.data (), many.size ()};
      reach::UdpSocket::send_segments (fd, nullptr, {&v, 1}, one.size ());
    }));
    lists.push_back (run (limit, at_once, [&] { sink.push_list (); }));
  }
  std::printf (
      "| %zu bytes of payload | packets/s | CPU µs per packet |\n|---|---|---|\n", payload);
  const auto line = [] (const char *label, std::vector<Result> &r) {
    std::printf (
        "| %s | %.0f | %.2f |\n", label, median (r, &Result::per_second), median (r, &Result::cpu));
  };
  line ("bare send () loop", send);
  line ("turnrelaysink, buffers", buffers);
  line ("bare GSO loop, 64 at once", gso);
  line ("turnrelaysink, lists of 64", lists);
  const auto ratio = [] (std::vector<Result> &a, std::vector<Result> &b) {
    return median (b, &Result::cpu) / median (a, &Result::cpu);
  };
  std::printf (
      "\n- buffers / bare send () loop, packets per second of CPU: %.2f × (bar: ≥ 0.8 ×)\n",
      ratio (buffers, send));
  std::printf ("- lists / bare GSO loop, packets per second of CPU: %.2f × (bar: ≥ 0.6 ×)\n",
      ratio (lists, gso));
  std::printf (
      "- dropped by the element: %llu\n", static_cast<unsigned long long> (sink.dropped ()));
  close (fd);
  return 0;
}
