// SPDX-License-Identifier: LGPL-2.1-or-later
// TLS and DTLS between the two elements, over every way; and with peers that do not fit.
#include "../tls_files.h"
#include "cam_pair.h"
#include "relay.h"
#include <sys/epoll.h>
#include <thread>

using namespace reach::test;

#ifdef __SANITIZE_ADDRESS__
// LeakSanitizer itself crashes at exit where GnuTLS, which libsoup uses, has been in other threads.
// The leaks tracer looks at this test instead.
extern "C" int __lsan_is_turned_off ()
{
  return 1;
}
#endif

namespace {
struct Pair {
  explicit Pair (const Way &w) : id (files.issue ("server")), way (w), sender (w), receiver (w)
  {
    for (Node *n : {static_cast<Node *> (&sender), static_cast<Node *> (&receiver)})
      g_object_set (
          n->element, "max-queue-time", guint64{0}, "max-queue-bytes", 64u << 20, nullptr);
  }
  Node &listener () { return way.push ? static_cast<Node &> (receiver) : sender; }
  Node &caller () { return way.push ? static_cast<Node &> (sender) : receiver; }

  void certificates ()
  {
    g_object_set (listener ().element, "tls", TRUE, "tls-certificate", id.certificate.c_str (),
        "tls-key", id.key.c_str (), nullptr);
    g_object_set (caller ().element, "tls", TRUE, "tls-ca-file", files.ca ().c_str (), nullptr);
  }
  void passphrases (const char *theirs = passphrase)
  {
    g_object_set (listener ().element, "passphrase", passphrase, nullptr);
    g_object_set (caller ().element, "passphrase", theirs, nullptr);
  }
  void start (const std::function<guint16 (guint16)> &via = {})
  {
    play (sender, receiver, via);
    video = &sender.add ("video_0", video_caps);
    video->begin ();
    if (!way.push)
      fail_unless (sender.wait_pulled ());
  }
  // What is sent arrives as it was.
  void exchange (unsigned n = 30, std::size_t size = 20000)
  {
    for (unsigned i = 0; i < n; i++)
      video->push (make_buffer (size + i, i, i * frame_time / 10, false, frame_time / 10));
    fail_unless (receiver.wait_buffers ("video_0", n), "%u of %u",
        static_cast<unsigned> (receiver.on ("video_0").n_buffers ()), n);
    const Received r = receiver.on ("video_0");
    const auto all = r.buffers ();
    for (unsigned i = 0; i < n; i++)
      fail_unless (same_bytes (all[i], make_buffer (size + i, i).get ()), "buffer %u", i);
  }
  std::string link_field (const Node &n, const char *field) const
  {
    const Structure s = n.stats ();
    const GValue *list = gst_structure_get_value (s.get (), "links");
    for (guint i = 0; list && i < gst_value_list_get_size (list); i++)
      if (const char *v = gst_structure_get_string (
              gst_value_get_structure (gst_value_list_get_value (list, i)), field))
        return v;
    return {};
  }
  // Something to send, without which a sender does not call.
  void call ()
  {
    listener ().play ();
    point (caller (), listener ().port ());
    auto &v = sender.add ("video_0", video_caps);
    v.begin ();
    caller ().play ();
    v.push (make_buffer (1000, 0, 0, false, frame_time));
  }
  // The caller gives up, says why with this word, and nothing came through.
  void expect_refusal (const char *word)
  {
    fail_unless (caller ().wait_told ([] (const Told &t) { return !t.errors.empty (); }));
    const Told t = caller ().told.get ();
    fail_unless (t.errors[0].find (word) != std::string::npos, "%s", t.errors[0].c_str ());
    fail_unless (caller ().wait_event ("connect-error"));
    const auto events = caller ().told.get ().messages;
    fail_unless (std::any_of (events.begin (), events.end (), [word] (const auto &e) {
      return e.name == "cam-connect-error" && e.text.find (word) != std::string::npos;
    }));
    fail_unless_equals_int (Node::count (listener ().told.get ().messages, "connected"), 0);
    fail_unless (caller ().closed ("unauthorized") > 0);
  }

  TlsFiles files; // longer than those that read them
  const TlsFiles::Identity id;
  const Way way;
  Sender sender;
  Receiver receiver;
  Sender::Stream *video = nullptr;
};

bool is (const Way &w, const char *protocol)
{
  return std::string (w.protocol) == protocol;
}

std::string error_in_ready (Node &n)
{
  fail_unless_equals_int (
      gst_element_set_state (n.pipeline, GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const Told t = n.told.get ();
  fail_unless_equals_int (t.errors.size (), 1);
  return t.errors[0];
}

// A bad UDP path to a port of this machine, as long as it lives.
class LossyPath {
public:
  LossyPath (guint16 to, double loss)
  {
    reach::impair::Options o;
    o.listen.sin_family = o.to.sin_family = AF_INET;
    o.listen.sin_addr.s_addr = o.to.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    o.to.sin_port = htons (to);
    o.forward.loss = o.back.loss = loss;
    o.forward.reorder = 2;
    o.forward.delay = o.back.delay = std::chrono::milliseconds (5);
    o.seed = 7;
    relay_ = reach::impair::make_udp_proxy (o);
    fail_unless (relay_->start (epoll_.get ()));
    thread_ = std::thread ([this] { run (); });
  }
  ~LossyPath ()
  {
    stop_ = true;
    thread_.join ();
  }
  guint16 port () const { return relay_->port (); }
  std::uint64_t lost () // after the path has been left alone
  {
    return lost_;
  }

private:
  void run ()
  {
    while (!stop_) {
      epoll_event events[16];
      const auto next = relay_->next ();
      const auto now = reach::Clock::now ();
      const auto wait = next ? std::chrono::ceil<milliseconds> (*next - now) : milliseconds (20);
      const int n = epoll_wait (epoll_.get (), events, 16,
          static_cast<int> (std::clamp (wait, milliseconds (0), milliseconds (20)).count ()));
      for (int i = 0; i < n; i++)
        relay_->ready (events[i].data.u64, events[i].events, reach::Clock::now ());
      relay_->run_due (reach::Clock::now ());
      lost_ = relay_->total (true).lost + relay_->total (false).lost;
    }
  }
  reach::impair::Fd epoll_{epoll_create1 (EPOLL_CLOEXEC)};
  std::unique_ptr<reach::impair::Relay> relay_;
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};
} // namespace

GST_START_TEST (test_certificate)
{
  Pair p (ways[__i__]);
  p.certificates ();
  p.start ();
  p.exchange ();
  for (const Node *n : {static_cast<Node *> (&p.caller ()), &p.listener ()}) {
    const std::string version = p.link_field (*n, "tls-version");
    fail_unless (version == (is (p.way, "udp") ? "DTLSv1.2" : "TLSv1.3"), "%s: %s", p.way.name,
        version.c_str ());
    fail_unless (!p.link_field (*n, "tls-cipher").empty ());
  }
  fail_unless (p.link_field (p.caller (), "tls-peer-name") == "127.0.0.1");
  std::string digits = p.id.fingerprint;
  std::erase (digits, ':');
  fail_unless (p.link_field (p.caller (), "tls-peer-fingerprint") == digits);
}
GST_END_TEST

GST_START_TEST (test_fingerprint_and_client_certificate)
{
  Pair p (ways[__i__]);
  const auto client = p.files.issue ("alice");
  g_object_set (p.listener ().element, "tls", TRUE, "tls-certificate", p.id.certificate.c_str (),
      "tls-key", p.id.key.c_str (), "tls-ca-file", p.files.ca ().c_str (), nullptr);
  g_object_set (p.caller ().element, "tls", TRUE, "tls-fingerprint", p.id.fingerprint.c_str (),
      "tls-certificate", client.certificate.c_str (), "tls-key", client.key.c_str (), nullptr);
  p.start ();
  p.exchange ();
  fail_unless (p.link_field (p.listener (), "tls-peer-name") == "alice");
}
GST_END_TEST

GST_START_TEST (test_passphrase)
{
  Pair p (ways[__i__]);
  if (is (p.way, "http")) {
    p.passphrases ();
    const std::string e = error_in_ready (p.listener ());
    fail_unless (e.find ("does not work over HTTP") != std::string::npos, "%s", e.c_str ());
    return;
  }
  p.passphrases ();
  p.start ();
  p.exchange ();
  fail_unless (!p.link_field (p.caller (), "tls-version").empty ());
}
GST_END_TEST

GST_START_TEST (test_wrong_certificate)
{
  Pair p (ways[__i__]);
  p.certificates ();
  TlsFiles others;
  switch (__i__ % 2) {
  case 0:
    g_object_set (p.caller ().element, "tls-ca-file", others.ca ().c_str (), nullptr);
    break;
  default:
    g_object_set (p.caller ().element, "tls-ca-file", nullptr, "tls-fingerprint",
        others.issue ("other").fingerprint.c_str (), nullptr);
  }
  p.call ();
  p.expect_refusal ("certificate");
}
GST_END_TEST

GST_START_TEST (test_wrong_passphrase)
{
  Pair p (ways[__i__]);
  if (is (p.way, "http"))
    return;
  p.passphrases ("something else entirely");
  g_object_set (p.caller ().element, "reconnect", FALSE, "video-timeout", 3, nullptr);
  p.call ();
  if (!is (p.way, "udp"))
    return p.expect_refusal ("passphrase");
  fail_unless (p.caller ().wait_event ("connect-error"));
  fail_unless_equals_int (Node::count (p.listener ().told.get ().messages, "connected"), 0);
}
GST_END_TEST

// One side has TLS, the other has not: both say so, and nothing hangs.
GST_START_TEST (test_plaintext_peer)
{
  const Way &way = ways[__i__ % n_ways];
  const bool caller_secure = __i__ < n_ways;
  Pair p (way);
  p.certificates ();
  Node &plain = caller_secure ? p.listener () : p.caller ();
  g_object_set (plain.element, "tls", FALSE, "tls-certificate", nullptr, "tls-key", nullptr,
      "tls-ca-file", nullptr, nullptr);
  g_object_set (p.caller ().element, "video-timeout", 3, nullptr);
  p.call ();
  fail_unless (p.caller ().wait_event ("connect-error"));
  if (is (way, "tcp")) {
    const auto told = p.caller ().told.get ().messages;
    fail_unless (std::any_of (told.begin (), told.end (), [] (const auto &e) {
      return e.name == "cam-connect-error" && e.text.find ("TLS") != std::string::npos;
    }));
  }
  fail_unless_equals_int (Node::count (p.listener ().told.get ().messages, "connected"), 0);
}
GST_END_TEST

GST_START_TEST (test_settings)
{
  TlsFiles files;
  const auto id = files.issue ("server");
  const auto complains = [] (const Way &w, const char *word, auto... properties) {
    Pair p (w);
    g_object_set (p.listener ().element, properties..., nullptr);
    const std::string e = error_in_ready (p.listener ());
    fail_unless (e.find (word) != std::string::npos, "%s", e.c_str ());
    fail_unless (e.find ("hush") == std::string::npos, "%s", e.c_str ());
  };
  for (const Way &w : ways) {
    complains (w, "needs tls-certificate", "tls", TRUE);
    complains (w, "set tls=true", "tls-certificate", id.certificate.c_str ());
    complains (w, "/nonexistent.pem", "tls", TRUE, "tls-certificate", "/nonexistent.pem");
    complains (w, "64 hexadecimal digits", "tls", TRUE, "tls-fingerprint", "AB:CD");
  }
  complains (ways[0], "10 characters", "passphrase", "hush");
  complains (ways[0], "one or the other", "passphrase", "hush hush hush", "tls-certificate",
      id.certificate.c_str ());
}
GST_END_TEST

GST_START_TEST (test_secrets_and_uri)
{
  Pair p (ways[0]);
  g_object_set (p.sender.element, "passphrase", "hush hush hush", nullptr);
  fail_unless (string_property (p.sender.element, "passphrase") == "***");
  GError *error = nullptr;
  fail_unless (gst_uri_handler_set_uri (GST_URI_HANDLER (p.receiver.element),
      "cam+tcp://127.0.0.1:7100?tls=true&tls-verify=false", &error));
  gboolean tls = FALSE, verify = TRUE;
  g_object_get (p.receiver.element, "tls", &tls, "tls-verify", &verify, nullptr);
  fail_unless (tls && !verify);
  // What a URI says is shown to everybody.
  fail_if (gst_uri_handler_set_uri (GST_URI_HANDLER (p.receiver.element),
      "cam+tcp://127.0.0.1:7100?passphrase=hush-hush-hush", &error));
  fail_unless (error && !strstr (error->message, "hush"), "%s", error ? error->message : "");
  g_clear_error (&error);
}
GST_END_TEST

// curl, with the authority and without.
GST_START_TEST (test_curl)
{
  Pair p (ways[3]);
  fail_unless (is (p.way, "http") && !p.way.push);
  p.certificates ();
  p.listener ().play ();
  auto &video = p.sender.add ("video_0", video_caps);
  video.begin ();
  const std::string url =
      "https://127.0.0.1:" + std::to_string (p.listener ().port ()) + "/cam/v1/pull/video";
  GSubprocess *doubtful = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_SILENCE, nullptr, "curl",
      "-sS", "--noproxy", "*", "--max-time", "30", url.c_str (), nullptr);
  fail_unless (doubtful != nullptr);
  fail_unless (g_subprocess_wait (doubtful, nullptr, nullptr));
  fail_unless_equals_int (g_subprocess_get_exit_status (doubtful), 60); // cannot be verified
  g_object_unref (doubtful);

  GSubprocess *curl =
      g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, nullptr, "curl", "-sSN", "--noproxy", "*",
          "--max-time", "30", "--cacert", p.files.ca ().c_str (), url.c_str (), nullptr);
  fail_unless (curl != nullptr);
  fail_unless (p.sender.wait_event ("connected"));
  const Buffer frame = make_buffer (50000, 1);
  video.push (make_buffer (50000, 1, 0, false, frame_time));
  std::vector<char> got (50000);
  gsize n = 0;
  GInputStream *out = g_subprocess_get_stdout_pipe (curl);
  fail_unless (g_input_stream_read_all (out, got.data (), got.size (), &n, nullptr, nullptr));
  fail_unless_equals_int (n, got.size ());
  GstMapInfo map;
  fail_unless (gst_buffer_map (frame.get (), &map, GST_MAP_READ));
  const auto *bytes = reinterpret_cast<const char *> (map.data);
  fail_unless (std::search (got.begin (), got.end (), bytes, bytes + 1000) != got.end ());
  gst_buffer_unmap (frame.get (), &map);
  g_subprocess_force_exit (curl);
  g_subprocess_wait (curl, nullptr, nullptr);
  g_object_unref (curl);
}
GST_END_TEST

// One datagram in ten is lost on each way: the handshake and the stream come through.
GST_START_TEST (test_loss)
{
  Pair p (ways[n_ways - 1]);
  fail_unless (is (p.way, "udp"));
  p.certificates ();
  g_object_set (p.sender.element, "latency", 2000u, nullptr);
  std::unique_ptr<LossyPath> path;
  p.start ([&] (guint16 port) {
    path = std::make_unique<LossyPath> (port, 10);
    return path->port ();
  });
  fail_unless (p.sender.wait_event ("connected"));
  p.exchange (60, 8000);
  fail_unless (path->lost () > 10);
  p.sender.null ();
  p.receiver.null ();
}
GST_END_TEST

static Suite *tls_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("tls");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_loop_test (tc, test_certificate, 0, n_ways);
  tcase_add_loop_test (tc, test_fingerprint_and_client_certificate, 0, n_ways);
  tcase_add_loop_test (tc, test_passphrase, 0, n_ways);
  tcase_add_loop_test (tc, test_wrong_certificate, 0, n_ways);
  tcase_add_loop_test (tc, test_wrong_passphrase, 0, n_ways);
  tcase_add_loop_test (tc, test_plaintext_peer, 0, 2 * n_ways);
  tcase_add_test (tc, test_settings);
  tcase_add_test (tc, test_secrets_and_uri);
  tcase_add_test (tc, test_curl);
  tcase_add_test (tc, test_loss);
  return s;
}

GST_CHECK_MAIN (tls)
