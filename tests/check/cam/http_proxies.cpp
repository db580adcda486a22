// SPDX-License-Identifier: LGPL-2.1-or-later
// cam over HTTP through proxies as they are installed: nginx as a reverse proxy that buffers all it
// can, tinyproxy as a forward proxy that wants a password. A proxy that is not installed skips its
// tests.
#include "http_fixture.h"
#include <filesystem>
#include <fstream>

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

namespace {
// A proxy process with its configuration in a folder of its own; ended by its process id.
class Proxy {
public:
  explicit Proxy (const char *program) : port (unused_port ())
  {
    g_autofree gchar *path = g_find_program_in_path (program);
    if (!path) {
      g_print ("SKIP: %s is not installed\n", program);
      return;
    }
    program_ = path;
    g_autofree gchar *dir = g_dir_make_tmp ("reach-proxy-XXXXXX", nullptr);
    fail_unless (dir != nullptr);
    folder = dir;
    // The workers of a proxy that root starts run as somebody else.
    std::filesystem::permissions (folder, std::filesystem::perms (0755));
  }
  ~Proxy ()
  {
    if (process_) {
      g_subprocess_send_signal (process_, SIGTERM);
      g_subprocess_wait (process_, nullptr, nullptr);
      g_object_unref (process_);
    }
    if (!folder.empty ())
      std::filesystem::remove_all (folder);
  }
  bool installed () const { return !program_.empty (); }
  void run (const std::string &config, std::vector<std::string> arguments)
  {
    std::ofstream (folder + "/proxy.conf") << config;
    std::vector<const char *> argv{program_.c_str ()};
    for (const std::string &a : arguments)
      argv.push_back (a.c_str ());
    argv.push_back (nullptr);
    GError *error = nullptr;
    process_ = g_subprocess_newv (argv.data (),
        static_cast<GSubprocessFlags> (
            G_SUBPROCESS_FLAGS_STDERR_SILENCE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE),
        &error);
    fail_unless (process_ != nullptr, "%s", error ? error->message : "");
    fail_unless (iterate_until ([this] { return Raw (port).connected; }), "%s does not listen",
        program_.c_str ());
  }

  const std::uint16_t port;
  std::string folder;

private:
  std::string program_;
  GSubprocess *process_ = nullptr;
};

void run_nginx (Proxy &p, const Server &s)
{
  p.run ("daemon off; worker_processes 1; pid " + p.folder + "/pid; error_log " + p.folder +
             "/log;\n"
             "events { worker_connections 64; }\n"
             "http { access_log off;\n"
             "client_body_temp_path " +
             p.folder + "/body; proxy_temp_path " + p.folder +
             "/proxy;\n"
             "fastcgi_temp_path " +
             p.folder + "/f; uwsgi_temp_path " + p.folder + "/u; scgi_temp_path " + p.folder +
             "/s;\n"
             "server { listen 127.0.0.1:" +
             std::to_string (p.port) +
             ";\n"
             "location / { proxy_pass http://" +
             s.address () +
             ";\n"
             "proxy_buffering on; proxy_request_buffering on; proxy_buffer_size 64k; proxy_buffers "
             "16 1m;\n"
             "proxy_busy_buffers_size 8m; client_max_body_size 2m; } } }\n",
      {"-c", p.folder + "/proxy.conf", "-p", p.folder});
}

void run_tinyproxy (Proxy &p)
{
  p.run ("Port " + std::to_string (p.port) +
             "\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\n"
             "LogFile \"" +
             p.folder + "/log\"\nBasicAuth someone secret\n",
      {"-d", "-c", p.folder + "/proxy.conf"});
}

HttpClientConfig through_tinyproxy (const Proxy &p, const Server &s, const char *pw)
{
  HttpClientConfig c;
  c.host = "127.0.0.1";
  c.port = s.port;
  c.proxy = "127.0.0.1:" + std::to_string (p.port);
  c.proxy_id = "someone";
  c.proxy_pw = pw;
  return c;
}

void assert_flow (End &from, End &to)
{
  const std::size_t already = to.seen.get ().got.size ();
  std::vector<std::string> want;
  for (std::size_t n : {10u, 100000u, 3u, 70000u}) {
    const auto m = big_frame (n, static_cast<std::uint8_t> (n));
    from.send (m);
    want.push_back (wire (m));
  }
  fail_unless (to.wait_got (already + 4), "%s", to.seen.get ().detail.c_str ());
  const auto got = to.seen.get ().got;
  for (std::size_t i = 0; i < want.size (); i++)
    fail_unless (got[already + i] == want[i]);
}
} // namespace

GST_START_TEST (test_pull_through_buffering_nginx)
{
  Proxy nginx ("nginx");
  if (!nginx.installed ())
    return;
  Server server (pull_config ());
  run_nginx (nginx, server);
  Client client;
  HttpClientConfig c;
  c.host = "127.0.0.1";
  c.port = nginx.port;
  c.patience = milliseconds (200);
  client.start (true, c);
  // The endless answer is withheld; complete ones take it up, on the same channel.
  fail_unless (client.end.wait_got (1), "%s", client.end.seen.get ().detail.c_str ());
  assert_flow (server.end (0), client.end);
  client.end.send (message (Kind::request, "more"));
  fail_unless (server.end (0).wait_got (2));
  assert_flow (server.end (0), client.end);
  fail_unless_equals_int (static_cast<int> (server.ends.get ().size ()), 1);
  server.end (0).close (true);
  fail_unless (client.end.wait_closed () && client.end.why () == CloseReason::orderly);
}
GST_END_TEST;

GST_START_TEST (test_push_through_buffering_nginx)
{
  Proxy nginx ("nginx");
  if (!nginx.installed ())
    return;
  Server server (push_config ());
  run_nginx (nginx, server);
  Client client;
  client.start (false, nginx.port);
  fail_unless (client.end.wait_got (1), "%s", client.end.seen.get ().detail.c_str ());
  for (int i = 0; i < 5; i++)
    assert_flow (client.end, server.end (0));
  server.end (0).send (message (Kind::key_unit, "k"));
  fail_unless (client.end.wait_got (2));
  client.end.close (true);
  fail_unless (server.end (0).wait_closed () && server.end (0).why () == CloseReason::orderly);
}
GST_END_TEST;

GST_START_TEST (test_nginx_without_a_server)
{
  Proxy nginx ("nginx");
  if (!nginx.installed ())
    return;
  auto server = std::make_unique<Server> (push_config ());
  run_nginx (nginx, *server);
  server.reset ();
  Client client;
  client.start (false, nginx.port);
  fail_unless (client.end.wait_closed () && client.end.why () == CloseReason::unreachable);
}
GST_END_TEST;

// False: tinyproxy ended a connection just when a request began on it, as it may, and often does on
// a busy machine; a camsender then connects again.
static bool push_through (const Proxy &tiny)
{
  Server pusher (push_config ());
  Client push;
  push.start (false, through_tinyproxy (tiny, pusher, "secret"));
  fail_unless (push.end.seen.wait ([] (const auto &s) { return !s.got.empty () || s.closed; }));
  if (push.end.seen.get ().closed)
    return false;
  assert_flow (push.end, pusher.end (0));
  push.end.close (true);
  fail_unless (pusher.end (0).wait_closed () && pusher.end (0).why () == CloseReason::orderly);
  return true;
}

GST_START_TEST (test_tinyproxy)
{
  Proxy tiny ("tinyproxy");
  if (!tiny.installed ())
    return;
  run_tinyproxy (tiny);
  Server puller (pull_config ());
  Client pull;
  pull.start (true, through_tinyproxy (tiny, puller, "secret"));
  fail_unless (pull.end.wait_got (1), "%s", pull.end.seen.get ().detail.c_str ());
  assert_flow (puller.end (0), pull.end);
  pull.end.send (message (Kind::request, "more"));
  fail_unless (puller.end (0).wait_got (2));
  int tries = 0;
  while (!push_through (tiny))
    fail_unless (++tries < 50);
}
GST_END_TEST;

GST_START_TEST (test_tinyproxy_wants_other_credentials)
{
  Proxy tiny ("tinyproxy");
  if (!tiny.installed ())
    return;
  run_tinyproxy (tiny);
  Server server (push_config ());
  for (const char *pw : {"wrong", ""}) {
    for (bool pull : {true, false}) {
      auto c = through_tinyproxy (tiny, server, pw);
      if (!*pw)
        c.proxy_id.clear ();
      Client client;
      client.start (pull, c);
      fail_unless (client.end.wait_closed ());
      fail_unless (client.end.why () == CloseReason::unauthorized, "%d (%s)",
          static_cast<int> (client.end.why ()), client.end.seen.get ().detail.c_str ());
      fail_unless (client.end.seen.get ().detail.find ("secret") == std::string::npos);
    }
  }
  fail_unless (server.ends.get ().empty ());
}
GST_END_TEST;

static Suite *http_proxies_suite ()
{
  Suite *s = suite_create ("http_proxies");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pull_through_buffering_nginx);
  tcase_add_test (tc, test_push_through_buffering_nginx);
  tcase_add_test (tc, test_nginx_without_a_server);
  tcase_add_test (tc, test_tinyproxy);
  tcase_add_test (tc, test_tinyproxy_wants_other_credentials);
  return s;
}
GST_CHECK_MAIN (http_proxies)
