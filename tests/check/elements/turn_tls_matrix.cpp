// SPDX-License-Identifier: LGPL-2.1-or-later
// Every way to a relay at once, through refreshes of everything: UDP, TCP, TLS and DTLS, channels
// and indications, IPv4 and IPv6, long-term and time-limited credentials, with coturn and with
// turnserver. No packet is lost, and nothing is left at the server.
//
// It lasts a few seconds, with lifetimes so short that everything is refreshed several times. Set
// REACH_TURN_SECONDS to more than 300 to see the elements refresh by themselves, with the lifetimes
// of RFC 8656.
#include "../plugin.h"
#include "../tls_files.h"
#include "turn_pipeline.h"
#include "turn_server.h"
#include <algorithm>
#include <cstdlib>
#include <optional>

using namespace reach::test;

namespace {
constexpr gint64 pause = 40000, between_refreshes = 1000000; // µs
constexpr unsigned short_lifetime = 5;                       // s
constexpr int natural_from = 300;

int wanted_seconds ()
{
  const char *s = g_getenv ("REACH_TURN_SECONDS");
  return s ? std::atoi (s) : 6;
}
bool natural () // refreshes when the elements think so
{
  return wanted_seconds () > natural_from;
}

struct Kind {
  const char *transport; // also "tls", "dtls"
  const char *mode;
  bool v6, rest;
  bool secure () const { return strchr (transport, 'l') || *transport == 'd'; }
};

// The ports of a kind's server.
struct Ports {
  guint16 plain, tls;
};

std::string uri_of (const Kind &k, const Ports &p)
{
  const bool stream = g_str_equal (k.transport, "tcp") || g_str_equal (k.transport, "tls");
  return std::string (k.secure () ? "turns:" : "turn:") + (k.rest ? "" : "user:pass@") +
         (k.v6 ? "[::1]:" : "127.0.0.1:") + std::to_string (k.secure () ? p.tls : p.plain) +
         "?transport=" + (stream ? "tcp" : "udp");
}

std::string options_of (const Kind &k, const std::string &ca)
{
  std::string o = std::string ("mode=") + k.mode + " ip-family=" + (k.v6 ? "ipv6" : "ipv4");
  if (k.rest)
    o += " auth-secret=north";
  if (k.secure ())
    o += " tls-ca-file=" + ca;
  if (!natural ())
    o += " lifetime=" + std::to_string (short_lifetime);
  return o;
}

// A stream of numbered packets to a peer, which sends each of them back.
class Cell {
public:
  Cell (const Kind &k, const Ports &p, const std::string &ca)
      : kind_ (k), peer_ (family ()), peer_address_ (address_of (peer_, family ())),
        call_ (uri_of (k, p), options_of (k, ca), peer_address_)
  {
    call_.play ();
  }
  std::string name () const
  {
    return std::string (kind_.transport) + " " + kind_.mode + (kind_.v6 ? " IPv6" : " IPv4") +
           (kind_.rest ? " time-limited" : " long-term");
  }
  void send () { call_.push (packet (sent_++)); }
  void serve ()
  {
    std::string got;
    while (peer_.has_more ()) {
      fail_unless (peer_.receive (got));
      fail_unless (got == packet (there_), "%s: %s instead of %u at the peer", name ().c_str (),
          got.c_str (), there_);
      there_++;
      peer_.reply (got);
    }
    for (got = call_.pull (nullptr, {}); !got.empty (); got = call_.pull (nullptr, {})) {
      fail_unless (got == packet (back_), "%s: %s instead of %u came back", name ().c_str (),
          got.c_str (), back_);
      back_++;
    }
  }
  void refresh ()
  {
    GstElement *sink = call_.by_name ("sink");
    gboolean ok = FALSE;
    guint channel = 1;
    g_signal_emit_by_name (sink, "create-permission", peer_address_.c_str (), &ok);
    if (g_str_equal (kind_.mode, "channel"))
      g_signal_emit_by_name (sink, "channel-bind", peer_address_.c_str (), 0u, &channel);
    gst_object_unref (sink);
    fail_unless (ok && channel != 0, "%s", name ().c_str ());
  }
  bool done () const { return back_ == sent_; }
  bool started () const { return back_ > 0; }
  unsigned sent () const { return sent_; }
  unsigned came_back () const { return back_; }

  // What the elements have told of.
  void check ()
  {
    unsigned refreshed = 0, permissions = 0, channels = 0;
    GstBus *bus = gst_element_get_bus (call_.get ());
    while (GstMessage *m = gst_bus_pop_filtered (
               bus, static_cast<GstMessageType> (GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR))) {
      fail_unless (GST_MESSAGE_TYPE (m) != GST_MESSAGE_ERROR, "%s", name ().c_str ());
      for (const char *bad : {"turn-allocation-lost", "turn-response-error", "turn-icmp"})
        fail_unless (!gst_message_has_name (m, bad), "%s: %s", name ().c_str (), bad);
      refreshed += came_from_sink (m, "turn-refreshed");
      permissions += came_from_sink (m, "turn-permission-created");
      channels += came_from_sink (m, "turn-channel-bound");
      gst_message_unref (m);
    }
    gst_object_unref (bus);
    const bool channel = g_str_equal (kind_.mode, "channel");
    // A channel brings its permission, which is refreshed by itself.
    const unsigned permissions_least = !natural () ? 4 : channel ? 1 : 2;
    const unsigned channels_least = !channel ? 0 : natural () ? 1 : 4;
    fail_unless (natural () || refreshed >= 1, "%s", name ().c_str ());
    fail_unless (permissions >= permissions_least, "%s: %u", name ().c_str (), permissions);
    fail_unless (channels >= channels_least && (channel || channels == 0), "%s: %u",
        name ().c_str (), channels);
    fail_unless_equals_uint64 (call_.stat ("sink", "packets-dropped"), 0);
  }

private:
  GSocketFamily family () const { return kind_.v6 ? G_SOCKET_FAMILY_IPV6 : G_SOCKET_FAMILY_IPV4; }
  static std::string packet (unsigned n)
  {
    return "packet " + std::to_string (n) + std::string (100 + n % 7, '.');
  }
  const Kind kind_;
  UdpPeer peer_;
  const std::string peer_address_;
  Call call_;
  unsigned sent_ = 0, there_ = 0, back_ = 0;
};

std::vector<Kind> kinds ()
{
  std::vector<Kind> all;
  for (const bool v6 : {false, true})
    for (const char *transport : {"udp", "tcp", "tls", "dtls"})
      for (const char *mode : {"channel", "indication"})
        for (const bool rest : {false, true})
          all.push_back ({transport, mode, v6, rest});
  if (!has_ipv6 ())
    all.resize (all.size () / 2);
  return all;
}

// All cells, each of which is served and kept alive from its begin on: on a busy machine it takes
// longer than a lifetime until all of them are there.
class Matrix {
public:
  void add (const Kind &k, const Ports &p, const std::string &ca)
  {
    cells_.push_back (std::make_unique<Cell> (k, p, ca));
    cells_.back ()->send ();
    step (false);
  }
  void run ()
  {
    const auto until = [&] (bool sends, int seconds_more, const auto &holds) {
      return iterate_until (
          [&] {
            step (sends);
            return holds ();
          },
          nullptr, milliseconds (1000 * seconds_more) + long_enough);
    };
    until (false, 0, [this] { return all (&Cell::started); });
    for (const auto &c : cells_)
      fail_unless (c->started (), "%s does not start", c->name ().c_str ());
    const gint64 end = g_get_monotonic_time () + wanted_seconds () * G_USEC_PER_SEC;
    until (true, wanted_seconds (), [end] { return g_get_monotonic_time () >= end; });
    until (false, 0, [this] { return all (&Cell::done); });
    for (const auto &c : cells_)
      fail_unless (
          c->done (), "%s: %u of %u came back", c->name ().c_str (), c->came_back (), c->sent ());
    for (const auto &c : cells_)
      c->check ();
  }

private:
  void step (bool sends)
  {
    const gint64 now = g_get_monotonic_time ();
    const bool refreshes = now >= next_refresh_ && !natural ();
    sends = sends && now >= next_;
    for (const auto &c : cells_) {
      if (sends)
        c->send ();
      if (refreshes)
        c->refresh ();
      c->serve ();
    }
    next_ = sends ? now + pause : next_;
    next_refresh_ = refreshes ? now + between_refreshes : next_refresh_;
  }
  bool all (bool (Cell::*is) () const) const
  {
    return std::ranges::all_of (cells_, [is] (const auto &c) { return (*c.*is) (); });
  }
  std::vector<std::unique_ptr<Cell>> cells_;
  gint64 next_ = 0, next_refresh_ = g_get_monotonic_time () + between_refreshes;
};
} // namespace

GST_START_TEST (test_coturn)
{
  TlsFiles files;
  const TlsFiles::Identity id = files.issue ("server", "IP:127.0.0.1,IP:::1");
  const std::vector<Kind> all = kinds ();
  std::vector<std::string> options{"--cert=" + id.certificate, "--pkey=" + id.key, "-v"};
  if (all.back ().v6)
    options.insert (options.end (), {"--listening-ip=::1", "--relay-ip=::1"});
  if (!natural ()) {
    const std::string lifetime = std::to_string (short_lifetime);
    options.insert (
        options.end (), {"--stale-nonce=1", "--max-allocate-lifetime=" + lifetime,
                            "--permission-lifetime=" + lifetime, "--channel-lifetime=" + lifetime});
  }
  std::vector<std::string> rest = options, long_term = options;
  rest.insert (rest.end (), {"--use-auth-secret", "--static-auth-secret=north"});
  long_term.insert (long_term.end (), {"--lt-cred-mech", "--user=user:pass"});
  Coturn servers[] = {Coturn (long_term), Coturn (rest)};
  {
    Matrix m;
    for (const Kind &k : all)
      m.add (k, {servers[k.rest].port (), servers[k.rest].tls_port ()}, files.ca ());
    m.run ();
  }
  for (const Coturn &s : servers) {
    fail_unless_equals_int (s.logged ("new, realm="), all.size () / 2);
    fail_unless (iterate_until ([&] { return s.logged ("delete: realm=") == all.size () / 2; }));
  }
}
GST_END_TEST

GST_START_TEST (test_turnserver)
{
  TlsFiles files;
  const TlsFiles::Identity id = files.issue ("server", "IP:127.0.0.1,IP:::1");
  const std::vector<Kind> all = kinds ();
  const bool v6 = all.back ().v6;
  std::string options = "auth-secret=north tls=true dtls=true tls-certificate=" + id.certificate +
                        " tls-key=" + id.key + " allowed-peers=127.0.0.0/8,::1/128 " +
                        (v6 ? "relay-address=127.0.0.1,::1" : "");
  if (!natural ()) {
    options += " nonce-lifetime=1";
    for (const char *what : {"default", "max", "permission", "channel"})
      options += std::string (" ") + what + "-lifetime=" + std::to_string (short_lifetime);
  }
  TurnServer server (options, v6 ? "::" : "127.0.0.1");
  {
    Matrix m;
    for (const Kind &k : all)
      m.add (k, {server.port (), server.tls_port ()}, files.ca ());
    m.run ();
    fail_unless_equals_uint64 (server.stat ("allocations"), all.size ());
  }
  fail_unless_equals_uint64 (server.stat ("allocations-created"), all.size ());
  fail_unless (iterate_until ([&] { return server.stat ("allocations") == 0; }));
}
GST_END_TEST

static Suite *turn_tls_matrix_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-tls-matrix");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 2 * wanted_seconds () + 60);
  if (Coturn::there ())
    tcase_add_test (tc, test_coturn);
  tcase_add_test (tc, test_turnserver);
  return s;
}
GST_CHECK_MAIN (turn_tls_matrix)
