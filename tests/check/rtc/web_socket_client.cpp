// SPDX-License-Identifier: LGPL-2.1-or-later
// A WebSocket to servers that refuse, hang, or do not read.
#include "rtc/signalling/web_socket_client.h"
#include "pool_member.h"
#include "signaller.h"
#include "web_client.h"

using namespace reach;
using namespace reach::test;

namespace {
struct Fixture {
  Loop loop{"test-web-socket"};
};

class SocketWatcher final : public rtc::WebSocketClient::Owner {
public:
  void on_socket_open (rtc::WebSocketClient &) override { open.set (true); }
  void on_socket_text (rtc::WebSocketClient &, std::string_view) override {}
  void on_socket_over (rtc::WebSocketClient &, const rtc::WebSocketClient::Failure &f) override
  {
    over.set (f.why);
  }
  Watched<bool> open;
  Watched<std::string> over;
};

// Answers each connection with this, reads on or does not, and never closes.
class RudeServer {
public:
  explicit RudeServer (std::string answer) : answer_ (std::move (answer))
  {
    service_ = g_socket_service_new ();
    port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (service_), nullptr, nullptr);
    g_signal_connect (service_, "incoming",
        G_CALLBACK (+[] (GSocketService *, GSocketConnection *c, GObject *, RudeServer *self) {
          self->accept (c);
          return TRUE;
        }),
        this);
  }
  ~RudeServer ()
  {
    for (GSocketConnection *c : held_)
      g_object_unref (c);
    g_object_unref (service_);
  }
  guint16 port = 0;

private:
  // The request's key is not random enough to be looked for: it is read to its end.
  void accept (GSocketConnection *c)
  {
    held_.push_back (static_cast<GSocketConnection *> (g_object_ref (c)));
    char request[2048] = {};
    GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (c));
    g_input_stream_read (in, request, sizeof request - 1, nullptr, nullptr);
    std::string text = answer_;
    const std::string key = between (request, "Sec-WebSocket-Key: ", "\r\n");
    if (const std::size_t at = text.find ("KEY"); at != std::string::npos)
      text.replace (at, 3, accept_key (key));
    g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (c)), text.data (),
        text.size (), nullptr, nullptr, nullptr);
  }
  static std::string accept_key (const std::string &key)
  {
    const std::string all = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::uint8_t digest[20];
    gsize n = sizeof digest;
    GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA1);
    g_checksum_update (sum, reinterpret_cast<const guchar *> (all.data ()), gssize (all.size ()));
    g_checksum_get_digest (sum, digest, &n);
    g_checksum_free (sum);
    const CharPtr text (g_base64_encode (digest, n));
    return text.get ();
  }
  const std::string answer_;
  GSocketService *service_ = nullptr;
  std::vector<GSocketConnection *> held_;
};

std::string http_answer (const char *line)
{
  return std::string ("HTTP/1.1 ") + line + "\r\nContent-Length: 0\r\n\r\n";
}
const char *const switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n";
} // namespace

// HTTP's refusals in words; others are tried again.
GST_START_TEST (http_refusals)
{
  Fixture f;
  const struct {
    const char *answer, *told;
  } cases[] = {{"400 Bad Request", "fatal "}, {"401 Unauthorized", "fatal "},
      {"403 Forbidden", "fatal "}, {"404 Not Found", "fatal "}, {"503 Busy", "lost "},
      {"200 OK", "lost "}};
  for (const auto &c : cases)
    for (const char *scheme : {"ws", "http"}) {
      RudeServer server (http_answer (c.answer));
      PoolMember a (f.loop,
          PoolMember::to (std::string (scheme) + "://127.0.0.1:" + std::to_string (server.port)));
      std::string told;
      fail_unless (iterate_until ([&] {
        if (a.times ("fatal ") + a.times ("lost ") > 0)
          told = a.saw_from (c.told);
        return !told.empty ();
      }),
          "%s", c.answer);
      fail_unless (told.find (std::string (c.answer, 3)) != std::string::npos, "%s", told.c_str ());
    }
}
GST_END_TEST

// A server that hangs, at each stage, is noticed. The limits are the shortest that libsoup can.
GST_START_TEST (silent_servers)
{
  Fixture f;
  for (const char *answer : {"", switching}) {
    RudeServer server (answer);
    SocketWatcher w;
    std::unique_ptr<rtc::WebSocketClient> client;
    f.loop.call ([&] {
      rtc::WebSocketClient::Limits l;
      l.connect = *answer ? seconds (15) : milliseconds (200);
      l.ping = 1;
      l.silence = seconds (2);
      rtc::Signaller::Config c;
      client = std::make_unique<rtc::WebSocketClient> (
          f.loop, w, c, "ws://127.0.0.1:" + std::to_string (server.port) + "/", l);
    });
    fail_unless (iterate_until ([&] { return !w.over.get ().empty (); }));
    fail_unless_equals_int (w.open.get (), *answer != 0);
    fail_unless_equals_string (
        w.over.get ().c_str (), *answer ? "the server is silent" : "the server does not answer");
    f.loop.call ([&] { client.reset (); });
  }
}
GST_END_TEST

// What it is sent and does not read has a limit.
GST_START_TEST (server_that_does_not_read)
{
  Fixture f;
  RudeServer server (switching);
  SocketWatcher w;
  std::unique_ptr<rtc::WebSocketClient> client;
  f.loop.call ([&] {
    client = std::make_unique<rtc::WebSocketClient> (f.loop, w, rtc::Signaller::Config{},
        "ws://127.0.0.1:" + std::to_string (server.port) + "/");
  });
  fail_unless (iterate_until ([&] { return w.open.get (); }));
  f.loop.call ([&] {
    for (int i = 0; i < 17; i++)
      client->send (std::string (1 << 20, 'x'));
  });
  fail_unless (iterate_until ([&] { return !w.over.get ().empty (); }));
  fail_unless_equals_string (w.over.get ().c_str (), "the server does not read");
  f.loop.call ([&] { client.reset (); });
}
GST_END_TEST

// It answers our pings, so its silence is none.
GST_START_TEST (quiet_server_stays)
{
  Fixture f;
  PoolServer server;
  SocketWatcher w;
  std::unique_ptr<rtc::WebSocketClient> client;
  f.loop.call ([&] {
    rtc::WebSocketClient::Limits l;
    l.ping = 1;
    l.silence = milliseconds (1800);
    client = std::make_unique<rtc::WebSocketClient> (
        f.loop, w, rtc::Signaller::Config{}, server.uri (""), l);
  });
  fail_unless (w.open.wait ([] (bool o) { return o; }));
  fail_if (w.over.wait ([] (const std::string &t) { return !t.empty (); }, milliseconds (4000)));
  f.loop.call ([&] { client.reset (); });
}
GST_END_TEST

static Suite *web_socket_client_suite ()
{
  Suite *s = suite_create ("web_socket_client");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, http_refusals);
  tcase_add_test (tc, silent_servers);
  tcase_add_test (tc, server_that_does_not_read);
  tcase_add_test (tc, quiet_server_stays);
  return s;
}

GST_CHECK_MAIN (web_socket_client)
