// SPDX-License-Identifier: LGPL-2.1-or-later
// coturn (Debian's package coturn) as the server of a test: with its own files, on picked ports,
// and always ended.
#pragma once
#include "child_process.h"
#include "wait.h"
#include <glib/gstdio.h>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace reach::test {
class Coturn {
public:
  static bool there ()
  {
    gchar *p = g_find_program_in_path ("turnserver");
    if (!p)
      g_print ("skipped: turnserver is not there (tests/packages, coturn)\n");
    g_free (p);
    return p != nullptr;
  }

  // With user "user" and password "pass", unless the options say how else.
  explicit Coturn (std::vector<std::string> options = {"--lt-cred-mech", "--user=user:pass"},
      const char *ip = "127.0.0.1")
      : options_ (std::move (options)), ip_ (ip), port_ (unused_port (G_SOCKET_TYPE_DATAGRAM)),
        tls_port_ (unused_port ())
  {
    gchar *d = g_dir_make_tmp ("reach-coturn-XXXXXX", nullptr);
    fail_unless (d != nullptr);
    folder_ = d;
    g_free (d);
    start ();
  }
  ~Coturn ()
  {
    kill ();
    for (const char *name : {"/db", "/pid", "/log"})
      g_unlink ((folder_ + name).c_str ());
    g_rmdir (folder_.c_str ());
  }
  Coturn (const Coturn &) = delete;
  Coturn &operator= (const Coturn &) = delete;

  guint16 port () const { return port_; }
  guint16 tls_port () const { return tls_port_; }
  pid_t pid () const { return pid_; }
  std::string database () const { return folder_ + "/db"; } // SQLite's

  void start () // again, after kill ()
  {
    std::vector<std::string> args{"turnserver", "-n", "--listening-ip=" + ip_, "--relay-ip=" + ip_,
        "--listening-port=" + std::to_string (port_),
        "--tls-listening-port=" + std::to_string (tls_port_), "--realm=example.org",
        "--allow-loopback-peers", "--no-cli", "--no-stdout-log", "--simple-log",
        "--relay-threads=1", "--userdb=" + folder_ + "/db", "--pidfile=" + folder_ + "/pid",
        "--log-file=" + folder_ + "/log"};
    args.insert (args.end (), options_.begin (), options_.end ());
    std::vector<char *> argv;
    for (std::string &a : args)
      argv.push_back (a.data ());
    argv.push_back (nullptr);
    pid_ = start_child (argv.data (), environ, true);
    fail_unless (iterate_until ([this] { return listens (); }), "coturn does not start");
  }
  void signal (int number) { ::kill (pid_, number); }
  void kill ()
  {
    if (pid_ > 0)
      end_child (std::exchange (pid_, -1), SIGKILL);
  }

  unsigned logged (const char *what) const // how often; with option -v
  {
    gchar *text = nullptr;
    unsigned n = 0;
    if (g_file_get_contents ((folder_ + "/log").c_str (), &text, nullptr, nullptr))
      for (const char *at = strstr (text, what); at; at = strstr (at + 1, what))
        n++;
    g_free (text);
    return n;
  }

private:
  bool listens () const // answers on UDP, which it opens last of all
  {
    static constexpr std::uint8_t request[20] = {
        0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    GSocketAddress *to = g_inet_socket_address_new_from_string (ip_.c_str (), port_);
    GSocket *s = g_socket_new (
        g_socket_address_get_family (to), G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr);
    char answer[512];
    const bool yes = g_socket_connect (s, to, nullptr, nullptr) &&
                     g_socket_send (s, reinterpret_cast<const char *> (request), sizeof request,
                         nullptr, nullptr) > 0 &&
                     g_socket_condition_timed_wait (s, G_IO_IN, 100000, nullptr, nullptr) &&
                     g_socket_receive (s, answer, sizeof answer, nullptr, nullptr) > 0;
    g_object_unref (s);
    g_object_unref (to);
    return yes;
  }

  const std::vector<std::string> options_;
  const std::string ip_;
  const guint16 port_, tls_port_;
  std::string folder_;
  pid_t pid_ = -1;
};

// Somebody without TURN whom the relay reaches: a plain UDP socket.
class UdpPeer {
public:
  explicit UdpPeer (GSocketFamily family = G_SOCKET_FAMILY_IPV4)
      : socket_ (g_socket_new (family, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, nullptr))
  {
    GInetAddress *loopback = g_inet_address_new_loopback (family);
    GSocketAddress *any = g_inet_socket_address_new (loopback, 0);
    fail_unless (g_socket_bind (socket_, any, FALSE, nullptr));
    g_object_unref (any);
    g_object_unref (loopback);
    GSocketAddress *bound = g_socket_get_local_address (socket_, nullptr);
    port_ = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
    g_object_unref (bound);
    g_socket_set_timeout (socket_, 20);
    g_socket_set_option (socket_, SOL_SOCKET, SO_RCVBUF, 1 << 20, nullptr);
  }
  ~UdpPeer ()
  {
    g_clear_object (&from_);
    g_object_unref (socket_);
  }
  UdpPeer (const UdpPeer &) = delete;
  UdpPeer &operator= (const UdpPeer &) = delete;

  guint16 port () const { return port_; }
  void set_timeout (guint seconds) { g_socket_set_timeout (socket_, seconds); }
  bool receive (std::string &bytes) // false: nothing came
  {
    char buffer[65536];
    g_clear_object (&from_);
    const gssize n =
        g_socket_receive_from (socket_, &from_, buffer, sizeof buffer, nullptr, nullptr);
    bytes.assign (buffer, n > 0 ? static_cast<std::size_t> (n) : 0);
    return n >= 0;
  }
  bool has_more () const { return g_socket_condition_check (socket_, G_IO_IN) != 0; }
  void reply (const std::string &bytes) // to where the last one came from
  {
    fail_unless (g_socket_send_to (socket_, from_, bytes.data (), bytes.size (), nullptr,
                     nullptr) == static_cast<gssize> (bytes.size ()));
  }
  void send_to (guint16 port, const std::string &bytes) // of 127.0.0.1
  {
    GSocketAddress *to = g_inet_socket_address_new_from_string ("127.0.0.1", port);
    g_socket_send_to (socket_, to, bytes.data (), bytes.size (), nullptr, nullptr);
    g_object_unref (to);
  }
  guint16 sender_port () const
  {
    return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (from_));
  }

private:
  GSocket *socket_;
  GSocketAddress *from_ = nullptr;
  guint16 port_ = 0;
};
} // namespace reach::test
