// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcpoolserver and clients that others wrote, unmodified, in Node.js (tests/npm/pool-peer.js).
#include "../rtc/signaller.h"
#include "../tls_files.h"
#include "common/ref.h"
#include <filesystem>

using namespace reach::test;

namespace {
std::string from_environment (const char *name)
{
  const char *v = g_getenv (name);
  return v ? v : "";
}

const std::string source_dir = from_environment ("REACH_SOURCE_DIR");
const std::string packages = source_dir + "/build-npm";

bool installed ()
{
  const reach::CharPtr node (g_find_program_in_path ("node"));
  const bool there = std::filesystem::exists (packages + "/node_modules/socket.io-client") &&
                     std::filesystem::exists (packages + "/node_modules/rtcpool");
  if (!node || !there)
    g_print ("SKIP: %s (tests/tools/install-npm)\n",
        node ? "socket.io-client and rtcpool are not in build-npm" : "there is no Node.js");
  return node && there;
}

// The application that the script expects.
struct App : PoolServer {
  explicit App (const std::string &properties = {}) : PoolServer (properties)
  {
    g_signal_connect (element, "app-message",
        G_CALLBACK (+[] (GstElement *e, GstStructure *s, gpointer) {
          const char *pool = gst_structure_get_string (s, "pool");
          gboolean done = FALSE;
          if (g_str_equal (gst_structure_get_string (s, "type"), "close-pool"))
            g_signal_emit_by_name (e, "close-pool", pool, &done);
          else
            g_signal_emit_by_name (e, "describe", pool, gst_structure_get_string (s, "peer"),
                gst_structure_get_string (s, "data"), &done);
          fail_unless (done);
        }),
        nullptr);
  }
  std::string url (const char *scheme = "http") const
  {
    return std::string (scheme) + "://localhost:" + std::to_string (port ());
  }
};

// Its output; the test fails when it does not end well.
std::string run (const std::string &what, const std::string &url, const std::string &options,
    const std::string &ca = {})
{
  const std::string script = source_dir + "/tests/npm/pool-peer.js";
  const char *argv[] = {
      "node", script.c_str (), what.c_str (), url.c_str (), options.c_str (), nullptr};
  gchar **env = g_environ_setenv (g_get_environ (), "REACH_NPM_DIR", packages.c_str (), TRUE);
  if (!ca.empty ())
    env = g_environ_setenv (env, "NODE_EXTRA_CA_CERTS", ca.c_str (), TRUE);
  gchar *out = nullptr, *err = nullptr;
  int status = -1;
  GError *error = nullptr;
  fail_unless (g_spawn_sync (nullptr, const_cast<gchar **> (argv), env, G_SPAWN_SEARCH_PATH,
                   nullptr, nullptr, &out, &err, &status, &error),
      "%s", error ? error->message : "");
  g_strfreev (env);
  fail_unless (status == 0, "%s %s: %d %s%s", what.c_str (), options.c_str (), status, out, err);
  const std::string text = out;
  g_free (out);
  g_free (err);
  return text;
}
} // namespace

GST_START_TEST (socket_io)
{
  if (!installed ())
    return;
  App server ("message-rate=0");
  for (const char *options :
      {"{}", "{\"transports\":[\"polling\"]}", "{\"transports\":[\"websocket\"]}"}) {
    run ("socket-io", server.url (), options);
    run ("socket-io", server.url () + "/room", options);
  }
  const auto gone = [&] { return server.stat ("socket-io-sessions") == 0; };
  fail_unless (iterate_until (gone)); // nothing is left of them
  fail_unless_equals_uint64 (server.stat ("peers"), 0);
}
GST_END_TEST

GST_START_TEST (token)
{
  if (!installed ())
    return;
  App server ("token=open-sesame message-rate=0");
  run ("socket-io", server.url (), "{\"auth\":{\"token\":\"open-sesame\"}}");
  run ("socket-io", server.url (), "{\"query\":{\"token\":\"open-sesame\"}}");
  run ("socket-io", server.url (), "{\"extraHeaders\":{\"Authorization\":\"Bearer open-sesame\"}}");
  fail_unless_equals_string (run ("refused", server.url (), "{}").c_str (),
      "A token is needed: in auth, in the query, or Authorization: Bearer\n");
  fail_unless_equals_string (
      run ("refused", server.url (), "{\"auth\":{\"token\":\"x\"}}").c_str (),
      "This token is not the right one\n");
}
GST_END_TEST

GST_START_TEST (tls)
{
  if (!installed ())
    return;
  TlsFiles files;
  const auto id = files.issue ("localhost");
  App server ("message-rate=0 tls-certificate=" + id.certificate + " tls-key=" + id.key);
  run ("socket-io", server.url ("https"), "{}", files.ca ());
  run ("rtcpool", server.url ("wss"), "raw", files.ca ());
}
GST_END_TEST

GST_START_TEST (rtcpool)
{
  if (!installed ())
    return;
  App server;
  run ("rtcpool", server.url ("ws"), "raw");
  run ("rtcpool", server.url (), "socket-io");
}
GST_END_TEST

static Suite *rtcpool_npm_suite ()
{
  Suite *s = suite_create ("rtcpool_npm");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, socket_io);
  tcase_add_test (tc, token);
  tcase_add_test (tc, tls);
  tcase_add_test (tc, rtcpool);
  return s;
}

GST_CHECK_MAIN (rtcpool_npm)
