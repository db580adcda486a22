// SPDX-License-Identifier: LGPL-2.1-or-later
// Each property of turnserver has its effect on clients, and without it that effect is not there.
#include "../plugin.h"
#include "../turn/server_wire.h"
#include "../wait.h"

using namespace reach::test;
namespace stun = reach::stun;

namespace {
class Server {
public:
  explicit Server (const std::string &properties)
  {
    const std::string line = "turnserver bind-address=127.0.0.1 port=0 allowed-peers=127.0.0.0/8 "
                             "users=alice:secret,bob:hidden " +
                             properties;
    GError *error = nullptr;
    server_ = gst_parse_launch (line.c_str (), &error);
    fail_unless (server_ && !error, "%s", error ? error->message : "");
    gst_object_ref_sink (server_);
    gst_element_set_state (server_, GST_STATE_PLAYING);
  }
  ~Server ()
  {
    gst_element_set_state (server_, GST_STATE_NULL);
    gst_object_unref (server_);
  }
  Server (const Server &) = delete;
  Server &operator= (const Server &) = delete;

  std::uint16_t port () const // 0: it has not started
  {
    guint p = 0;
    g_object_get (server_, "current-port", &p, nullptr);
    return static_cast<std::uint16_t> (p);
  }
  guint64 stat (const char *name) const
  {
    GstStructure *s = nullptr;
    g_object_get (server_, "stats", &s, nullptr);
    guint64 v = 0;
    fail_unless (gst_structure_get_uint64 (s, name, &v), "%s", name);
    gst_structure_free (s);
    return v;
  }

private:
  GstElement *server_ = nullptr;
};

const auto nothing = [] (const Message &) { return true; };

// Whether the answer has what `holds` looks for.
template <typename F = decltype (nothing)> bool answer_has (const Talker &t, F &&holds = nothing)
{
  const auto m = Message::parse (t.response);
  return m && holds (*m);
}

template <typename F> bool binding_has (Server &s, F &&holds)
{
  Talker t (Over::udp, s.port ());
  t.request (Method::binding);
  return answer_has (t, holds);
}

// What a stranger is told who wants to allocate.
std::string authorization_server (Server &s)
{
  Talker t (Over::udp, s.port ());
  t.user = "nobody";
  fail_unless_equals_int (t.allocate (), 401);
  std::string name;
  answer_has (t, [&] (const Message &m) {
    name = m.text (Attr::third_party_authorization);
    return true;
  });
  return name;
}

// 100 packets of 1000 bytes at once.
bool drops_what_is_over (Server &s)
{
  Talker t (Over::udp, s.port ());
  const Plug peer ("127.0.0.1");
  fail_unless (t.allocate () == 0 && t.bind (0x4000, peer.local ()) == 0);
  for (int i = 0; i < 100; i++)
    t.send (0x4000, Blob (1000, 'x'));
  fail_unless_equals_int (t.refresh (600), 0); // behind them
  return s.stat ("discarded-over-bandwidth") > 0;
}

unsigned allocate_tcp (Talker &t)
{
  return t.request (Method::allocate, [] (Builder &b) { b.u8 (Attr::requested_transport, 6); });
}

// A peer's TCP socket that listens.
class Listening {
public:
  Listening () : listener_ (g_socket_listener_new ())
  {
    port_ = g_socket_listener_add_any_inet_port (listener_, nullptr, nullptr);
  }
  ~Listening () { g_object_unref (listener_); }
  Listening (const Listening &) = delete;
  Listening &operator= (const Listening &) = delete;
  stun::Address address () const { return stun::Address::v4 (127, 0, 0, 1, port_); }

private:
  GSocketListener *listener_;
  guint16 port_;
};

// The second of two allocations' connections to peers.
unsigned second_connection (Server &s)
{
  Talker a (Over::tcp, s.port ()), b (Over::tcp, s.port ());
  const Listening x, y;
  unsigned code = 0;
  for (auto [t, peer] : {std::pair{&a, &x}, {&b, &y}}) {
    fail_unless_equals_int (allocate_tcp (*t), 0);
    code = t->request (Method::connect,
        [&] (Builder &to) { to.xor_address (Attr::xor_peer_address, peer->address ()); });
    if (t == &a)
      fail_unless_equals_int (code, 0);
  }
  return code;
}

constexpr char oauth[] = "oauth-keys=north:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= ";

struct Case {
  const char *properties;
  const char *otherwise; // what the effect must not be there with
  bool (*effect) (Server &);
};

const Case cases[] = {
    {"alternate-server=127.0.0.1:9", "",
        [] (Server &s) { return Talker (Over::udp, s.port ()).allocate () == 300; }},
    {"authenticate-binding=true", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          t.user = "nobody";
          return t.request (Method::binding) == 401 &&
                 answer_has (t, [] (const Message &m) { return m.has (Attr::realm); });
        }},
    {"short-term-binding=true", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          return t.request (Method::binding) >= 400 &&
                 answer_has (t, [] (const Message &m) { return !m.has (Attr::realm); });
        }},
    {"mapped-address=true", "",
        [] (Server &s) {
          return binding_has (s, [] (const Message &m) { return m.has (Attr::mapped_address); });
        }},
    {"other-address=192.0.2.1:9", "",
        [] (Server &s) {
          return binding_has (s, [] (const Message &m) {
            return m.address (Attr::other_address) == stun::Address::v4 (192, 0, 2, 1, 9);
          });
        }},
    {"alternate-address=127.0.0.2", "",
        [] (Server &s) {
          return binding_has (s, [] (const Message &m) {
            const auto a = m.address (Attr::other_address);
            return a && a->host () == stun::Address::v4 (127, 0, 0, 2, 0) && a->port != 0;
          });
        }},
    {"software=relay7", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          return t.allocate () == 0 && answer_has (t, [] (const Message &m) {
            return m.text (Attr::software) == "relay7";
          });
        }},
    {"realm=example.org", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          t.user = "nobody";
          t.allocate ();
          return answer_has (
              t, [] (const Message &m) { return m.text (Attr::realm) == "example.org"; });
        }},
    {"no-auth=true", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          t.user = "nobody";
          return t.allocate () == 0;
        }},
    {oauth, "", [] (Server &s) { return authorization_server (s) == "reach"; }},
    {"oauth-server=auth.example.org", "",
        [] (Server &s) { return authorization_server (s) == "auth.example.org"; }},
    {"max-allocations=1", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ()), u (Over::udp, s.port ());
          u.user = "bob";
          u.password = "hidden";
          return t.allocate () == 0 && u.allocate () == 508;
        }},
    {"max-user-allocations=1", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ()), u (Over::udp, s.port ());
          return t.allocate () == 0 && u.allocate () == 486;
        }},
    {"max-connections=1", "",
        [] (Server &s) {
          Talker t (Over::tcp, s.port ()), u (Over::tcp, s.port ());
          return t.allocate () == 0 && u.wire.receive (500).empty () &&
                 s.stat ("discarded-too-many-connections") + s.stat ("connections-refused") > 0;
        }},
    {"max-user-peer-connections=1", "", [] (Server &s) { return second_connection (s) == 508; }},
    {"relay-tcp=false", "",
        [] (Server &s) {
          Talker t (Over::tcp, s.port ());
          return allocate_tcp (t) == 442;
        }},
    {"min-port=20480 max-port=20600", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          return t.allocate () == 0 && t.relayed.port >= 20480 && t.relayed.port <= 20600;
        }},
    {"relay-address=192.0.2.9 relay-bind-address=127.0.0.1", "relay-address=192.0.2.9",
        [] (Server &s) {
          if (s.port () == 0)
            return false; // that address is not here
          Talker t (Over::udp, s.port ());
          Plug peer ("127.0.0.1");
          stun::Address from;
          fail_unless (t.allocate () == 0 && t.bind (0x4000, peer.local ()) == 0);
          t.send (0x4000, blob ("x"));
          peer.receive (20000, &from);
          return t.relayed.host () == stun::Address::v4 (192, 0, 2, 9, 0) &&
                 from == stun::Address::v4 (127, 0, 0, 1, t.relayed.port);
        }},
    {"denied-peers=127.0.0.1/32", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          return t.allocate () == 0 && t.permit (stun::Address::v4 (127, 0, 0, 1, 9)) == 403;
        }},
    {"legacy-channels=true", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          return t.allocate () == 0 && t.bind (0x5000, stun::Address::v4 (127, 0, 0, 1, 9)) == 0;
        }},
    {"mobility=true", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          return t.allocate ([] (Builder &b) { b.flag (Attr::mobility_ticket); }) == 0 &&
                 answer_has (t, [] (const Message &m) { return m.has (Attr::mobility_ticket); });
        }},
    {"bandwidth=1000", "", drops_what_is_over},
    {"user-bandwidth=1000", "", drops_what_is_over},
    {"request-rate=1", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          for (int i = 0; i < 20; i++) {
            Blob to (100);
            t.wire.send (Builder (to, Method::binding, Class::request, {}).message ());
          }
          fail_unless (iterate_until ([&] { // all have come
            return s.stat ("requests") + s.stat ("discarded-rate-limited") >= 20;
          }));
          return s.stat ("discarded-rate-limited") > 0;
        }},
    {"default-lifetime=70", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          return t.allocate () == 0 &&
                 answer_has (t, [] (const Message &m) { return m.u32 (Attr::lifetime) == 70u; });
        }},
    {"max-lifetime=800", "",
        [] (Server &s) {
          Talker t (Over::udp, s.port ());
          return t.allocate () == 0 && t.refresh (3000) == 0 &&
                 answer_has (t, [] (const Message &m) { return m.u32 (Attr::lifetime) == 800u; });
        }},
};
} // namespace

GST_START_TEST (test_property)
{
  const Case &c = cases[__i__];
  const std::string more = g_str_has_prefix (c.properties, "oauth-server") ? oauth : "";
  Server with (more + c.properties), without (more + c.otherwise);
  fail_unless (c.effect (with), "%s", c.properties);
  fail_if (c.effect (without), "without %s", c.properties);
}
GST_END_TEST

// A client on TCP that does not read loses what it is late for, and that is counted.
GST_START_TEST (test_slow_client)
{
  Server s ("");
  Talker t (Over::tcp, s.port ());
  Plug peer ("127.0.0.1");
  fail_unless (t.allocate () == 0 && t.bind (0x4000, peer.local ()) == 0);
  const Blob packet (1400, 'x');
  fail_unless (iterate_until ([&] {
    for (int i = 0; i < 500; i++)
      peer.send_to (t.relayed, packet);
    return s.stat ("packets-dropped-slow") > 0;
  }));
  // Others are served meanwhile.
  Talker other (Over::udp, s.port ());
  fail_unless_equals_int (other.allocate (), 0);
}
GST_END_TEST

static Suite *turnserver_properties_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turnserver-properties");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_property, 0, G_N_ELEMENTS (cases));
  tcase_add_test (tc, test_slow_client);
  return s;
}
GST_CHECK_MAIN (turnserver_properties)
