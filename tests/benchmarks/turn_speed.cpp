// SPDX-License-Identifier: LGPL-2.1-or-later
// What one thread sends through a TURN server as ChannelData on UDP: turnrelaysink, nicesink, and
// bare loops, all through channels of the same server to peers that do not read. reach-turn-speed
// --port PORT [--seconds S] [--rounds N] [--only SENDER]; prints a line of JSON for each sender and
// round.
#include "common/udp_socket.h"
#include "process.h"
#include "turn/net/socket_address.h"
#include "turn_flows.h"
#include "turn_nice.h"
#include "turn_pusher.h"
#include <cstdio>
#include <ctime>
#include <exception>
#include <sys/socket.h>

extern "C" {
GST_PLUGIN_STATIC_DECLARE (turn);
}

namespace reach::bench {
namespace {
constexpr unsigned at_once = 64;

double thread_cpu ()
{
  timespec t{};
  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double> (t.tv_sec) + static_cast<double> (t.tv_nsec) / 1e9;
}

std::string only; // of all senders, to look at one with a profiler

// `step` sends `n` packets.
template <typename F> void measure (const char *sender, double limit, unsigned n, F &&step)
{
  if (!only.empty () && only != sender)
    return;
  const double cpu = thread_cpu ();
  const std::int64_t begin = monotonic_ns (), end = begin + static_cast<std::int64_t> (limit * 1e9);
  std::int64_t now = begin;
  std::uint64_t packets = 0;
  for (; now < end; now = monotonic_ns ())
    for (unsigned i = 0; i < 16 * at_once / n; i++) {
      step ();
      packets += n;
    }
  const auto count = static_cast<double> (packets);
  Json ()
      .add ("sender", std::string (sender))
      .add ("rate", count / static_cast<double> (now - begin) * 1e9)
      .add ("cpu", (thread_cpu () - cpu) / count * 1e6)
      .print ();
}

GstElement *make_relay_sink (std::uint16_t port, const turn::Address &peer)
{
  GstElement *sink = gst_element_factory_make ("turnrelaysink", nullptr);
  g_object_set (sink, "uri", ("turn:user:pass@127.0.0.1:" + std::to_string (port)).c_str (),
      "peers", to_string (peer).c_str (), nullptr);
  gst_util_set_object_arg (G_OBJECT (sink), "mode", "channel");
  return sink;
}

guint64 dropped (GstElement *sink)
{
  GstStructure *s = nullptr;
  guint64 n = 0;
  g_object_get (sink, "stats", &s, nullptr);
  gst_structure_get_uint64 (s, "packets-dropped", &n);
  gst_structure_free (s);
  return n;
}

int speed (const Options &o)
{
  const auto port = static_cast<std::uint16_t> (o.count ("port", 0));
  const double limit = o.number ("seconds", 1);
  only = o.text ("only");
  Flows bare (1, port); // its peer is everybody's
  bare.set_up ();
  const int fd = bare[0].fd;
  std::vector<std::uint8_t> one (Flows::header + Pusher::payload);
  store_be (one.data (), Flows::channel);
  store_be (one.data () + 2, std::uint16_t{Pusher::payload});
  std::vector<std::uint8_t> many;
  for (unsigned i = 0; i < at_once; i++)
    many.insert (many.end (), one.begin (), one.end ());

  Pusher relay (make_relay_sink (port, bare.peer_address ()));
  relay.push ();                                                // waits for the allocation
  Pusher fake (gst_element_factory_make ("fakesink", nullptr)); // what GStreamer itself costs
  std::string error;
  const auto nice = NicePair::connect (port, error);
  if (nice)
    nice->deafen ();
  else
    Json ().add ("no-nice", error).print ();
  const auto nice_sink = nice ? std::make_unique<Pusher> (nice->make_sink ()) : nullptr;
  for (std::uint64_t i = 0; i < o.count ("rounds", 5); i++) {
    measure ("send", limit, 1, [&] { ::send (fd, one.data (), one.size (), 0); });
    measure ("fake-buffers", limit / 4, 1, [&] { fake.push (); });
    measure ("buffers", limit, 1, [&] { relay.push (); });
    if (nice_sink)
      measure ("nice-buffers", limit, 1, [&] { nice_sink->push (); });
    measure ("gso", limit, at_once, [&] {
      const iovec v{many.data (), many.size ()};
      UdpSocket::send_segments (fd, nullptr, {&v, 1}, one.size ());
    });
    measure ("fake-lists", limit / 4, at_once, [&] { fake.push_list (at_once); });
    measure ("lists", limit, at_once, [&] { relay.push_list (at_once); });
    if (nice_sink)
      measure ("nice-lists", limit, at_once, [&] { nice_sink->push_list (at_once); });
  }
  Json ().add ("role", std::string ("speed")).add ("dropped", dropped (relay.sink ())).print ();
  return 0;
}
} // namespace
} // namespace reach::bench

int main (int argc, char **argv)
{
  gst_init (nullptr, nullptr);
  GST_PLUGIN_STATIC_REGISTER (turn);
  reach::bench::Options options;
  if (!options.parse (argc, argv, 1)) {
    std::fputs ("reach-turn-speed --port PORT\n", stderr);
    return 2;
  }
  try {
    return reach::bench::speed (options);
  } catch (const std::exception &e) {
    std::fprintf (stderr, "reach-turn-speed: %s\n", e.what ());
    return 1;
  }
}
