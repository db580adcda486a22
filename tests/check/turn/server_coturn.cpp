// SPDX-License-Identifier: LGPL-2.1-or-later
// The server against coturn's client (Debian's package coturn): two of its sessions send to each
// other through two relayed addresses, and it counts what is lost.
#include "../check.h"
#include "../wait.h"
#include "turn/net/server_net.h"
#include <future>
#include <gio/gio.h>
#include <glib/gstdio.h>

using namespace reach;
using namespace reach::test;
namespace ts = turn::server;

namespace {
class Quiet final : public ts::Observer {
public:
  void on_event (ts::Event) override {}
};

ts::NetSettings settings ()
{
  ts::NetSettings s;
  s.bind_address = "127.0.0.1";
  s.port = s.tls_port = 0;
  s.core.realm = "example.org";
  s.core.users = {{"alice", "secret"}};
  s.core.peers.allow (*ts::Prefix::parse ("127.0.0.0/8"));
  s.core.last_channel = 0x7fff; // it knows RFC 5766 only
  s.core.limits.unauthenticated = {};
  return s;
}

// A certificate that it does not look at.
struct Certificate {
  Certificate ()
  {
    GError *e = nullptr;
    folder = g_dir_make_tmp ("reach-coturn-XXXXXX", &e);
    fail_unless (folder != nullptr);
    file = std::string (folder) + "/c.pem";
    const std::string line =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost "
        "-days 1 -keyout " +
        file + ".key -out " + file;
    int status = 0;
    fail_unless (g_spawn_command_line_sync (line.c_str (), nullptr, nullptr, &status, nullptr) &&
                 status == 0);
  }
  ~Certificate ()
  {
    g_unlink (file.c_str ());
    g_unlink ((file + ".key").c_str ());
    g_rmdir (folder);
    g_free (folder);
  }
  gchar *folder = nullptr;
  std::string file;
};

struct Run {
  std::string line, text;
  bool good = false;
};

Run run (const std::string &options, std::uint16_t port)
{
  Run r;
  r.line = "turnutils_uclient " + options + " -u alice -w secret -n 10 -m 2 -l 200 -X -p " +
           std::to_string (port) + " 127.0.0.1";
  gchar *out = nullptr, *errors = nullptr;
  int status = -1;
  r.good =
      g_spawn_command_line_sync (r.line.c_str (), &out, &errors, &status, nullptr) && status == 0;
  r.text = std::string (out ? out : "") + (errors ? errors : "");
  // Of a client that moves, what is under way at that moment may be lost.
  const char *words = "Total lost packets ";
  const std::size_t at = r.text.find (words);
  const std::size_t lost = at == r.text.npos
                               ? SIZE_MAX
                               : std::strtoul (r.text.c_str () + at + strlen (words), nullptr, 10);
  r.good = r.good && lost <= (options.find ("-M") == options.npos ? 0 : 10);
  g_free (out);
  g_free (errors);
  return r;
}
} // namespace

GST_START_TEST (test_uclient)
{
  gchar *there = g_find_program_in_path ("turnutils_uclient");
  if (!there) {
    g_print ("skipped: turnutils_uclient is not there (tests/packages, coturn)\n");
    return;
  }
  g_free (there);
  Certificate c;
  ts::NetSettings s = settings ();
  s.core.mobility = true;
  s.tls = s.dtls = TlsContext::built_in ();
  s.tls_certificate = c.file;
  s.tls_key = c.file + ".key";
  Quiet quiet;
  std::string error;
  const auto server = ts::NetServer::start (std::move (s), quiet, error);
  fail_unless (server != nullptr, "%s", error.c_str ());
  std::vector<std::future<Run>> runs; // each takes its five seconds
  // -T: peers over TCP. (With -P, peers that connect, it loses half with coturn's server too.)
  for (const bool secure : {false, true})
    if (!secure || TlsContext::built_in ())
      runs.push_back (std::async (std::launch::async, run, secure ? "-T -S" : "-T",
          secure ? server->tls_port () : server->port ()));
  // -M: a mobile client, that moves
  runs.push_back (std::async (std::launch::async, run, "-y -c -M", server->port ()));
  // -y: to each other; -s: Send instead of channels; -t: TCP; -S: TLS or DTLS
  for (const bool secure : {false, true})
    for (const char *transport : {"", "-t "})
      for (const char *how : {"", "-s "}) {
        if (secure && !TlsContext::built_in ())
          continue;
        const std::string options =
            std::string ("-y -c ") + transport + how + (secure ? "-S " : "");
        runs.push_back (std::async (
            std::launch::async, run, options, secure ? server->tls_port () : server->port ()));
      }
  for (auto &future : runs) {
    const Run r = future.get ();
    fail_unless (r.good, "%s\n%s", r.line.c_str (), r.text.c_str ());
  }
  const ts::NetStats stats = server->stats ();
  fail_unless (stats.core.created >= 16 && stats.core.traffic.to_peers >= 8 * 20);
}
GST_END_TEST

static Suite *server_coturn_suite ()
{
  Suite *s = suite_create ("turn-server-coturn");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_uclient);
  return s;
}
GST_CHECK_MAIN (server_coturn)
