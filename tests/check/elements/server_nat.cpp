// SPDX-License-Identifier: LGPL-2.1-or-later
// A sender and a receiver, each behind a NAT of its own and both with the same private address,
// meet through the server: the only machine that either can reach.
#include "../nat.h"
#include "server_node.h"
#include <optional>

using namespace reach::test;

namespace {
constexpr const char *server_address = "203.0.113.1";

struct Home {
  bool make (const Namespace &world, const char *device, const char *address)
  {
    if (!lan.ok ())
      return false;
    lan.enter ();
    const int inside = Namespace::make_tun ("lan");
    const bool up = Namespace::ip ("addr add 10.0.0.2/24 dev lan") &&
                    Namespace::ip ("link set lan up") &&
                    Namespace::ip ("route add default dev lan");
    world.enter ();
    const int outside = Namespace::make_tun (device);
    const std::string dev = device;
    if (inside < 0 || outside < 0 || !up ||
        !Namespace::ip (std::string ("addr add ") + server_address + "/32 peer " + address +
                        "/32 dev " + dev) ||
        !Namespace::ip ("link set " + dev + " up"))
      return false;
    nat.emplace (inside, outside, address);
    return true;
  }
  Namespace lan;
  std::optional<Nat> nat;
};

std::string peer_of (const Server &server, const char *list)
{
  const Structure s = server.stats ();
  const GValue *v = gst_structure_get_value (s.get (), list);
  fail_unless (v && gst_value_list_get_size (v) == 1);
  const char *peer =
      gst_structure_get_string (gst_value_get_structure (gst_value_list_get_value (v, 0)), "peer");
  return peer ? peer : "";
}

struct Route {
  Way push, pull;
};
const Route routes[] = {{tcp_push, tcp_pull}, {http_push, http_pull}, {udp_push, tcp_pull}};
} // namespace

GST_START_TEST (test_meet)
{
  const Route &way = routes[__i__];
  Namespace world;
  if (!world.ok ()) {
    g_print ("skipped: no network namespace of our own (%s)\n", strerror (errno));
    return;
  }
  Home a, b;
  if (!a.make (world, "nat0", "203.0.113.2") || !b.make (world, "nat1", "203.0.113.3")) {
    g_print ("skipped: no tun devices, or no ip command\n");
    return;
  }
  world.enter ();
  Server server (2);
  g_object_set (server.element, "bind-address", server_address, nullptr);
  server.play ();
  Viewer viewer (server, way.pull, "viewer");
  Client sender (server, way.push, "camera", "viewer");
  g_object_set (viewer.element, "host", server_address, "bind-address", "0.0.0.0", nullptr);
  g_object_set (sender.element, "host", server_address, "bind-address", "0.0.0.0", nullptr);
  b.lan.enter ();
  viewer.join ();
  a.lan.enter ();
  auto &video = sender.add ("video_0", video_caps);
  sender.play ();
  push_frames (video, 0, 30, 10, 20000);
  fail_unless (viewer.wait_buffers ("video_0", 30));
  const Received r = viewer.on ("video_0");
  for (unsigned i = 0; i < 30; i++)
    fail_unless (same_bytes (r.buffers ()[i], make_buffer (20000, i).get ()), "buffer %u", i);
  fail_unless (peer_of (server, "senders").starts_with ("203.0.113.2:"));
  fail_unless (peer_of (server, "receivers").starts_with ("203.0.113.3:"));
  fail_unless (a.nat->passed > 0 && b.nat->passed > 0);

  // Nobody gets in who was not called: not even the server.
  world.enter ();
  const unsigned refused = b.nat->refused;
  const int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons (40000);
  to.sin_addr.s_addr = inet_addr ("203.0.113.3");
  fail_unless_equals_int (sendto (fd, "x", 1, 0, reinterpret_cast<sockaddr *> (&to), sizeof to), 1);
  fail_unless (iterate_until ([&] { return b.nat->refused > refused; }));
  close (fd);
}
GST_END_TEST

static Suite *server_nat_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_nat");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_meet, 0, static_cast<int> (std::size (routes)));
  return s;
}

GST_CHECK_MAIN (server_nat)
