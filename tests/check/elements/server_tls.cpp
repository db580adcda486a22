// SPDX-License-Identifier: LGPL-2.1-or-later
// A media server with TLS: one port for TCP and HTTP, DTLS on the other; peers that do not fit.
#include "../tls_files.h"
#include "server_node.h"
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
// LeakSanitizer itself crashes at exit where GnuTLS, which libsoup uses, has been in other threads.
// The leaks tracer looks at this test instead.
extern "C" int __lsan_is_turned_off ()
{
  return 1;
}
#endif

using namespace reach::test;

namespace {
struct Route {
  Way push, pull;
  guint loops;
};
const Route routes[] = {{tcp_push, tcp_pull, 1}, {tcp_push, tcp_pull, 3}, {http_push, http_pull, 2},
    {udp_push, tcp_pull, 2}, {udp_push, http_pull, 1}};
constexpr int n_routes = static_cast<int> (std::size (routes));

// Busy machines take their time.
void patient (GstElement *e)
{
  g_object_set (e, "max-queue-time", guint64{0}, nullptr);
}

void certify (const Server &server, const TlsFiles::Identity &id)
{
  g_object_set (server.element, "tls", TRUE, "tls-certificate", id.certificate.c_str (), "tls-key",
      id.key.c_str (), "max-queue-time", guint64{0}, "video-buffer-size", 64u << 20, nullptr);
}

void trust (GstElement *e, const char *ca)
{
  patient (e);
  g_object_set (e, "tls", TRUE, "tls-ca-file", ca, nullptr);
}

void set_passphrase (GstElement *e, const char *secret = passphrase)
{
  patient (e);
  g_object_set (e, "passphrase", secret, nullptr);
}

void stream_through (Viewer &viewer, Client &sender)
{
  viewer.join ();
  auto &video = sender.add ("video_0", video_caps);
  sender.play ();
  for (unsigned i = 0; i < 20; i++)
    video.push (make_buffer (30000 + i, i, i * frame_time / 10, i != 0, frame_time / 10));
  fail_unless (viewer.wait_buffers ("video_0", 20));
  const Received r = viewer.on ("video_0");
  for (unsigned i = 0; i < 20; i++)
    fail_unless (same_bytes (r.buffers ()[i], make_buffer (30000 + i, i).get ()), "buffer %u", i);
}

// The sender does not come in, and says why with this word.
void expect_refusal (const Server &server, Client &sender, const char *word)
{
  auto &video = sender.add ("video_0", video_caps);
  sender.play ();
  push_frames (video, 0, 1, 1);
  fail_unless (sender.wait_told ([word] (const Told &t) {
    return std::any_of (t.messages.begin (), t.messages.end (), [word] (const auto &m) {
      return m.name == "cam-connect-error" && m.text.find (word) != std::string::npos;
    });
  }));
  fail_unless_equals_int (Node::count (sender.told.get ().messages, "connected"), 0);
  fail_unless_equals_uint64 (server.stat ("frames-received"), 0);
}

int connect_to (gint port)
{
  const int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons (static_cast<std::uint16_t> (port));
  a.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  fail_unless_equals_int (connect (fd, reinterpret_cast<sockaddr *> (&a), sizeof a), 0);
  return fd;
}
} // namespace

GST_START_TEST (test_certificate)
{
  const Route &way = routes[__i__];
  TlsFiles files;
  Server server (way.loops);
  certify (server, files.issue ("server"));
  server.play ();
  Viewer viewer (server, way.pull, "viewer");
  Client sender (server, way.push, "camera", "viewer");
  trust (viewer.element, files.ca ().c_str ());
  trust (sender.element, files.ca ().c_str ());
  stream_through (viewer, sender);
}
GST_END_TEST

GST_START_TEST (test_passphrase)
{
  Server server (__i__ + 1);
  g_object_set (server.element, "passphrase", passphrase, "max-queue-time", guint64{0}, nullptr);
  fail_unless_equals_string (string_property (server.element, "passphrase").c_str (), "***");
  server.play ();
  Viewer viewer (server, tcp_pull, "viewer");
  Client sender (server, __i__ ? udp_push : tcp_push, "camera", "viewer");
  set_passphrase (viewer.element);
  set_passphrase (sender.element);
  stream_through (viewer, sender);
}
GST_END_TEST

GST_START_TEST (test_wrong_ones)
{
  TlsFiles files, others;
  Server server;
  const bool certificates = __i__ == 0;
  if (certificates)
    certify (server, files.issue ("server"));
  else
    g_object_set (server.element, "passphrase", passphrase, nullptr);
  server.play ();
  Client sender (server, tcp_push, "camera", "viewer");
  if (certificates)
    trust (sender.element, others.ca ().c_str ());
  else
    set_passphrase (sender.element, "something else entirely");
  expect_refusal (server, sender, certificates ? "certificate" : "passphrase");
  fail_unless (server.wait_event ("rejected", ""));
  fail_unless (server.stat ("refused") >= 1);
}
GST_END_TEST

// One side has TLS, the other has not: both say so.
GST_START_TEST (test_plaintext)
{
  TlsFiles files;
  Server server;
  const bool secure_server = __i__ == 0;
  if (secure_server)
    certify (server, files.issue ("server"));
  server.play ();
  Client sender (server, tcp_push, "camera", "viewer");
  if (secure_server)
    patient (sender.element);
  else
    trust (sender.element, files.ca ().c_str ());
  expect_refusal (server, sender, "TLS");
  fail_unless (server.wait_event ("rejected", ""));
  const auto events = server.events.get ();
  fail_unless (events[0].reason.find ("TLS") != std::string::npos, "%s", events[0].reason.c_str ());
}
GST_END_TEST

// Those that begin a handshake and go no further are closed, and cost a client nothing.
GST_START_TEST (test_slow_handshakes)
{
  TlsFiles files;
  Server server;
  certify (server, files.issue ("server"));
  server.play ();
  std::vector<pollfd> idlers;
  for (int i = 0; i < 100; i++) {
    idlers.push_back ({connect_to (server.port (tcp_push)), POLLIN, 0});
    const unsigned char start[] = {22, 3, 1, 2, 0, 1};
    fail_unless_equals_int (send (idlers.back ().fd, start, sizeof start, MSG_NOSIGNAL), 6);
  }
  Viewer viewer (server, tcp_pull, "viewer");
  Client sender (server, tcp_push, "camera", "viewer");
  trust (viewer.element, files.ca ().c_str ());
  trust (sender.element, files.ca ().c_str ());
  stream_through (viewer, sender);
  for (pollfd &p : idlers) {
    fail_unless_equals_int (poll (&p, 1, 40000), 1);
    char c[64];
    ssize_t n = 0;
    while ((n = recv (p.fd, c, sizeof c, 0)) > 0) { // an alert may come first
    }
    fail_unless (n == 0 || errno == ECONNRESET);
    close (p.fd);
  }
}
GST_END_TEST

GST_START_TEST (test_settings)
{
  Server server;
  g_object_set (server.element, "tls", TRUE, nullptr);
  fail_unless_equals_int (
      gst_element_set_state (server.pipeline, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  g_object_set (server.element, "tls", FALSE, nullptr);
  fail_unless (reach_state (server.pipeline, GST_STATE_PLAYING));
}
GST_END_TEST

static Suite *server_tls_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("server_tls");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_certificate, 0, n_routes);
  tcase_add_loop_test (tc, test_passphrase, 0, 2);
  tcase_add_loop_test (tc, test_wrong_ones, 0, 2);
  tcase_add_loop_test (tc, test_plaintext, 0, 2);
  tcase_add_test (tc, test_slow_handshakes);
  tcase_add_test (tc, test_settings);
  return s;
}

GST_CHECK_MAIN (server_tls)
