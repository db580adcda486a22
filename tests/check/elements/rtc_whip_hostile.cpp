// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpeer as WHIP client of servers that hang, flood, lie and break off: it says so, and each state
// change stays prompt.
#include "rtc_call.h"
#include <thread>

using namespace reach;
using namespace reach::test;

namespace {
// Takes connections one after the other, each in a thread of its own, reads the head of a request,
// and then does what the test wants, until that returns or the test ends.
class RawServer {
public:
  using Serve = std::function<void (RawServer &, GOutputStream *)>;
  explicit RawServer (Serve serve)
      : serve_ (std::move (serve)), cancel_ (Ref<GCancellable>::adopt (g_cancellable_new ())),
        listener_ (Ref<GSocketListener>::adopt (g_socket_listener_new ()))
  {
    GInetAddress *loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
    GSocketAddress *at = g_inet_socket_address_new (loopback, 0), *got = nullptr;
    fail_unless (g_socket_listener_add_address (
        listener_.get (), at, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, nullptr, &got, nullptr));
    port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (got));
    g_object_unref (got);
    g_object_unref (at);
    g_object_unref (loopback);
    thread_ = std::thread ([this] { accept (); });
  }
  ~RawServer ()
  {
    g_cancellable_cancel (cancel_.get ());
    thread_.join ();
    for (std::thread &t : each_)
      t.join ();
  }
  RawServer (const RawServer &) = delete;
  RawServer &operator= (const RawServer &) = delete;

  std::string uri () const { return "whip+http://127.0.0.1:" + std::to_string (port) + "/live"; }
  bool write (GOutputStream *out, std::string_view text)
  {
    return g_output_stream_write_all (
        out, text.data (), text.size (), nullptr, cancel_.get (), nullptr);
  }
  void wait_for_end (int ms = -1) // of the test
  {
    GPollFD end;
    fail_unless (g_cancellable_make_pollfd (cancel_.get (), &end));
    g_poll (&end, 1, ms);
    g_cancellable_release_fd (cancel_.get ());
  }
  guint16 port = 0;
  Watched<unsigned> requests;

private:
  void accept ()
  {
    while (GSocketConnection *c =
               g_socket_listener_accept (listener_.get (), nullptr, cancel_.get (), nullptr))
      each_.emplace_back ([this, c] {
        read_head (g_io_stream_get_input_stream (G_IO_STREAM (c)));
        requests.update ([] (unsigned &n) { n++; });
        serve_ (*this, g_io_stream_get_output_stream (G_IO_STREAM (c)));
        g_io_stream_close (G_IO_STREAM (c), nullptr, nullptr);
        g_object_unref (c);
      });
  }
  void read_head (GInputStream *in)
  {
    std::string all;
    char one = 0;
    while (!all.ends_with ("\r\n\r\n") &&
           g_input_stream_read (in, &one, 1, cancel_.get (), nullptr) == 1)
      all += one;
  }

  const Serve serve_;
  const Ref<GCancellable> cancel_;
  const Ref<GSocketListener> listener_;
  std::thread thread_;
  std::vector<std::thread> each_; // of thread_, until it has ended
};

const std::string created = "HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\n"
                            "Location: /s/1\r\n";
struct Case {
  const char *name;
  RawServer::Serve serve;
  bool told; // by a WARNING or an ERROR; else it is still hoped for
};
const Case cases[] = {
    {"never answers", [] (RawServer &s, GOutputStream *) { s.wait_for_end (); }, false},
    {"closes at once", [] (RawServer &, GOutputStream *) {}, true},
    {"is no HTTP",
        [] (RawServer &s, GOutputStream *out) { s.write (out, "SSH-2.0-OpenSSH_9.2\r\n\r\n\r\n"); },
        true},
    {"breaks off in the head",
        [] (RawServer &s, GOutputStream *out) { s.write (out, "HTTP/1.1 201 Crea"); }, true},
    {"breaks off in the body",
        [] (RawServer &s, GOutputStream *out) {
          s.write (out, created + "Content-Length: 5000\r\n\r\nv=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n");
        },
        true},
    {"hangs in the body",
        [] (RawServer &s, GOutputStream *out) {
          s.write (out, created + "Content-Length: 5000\r\n\r\nv=0\r\n");
          s.wait_for_end ();
        },
        false},
    {"has no end of headers",
        [] (RawServer &s, GOutputStream *out) {
          s.write (out, created);
          while (s.write (out, "X-More: " + std::string (4000, 'x') + "\r\n"))
            ;
        },
        true},
    {"has no end of the body",
        [] (RawServer &s, GOutputStream *out) {
          s.write (out, created + "\r\nv=0\r\n");
          while (s.write (out, std::string (65536, 'a')))
            ;
        },
        true},
    {"claims a body without end",
        [] (RawServer &s, GOutputStream *out) {
          s.write (out, created + "Content-Length: 18446744073709551615\r\n\r\nv=0\r\n");
          while (s.write (out, std::string (65536, 'a')))
            ;
        },
        true},
    {"redirects in circles",
        [] (RawServer &s, GOutputStream *out) {
          s.write (out, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /live\r\n"
                        "Content-Length: 0\r\nConnection: close\r\n\r\n");
        },
        true},
    {"answers with a malformed description",
        [] (RawServer &s, GOutputStream *out) {
          s.write (out, created + "Content-Length: 16\r\n\r\nv=0\r\nnonsense\r\n\r\n");
        },
        true},
};

// Links of all kinds, and no description: nothing but warnings comes of them.
std::string with_links (const std::string &links)
{
  return created + links + "Content-Length: 16\r\n\r\nv=0\r\nnonsense\r\n\r\n";
}
const std::string one_link = "<turn:127.0.0.1:9?transport=tcp>; rel=ice-server; username=u; "
                             "credential=secret; credential-type=password";
std::string many_links (unsigned n)
{
  std::string all;
  for (unsigned i = 0; i < n; i++)
    all += "Link: " + one_link + "\r\n";
  return all;
}
struct LinkCase {
  std::string links;
  const char *warning; // has this text
};
const LinkCase link_cases[] = {
    {many_links (50), "more than 8"},
    {"Link: <turn:a>; rel=ice-server; username=\xff\xfe; credential=secret\r\n", "cannot be read"},
    {"Link: <turn:a>; rel=\"ice-server\r\n", "cannot be read"},
    {"Link: <" + std::string (9000, 't') + ">; rel=ice-server\r\n", "RFC 7064"},
    {"Link: <turn:a>; rel=ice-server; username=u; credential=secret; credential-type=oauth\r\n",
        "no password"},
    {"Link: <turn:u:secret@a:99999>; rel=ice-server\r\n", "RFC 7064"},
    {"Link: <turns:a?transport=udp>; rel=ice-server; username=u; credential=secret\r\n", "DTLS"},
    {"Link: <file:///etc/passwd>; rel=ice-server\r\n", "RFC 7064"},
};

// The bytes of this process that are in memory.
std::size_t resident ()
{
  gchar *text = nullptr;
  fail_unless (g_file_get_contents ("/proc/self/statm", &text, nullptr, nullptr));
  unsigned long size = 0, pages = 0;
  fail_unless (sscanf (text, "%lu %lu", &size, &pages) == 2);
  g_free (text);
  return pages * 4096;
}
} // namespace

GST_START_TEST (test_hostile)
{
  const Case &c = cases[__i__];
  RawServer server (c.serve);
  Caller camera (
      "rtcpeer name=peer signalling-uri=" + server.uri () + " " + small_h264 + " ! peer.video_0");
  const std::size_t before = resident ();
  camera.play ();
  fail_unless (server.requests.wait ([] (unsigned n) { return n > 0; }), "%s", c.name);
  if (c.told)
    fail_unless (
        wait_message (camera.pipeline,
            static_cast<GstMessageType> (GST_MESSAGE_WARNING | GST_MESSAGE_ERROR)) != nullptr,
        "%s: nothing is said of it", c.name);
  if (g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") != 0)
    fail_unless (resident () < before + (64u << 20), "%s: takes memory", c.name);
  for (int i = 0; i < 3; i++) {
    const gint64 begin = g_get_monotonic_time ();
    camera.end ();
    const gint64 took = g_get_monotonic_time () - begin;
    fail_unless (
        took < 2 * G_USEC_PER_SEC, "%s: NULL takes %d ms", c.name, static_cast<int> (took / 1000));
    camera.play ();
  }
}
GST_END_TEST

// Nothing of what is secret in a Link is told, nor what cannot be shown; and each is one warning at
// most, whatever it names.
GST_START_TEST (test_links)
{
  const LinkCase &c = link_cases[__i__];
  RawServer server (
      [&c] (RawServer &s, GOutputStream *out) { s.write (out, with_links (c.links)); });
  Caller camera (
      "rtcpeer name=peer signalling-uri=" + server.uri () + " " + small_h264 + " ! peer.video_0");
  camera.play ();
  bool told = false;
  while (!told) {
    const auto m = wait_message (camera.pipeline, GST_MESSAGE_WARNING);
    fail_unless (m != nullptr, "%s is not said", c.warning);
    GError *e = nullptr;
    gchar *debug = nullptr;
    gst_message_parse_warning (m.get (), &e, &debug);
    const ErrorPtr owned (e);
    const CharPtr more (debug);
    const std::string text = std::string (e->message) + (debug ? debug : "");
    fail_unless (g_utf8_validate (text.c_str (), -1, nullptr));
    fail_unless (
        text.find ("secret") == std::string::npos && text.size () < 1000, "%s", text.c_str ());
    told = text.find (c.warning) != std::string::npos;
  }
  const gint64 begin = g_get_monotonic_time ();
  camera.end ();
  fail_unless (g_get_monotonic_time () - begin < 2 * G_USEC_PER_SEC);
}
GST_END_TEST

// The time that an answer has, then it is asked again.
GST_START_TEST (test_time_limit)
{
  RawServer server ([] (RawServer &s, GOutputStream *out) {
    s.write (out, created + "Transfer-Encoding: chunked\r\n\r\n");
    // Never silent for as long as a socket may be.
    while (s.write (out, "1\r\nv\r\n"))
      s.wait_for_end (200);
  });
  Caller camera (
      "rtcpeer name=peer signalling-uri=" + server.uri () + " " + small_h264 + " ! peer.video_0");
  camera.play ();
  const auto warning =
      wait_message (camera.pipeline, GST_MESSAGE_WARNING, {}, milliseconds (30000));
  fail_unless (warning != nullptr);
  fail_unless (server.requests.wait ([] (unsigned n) { return n > 1; }));
}
GST_END_TEST

static Suite *rtc_whip_hostile_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtc_whip_hostile");
  TCase *tc = tcase_create ("hostile");
  suite_add_tcase (s, tc);
  tcase_set_timeout (tc, 60);
  tcase_add_loop_test (tc, test_hostile, 0, G_N_ELEMENTS (cases));
  tcase_add_loop_test (tc, test_links, 0, G_N_ELEMENTS (link_cases));
  tcase_add_test (tc, test_time_limit);
  return s;
}

GST_CHECK_MAIN (rtc_whip_hostile)
