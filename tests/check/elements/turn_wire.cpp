// SPDX-License-Identifier: LGPL-2.1-or-later
// What properties and actions of the relay elements put on the wire, and what comes back as signals
// and messages, in which order.
#include "../bus_error.h"
#include "../plugin.h"
#include "turn_pipeline.h"
#include "turn_script.h"
#include "turn_server.h"

using namespace reach::test;

namespace {
using Auth = ScriptedServer::Auth;

const auto peer = reach::stun::Address::v4 (192, 0, 2, 1, 5004);

struct Run {
  Run (const ScriptedServer &s, const std::string &options)
      : p ("turnrelaysrc name=src uri=" + s.uri () + " " + options + " ! fakesink async=false"),
        src (p.by_name ("src"))
  {
    p.play ();
  }
  ~Run () { gst_object_unref (src); }
  Run (const Run &) = delete;
  Run &operator= (const Run &) = delete;
  void must_allocate ()
  {
    fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
  }
  GstStructure *allocation () const
  {
    GstStructure *s = nullptr;
    g_object_get (src, "allocation", &s, nullptr);
    return s;
  }
  Pipeline p;
  GstElement *const src;
};

// The n-th of a list of structures, or null.
const GstStructure *nth (const GstStructure *s, const char *list, unsigned n)
{
  const GValue *v = gst_structure_get_value (s, list);
  fail_unless (v && GST_VALUE_HOLDS_LIST (v), "%s", list);
  return n < gst_value_list_get_size (v) ? gst_value_get_structure (gst_value_list_get_value (v, n))
                                         : nullptr;
}

// The last Allocate with a proof, as it was.
class Looker {
public:
  ScriptedServer::Script script ()
  {
    return [this] (ScriptedServer &, const Message &m, unsigned) -> std::optional<Replies> {
      if (m.method () == Method::allocate)
        bytes_.set (Blob (m.bytes ().begin (), m.bytes ().end ()));
      return {};
    };
  }
  template <typename F> void look (F &&f)
  {
    fail_unless (bytes_.wait ([] (const Blob &b) { return !b.empty (); }));
    const Blob b = bytes_.get ();
    const auto m = Message::parse (b);
    fail_unless (m.has_value ());
    f (*m);
  }

private:
  Watched<Blob> bytes_;
};
} // namespace

GST_START_TEST (test_attributes)
{
  struct Case {
    const char *options;
    bool (*holds) (const Message &);
  };
  static const Case cases[] = {
      {"", [] (const Message &m) { return m.has_fingerprint () && !m.has (Attr::software); }},
      {"fingerprint=false", [] (const Message &m) { return !m.has_fingerprint (); }},
      {"software=\"camera 7\"",
          [] (const Message &m) { return m.text (Attr::software) == "camera 7"; }},
      {"", [] (const Message &m) { return !m.has (Attr::even_port) && !m.has (Attr::lifetime); }},
      {"even-port=true",
          [] (const Message &m) {
            return m.has (Attr::even_port) && m.find (Attr::even_port)->front () == 0;
          }},
      {"reserve-next=true",
          [] (const Message &m) {
            return m.has (Attr::even_port) && m.find (Attr::even_port)->front () == 0x80;
          }},
      {"lifetime=77", [] (const Message &m) { return m.u32 (Attr::lifetime) == 77u; }},
      {"dont-fragment=true mode=indication",
          [] (const Message &m) { return m.has (Attr::dont_fragment); }},
      {"mobility=true", [] (const Message &m) { return m.has (Attr::mobility_ticket); }},
      {"ip-family=ipv6",
          [] (const Message &m) { return m.u8 (Attr::requested_address_family) == 2; }},
      {"ip-family=both",
          [] (const Message &m) { return m.u8 (Attr::additional_address_family) == 2; }},
      {"reservation-token=0011223344556677",
          [] (const Message &m) { return m.has (Attr::reservation_token); }}};
  for (const Case &c : cases) {
    Looker l;
    ScriptedServer server (l.script ());
    Run r (server, c.options);
    l.look ([&] (const Message &m) { fail_unless (c.holds (m), "%s", c.options); });
  }
}
GST_END_TEST

namespace {
void note (GstElement *, GstStructure *s, gpointer to)
{
  static_cast<Watched<std::vector<std::string>> *> (to)->update (
      [s] (auto &v) { v.emplace_back (gst_structure_get_name (s)); });
}
} // namespace

// Each success first as response-success, with the same fields, and then by its own name: signals
// and messages alike.
GST_START_TEST (test_order)
{
  ScriptedServer server;
  Pipeline p ("turnrelaysrc name=src uri=" + server.uri () +
              " peers=192.0.2.1:5004 ! fakesink async=false");
  GstElement *src = p.by_name ("src");
  Watched<std::vector<std::string>> signals;
  for (const char *name : {"response-success", "allocated", "channel-bound", "refreshed"})
    g_signal_connect (src, name, G_CALLBACK (note), &signals);
  p.play ();
  fail_unless (wait_element_message (p.get (), "turn-channel-bound") != nullptr);
  gboolean ok = FALSE;
  g_signal_emit_by_name (src, "refresh", 300u, &ok);
  fail_unless (ok);
  fail_unless (signals.wait ([] (const auto &v) { return v.size () >= 6; }));
  static const char *const expected[] = {"turn-response-success", "turn-allocated",
      "turn-response-success", "turn-channel-bound", "turn-response-success", "turn-refreshed"};
  const auto got = signals.get ();
  fail_unless_equals_int (got.size (), 6);
  for (unsigned i = 0; i < 6; i++)
    fail_unless_equals_string (got[i].c_str (), expected[i]);
  MessagePtr first = wait_element_message (p.get (), "turn-response-success");
  const MessagePtr second (gst_bus_timed_pop_filtered (
      GST_ELEMENT_BUS (p.get ()), clock_time (long_enough), GST_MESSAGE_ELEMENT));
  fail_unless (second && gst_message_has_name (second.get (), "turn-refreshed"));
  GstStructure *same = gst_structure_copy (gst_message_get_structure (first.get ()));
  gst_structure_set_name (same, "turn-refreshed");
  fail_unless (gst_structure_is_equal (same, gst_message_get_structure (second.get ())));
  gst_structure_free (same);
  gst_object_unref (src);
}
GST_END_TEST

// What the server said, attribute by attribute, also those that nobody here knows.
GST_START_TEST (test_decoded_message)
{
  ScriptedServer server (
      [] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () != Method::allocate)
          return {};
        return Replies{s.success (m, [&] (Builder &b) {
          s.fill_grant (b, Method::allocate);
          b.text (Attr::software, "relay 7");
          b.add (static_cast<Attr> (0xc0de), Blob{1, 2, 3});
        })};
      });
  Run r (server, "");
  const MessagePtr m = wait_element_message (r.p.get (), "turn-allocated");
  GstStructure *inner = nullptr;
  fail_unless (m && gst_structure_get (gst_message_get_structure (m.get ()), "message",
                        GST_TYPE_STRUCTURE, &inner, nullptr));
  fail_unless_equals_string (gst_structure_get_string (inner, "class"), "success");
  fail_unless_equals_string (gst_structure_get_string (inner, "method"), "allocate");
  fail_unless_equals_string (gst_structure_get_string (inner, "software"), "relay 7");
  fail_unless_equals_int (strlen (gst_structure_get_string (inner, "transaction-id")), 24);
  std::map<guint, gsize> sizes;
  for (unsigned i = 0; const GstStructure *a = nth (inner, "attributes", i); i++) {
    guint type = 0;
    GBytes *value = nullptr;
    fail_unless (
        gst_structure_get (a, "type", G_TYPE_UINT, &type, "value", G_TYPE_BYTES, &value, nullptr));
    sizes[type] = g_bytes_get_size (value);
    g_bytes_unref (value);
  }
  // XOR-RELAYED-ADDRESS, XOR-MAPPED-ADDRESS, LIFETIME, SOFTWARE and 0xc0de
  const std::map<guint, gsize> expected = {
      {0x16, 8}, {0x20, 8}, {0x0d, 4}, {0x8022, 7}, {0xc0de, 3}};
  for (const auto &[type, size] : expected)
    fail_unless (sizes.contains (type) && sizes[type] == size, "0x%x", type);
  gst_structure_free (inner);
}
GST_END_TEST

// Bytes as they are, to the server; without a connection none, and FALSE.
GST_START_TEST (test_send_raw)
{
  ScriptedServer server;
  const std::string bytes ("\0\xff not STUN", 11);
  gboolean sent = TRUE;
  GstBuffer *b = buffer_of (bytes);
  {
    Run r (server, "");
    r.must_allocate ();
    g_signal_emit_by_name (r.src, "send-raw", b, &sent);
    fail_unless (sent);
    fail_unless (server.wait_others ([&] (const std::vector<Blob> &v) {
      return std::ranges::count (v, Blob (bytes.begin (), bytes.end ())) == 1;
    }));
    gst_element_set_state (r.p.get (), GST_STATE_NULL);
    g_signal_emit_by_name (r.src, "send-raw", b, &sent);
    fail_unless (!sent);
  }
  gst_buffer_unref (b);
}
GST_END_TEST

// Nothing else is sent for a second: an indication keeps the way open; with 0 none.
GST_START_TEST (test_keepalive)
{
  const auto is_binding = [] (const Blob &b) {
    const auto m = Message::parse (b);
    return m && m->method () == Method::binding && m->kind () == Class::indication;
  };
  const auto two = [&] (const std::vector<Blob> &v) {
    return std::ranges::count_if (v, is_binding) >= 2;
  };
  ScriptedServer without, with;
  Run quiet (without, "keepalive=0");
  quiet.must_allocate ();
  Run r (with, "keepalive=1");
  r.must_allocate ();
  fail_unless (with.wait_others (two));
  fail_unless (without.wait_others ([] (const std::vector<Blob> &v) { return v.empty (); }));
}
GST_END_TEST

GST_START_TEST (test_icmp)
{
  ScriptedServer server (
      [] (ScriptedServer &s, const Message &m, unsigned) -> std::optional<Replies> {
        if (m.method () != Method::channel_bind)
          return {};
        Blob buffer (256);
        Builder b (buffer, Method::data, Class::indication, m.transaction ());
        b.xor_address (Attr::xor_peer_address, peer);
        b.icmp (3, 4, 1280);
        return Replies{s.grant (m), Blob (b.message ().begin (), b.message ().end ())};
      });
  Pipeline p ("turnrelaysrc name=src uri=" + server.uri () +
              " peers=192.0.2.1:5004 ! fakesink async=false");
  GstElement *src = p.by_name ("src");
  Watched<std::vector<std::string>> signals;
  g_signal_connect (src, "icmp", G_CALLBACK (note), &signals);
  p.play ();
  const MessagePtr m = wait_element_message (p.get (), "turn-icmp");
  fail_unless (m != nullptr);
  const GstStructure *s = gst_message_get_structure (m.get ());
  fail_unless_equals_string (gst_structure_get_string (s, "peer"), "192.0.2.1:5004");
  const struct {
    const char *name;
    guint value;
  } fields[] = {{"type", 3}, {"code", 4}, {"data", 1280}};
  for (const auto &f : fields) {
    guint n = 0;
    fail_unless (gst_structure_get_uint (s, f.name, &n) && n == f.value, "%s", f.name);
  }
  fail_unless_equals_int (signals.get ().size (), 1);
  fail_unless (iterate_until ([&] { return p.stat ("src", "icmp") == 1; }));
  gst_object_unref (src);
}
GST_END_TEST

// Permissions and channels, with the seconds that they have.
GST_START_TEST (test_lists)
{
  ScriptedServer server;
  Run r (server, "peers=192.0.2.1:5004");
  fail_unless (wait_element_message (r.p.get (), "turn-channel-bound") != nullptr);
  gboolean ok = FALSE;
  g_signal_emit_by_name (r.src, "create-permission", "192.0.2.7", &ok);
  fail_unless (ok);
  const MessagePtr m = wait_element_message (r.p.get (), "turn-permission-created");
  fail_unless (m != nullptr);
  fail_unless_equals_string (
      gst_structure_get_string (gst_message_get_structure (m.get ()), "peers"), "192.0.2.7");
  GstStructure *s = r.allocation ();
  fail_unless_equals_string (gst_structure_get_string (s, "state"), "allocated");
  guint number = 0, left = 0;
  fail_unless (gst_structure_get_uint (s, "updated", &left) && left < 40);
  fail_unless (gst_structure_get_uint (s, "refresh-in", &left) && left > 500 && left <= 540);
  fail_unless_equals_string (
      gst_structure_get_string (s, "local"), gst_structure_get_string (s, "mapped"));
  const GstStructure *channel = nth (s, "channels", 0);
  fail_unless (channel && !nth (s, "channels", 1));
  fail_unless_equals_string (gst_structure_get_string (channel, "peer"), "192.0.2.1:5004");
  fail_unless (gst_structure_get_uint (channel, "number", &number) && number == 0x4000);
  fail_unless (
      gst_structure_get_uint (channel, "lifetime-left", &left) && left > 560 && left <= 600);
  std::vector<std::string> hosts;
  for (unsigned i = 0; const GstStructure *p = nth (s, "permissions", i); i++) {
    hosts.emplace_back (gst_structure_get_string (p, "host"));
    fail_unless (gst_structure_get_uint (p, "lifetime-left", &left) && left > 260 && left <= 300);
  }
  std::ranges::sort (hosts);
  fail_unless (hosts == std::vector<std::string> ({"192.0.2.1", "192.0.2.7"}));
  gst_structure_free (s);
  gst_element_set_state (r.p.get (), GST_STATE_NULL);
  s = r.allocation ();
  fail_unless (!gst_structure_has_field (s, "channels"));
  fail_unless_equals_string (gst_structure_get_string (s, "state"), "idle");
  gst_structure_free (s);
}
GST_END_TEST

// What a sink cannot send to is said, and while it plays the peers before remain.
GST_START_TEST (test_wrong_peers)
{
  ScriptedServer server;
  const std::string sink = " ! turnrelaysink name=sink sync=false async=false uri=" + server.uri ();
  for (const char *peers : {"192.0.2.1", "localhost:5004", "192.0.2.1:5004,192.0.2.2"}) {
    Pipeline p ("videotestsrc" + sink + " peers=" + peers);
    fail_unless (gst_element_set_state (p.get (), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);
    const MessagePtr m = wait_message (p.get (), GST_MESSAGE_ERROR);
    const auto e = error_of (m.get ());
    fail_unless (g_error_matches (e.get (), GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS) &&
                     strstr (e->message, "peers"),
        "%s", e->message);
  }
  Pipeline p ("appsrc name=in" + sink + " peers=192.0.2.1:5004");
  p.play ();
  fail_unless (wait_element_message (p.get (), "turn-channel-bound") != nullptr);
  p.set ("sink", "peers", "192.0.2.1:5004,nobody");
  fail_unless (wait_message (p.get (), GST_MESSAGE_WARNING) != nullptr);
  GstElement *in = p.by_name ("in");
  gst_app_src_push_buffer (GST_APP_SRC (in), buffer_of ("still"));
  fail_unless (server.wait_others ([] (const std::vector<Blob> &v) {
    return std::ranges::count (v, Blob{0x40, 0, 0, 5, 's', 't', 'i', 'l', 'l'}) == 1;
  }));
  gst_object_unref (in);
}
GST_END_TEST

// A sink without peers to more addresses than it keeps: each gets its buffers, and the tables stay
// within their limit.
GST_START_TEST (test_many_addresses)
{
  constexpr unsigned n = 600, most = 512;
  ScriptedServer server;
  Pipeline p ("appsrc name=in format=time ! turnrelaysink name=sink mode=indication sync=false "
              "async=false uri=" +
              server.uri ());
  p.play ();
  GstElement *in = p.by_name ("in"), *sink = p.by_name ("sink");
  for (unsigned i = 0; i < n; i++) {
    const std::string host = "10.0." + std::to_string (i / 256) + "." + std::to_string (i % 256);
    GSocketAddress *to = g_inet_socket_address_new_from_string (host.c_str (), 5004);
    const auto expected = reach::stun::Address::v4 (
        10, 0, static_cast<std::uint8_t> (i / 256), static_cast<std::uint8_t> (i % 256), 5004);
    const auto came = [&] (const std::vector<Blob> &v) {
      return std::ranges::any_of (v, [&] (const Blob &b) {
        const auto m = Message::parse (b);
        return m && m->method () == Method::send &&
               m->xor_address (Attr::xor_peer_address) == expected;
      });
    };
    // The first ones are dropped, until there is a permission.
    fail_unless (iterate_until ([&] {
      GstBuffer *b = buffer_of ("x");
      gst_buffer_add_net_address_meta (b, to);
      gst_app_src_push_buffer (GST_APP_SRC (in), b);
      return server.wait_others (came, milliseconds (20));
    }),
        "%s", host.c_str ());
    server.forget_others ();
    g_object_unref (to);
  }
  GstStructure *s = nullptr;
  g_object_get (sink, "allocation", &s, nullptr);
  fail_unless (nth (s, "permissions", most - 1) && !nth (s, "permissions", most));
  gst_structure_free (s);
  gst_object_unref (in);
  gst_object_unref (sink);
}
GST_END_TEST

// What waits for the pipeline no longer than it may.
GST_START_TEST (test_max_size_time)
{
  constexpr unsigned n = 50;
  ScriptedServer::Script script = [] (ScriptedServer &s, const Message &m,
                                      unsigned) -> std::optional<Replies> {
    if (m.method () != Method::channel_bind && m.method () != Method::refresh)
      return {};
    Replies all{s.grant (m)};
    all.insert (all.end (), n, Blob{0x40, 0, 0, 2, 'o', 'k'});
    return all;
  };
  for (const bool brief : {true, false}) {
    ScriptedServer server (script);
    // The sink takes one, and then nothing.
    Pipeline p ("turnrelaysrc name=src peers=192.0.2.1:5004 uri=" + server.uri () +
                (brief ? " max-size-time=1000000" : " max-size-time=3600000000000") +
                " ! appsink max-buffers=1 sync=false async=false");
    p.play ();
    GstElement *src = p.by_name ("src");
    unsigned rounds = 1;
    const auto more = [&] { // behind what waits
      gboolean sent = FALSE;
      fail_unless (p.counts ("src", "packets-received", n * rounds++));
      g_signal_emit_by_name (src, "refresh", 300u, &sent);
      return sent && p.stat ("src", "packets-dropped") > 0;
    };
    if (brief)
      fail_unless (iterate_until (more));
    else
      for (int i = 0; i < 3; i++)
        fail_if (more ());
    gst_object_unref (src);
  }
}
GST_END_TEST

// Two relayed addresses, and peers of both families through one sink.
GST_START_TEST (test_both_families)
{
  TurnServer server ("relay-address=127.0.0.1,::1 allowed-peers=127.0.0.1,::1");
  UdpPeer v4 (G_SOCKET_FAMILY_IPV4), v6 (G_SOCKET_FAMILY_IPV6);
  Call call ("turn:user:pass@127.0.0.1:" + std::to_string (server.port ()), "ip-family=both",
      address_of (v4) + "," + address_of (v6, G_SOCKET_FAMILY_IPV6));
  call.play ();
  const MessagePtr m = wait_element_message (call.get (), "turn-allocated");
  fail_unless (m != nullptr);
  const GstStructure *s = gst_message_get_structure (m.get ());
  const char *first = gst_structure_get_string (s, "relayed"),
             *second = gst_structure_get_string (s, "relayed2");
  fail_unless (first && second && g_str_has_prefix (first, "127.0.0.1:") &&
                   g_str_has_prefix (second, "[::1]:"),
      "%s %s", first, second);
  call.push ("both");
  for (UdpPeer *peer : {&v4, &v6}) {
    std::string got;
    fail_unless (peer->receive (got) && got == "both");
    peer->reply ("back");
    fail_unless (call.pull () == "back");
  }
}
GST_END_TEST

static Suite *turn_wire_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-wire");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_attributes);
  tcase_add_test (tc, test_order);
  tcase_add_test (tc, test_decoded_message);
  tcase_add_test (tc, test_send_raw);
  tcase_add_test (tc, test_keepalive);
  tcase_add_test (tc, test_icmp);
  tcase_add_test (tc, test_lists);
  tcase_add_test (tc, test_wrong_peers);
  tcase_add_test (tc, test_many_addresses);
  tcase_add_test (tc, test_max_size_time);
  if (has_ipv6 ())
    tcase_add_test (tc, test_both_families);
  return s;
}
GST_CHECK_MAIN (turn_wire)
