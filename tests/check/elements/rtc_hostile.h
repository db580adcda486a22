// SPDX-License-Identifier: LGPL-2.1-or-later
// What attacks an rtcpeer or rtcpool in tests: a signalling server that says what a test wants, and
// a peer of which only ICE, DTLS, SRTP and SCTP are as they should be.
#pragma once
#include "../rtc/peers.h"
#include "rtc/proto/rtcp_packet.h"
#include "rtc/proto/sdp.h"
#include "rtc_call.h"
#include <dirent.h>
#include <fstream>
#include <list>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace reach::test {
// MiB that this process has in memory.
inline double memory_used ()
{
  std::ifstream in ("/proc/self/statm");
  double all = 0, resident = 0;
  in >> all >> resident;
  return resident * double (sysconf (_SC_PAGESIZE)) / (1 << 20);
}
inline unsigned descriptors_open ()
{
  unsigned n = 0;
  if (DIR *d = opendir ("/proc/self/fd")) {
    while (readdir (d))
      n++;
    closedir (d);
  }
  return n;
}

// One WebSocket of the hostile server; a thread of its own.
class HostileSocket {
public:
  explicit HostileSocket (int fd) : fd_ (fd) {}
  // False: the client has gone, or the test is over.
  bool send (const std::string &type, const std::string &data)
  {
    return send_text (R"({"type":")" + type + R"(","data":)" + data + "}");
  }
  bool send_text (const std::string &text)
  {
    std::string f = "\x81";
    const std::size_t n = text.size ();
    const auto put = [&f, n] (int bytes) {
      for (int i = bytes - 1; i >= 0; i--)
        f += static_cast<char> (n >> (8 * i));
    };
    if (n < 126) {
      put (1);
    } else {
      f += static_cast<char> (n < 65536 ? 126 : 127);
      put (n < 65536 ? 2 : 8);
    }
    return write (f + text);
  }
  bool write (const std::string &bytes)
  {
    for (std::size_t at = 0; at < bytes.size ();) {
      const ssize_t n = ::send (fd_, &bytes[at], bytes.size () - at, MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      at += static_cast<std::size_t> (n);
    }
    return true;
  }
  // What the client says is thrown away; true: there is more to come. Never waits.
  bool discard ()
  {
    char room[65536];
    ssize_t n = 0;
    while ((n = recv (fd_, room, sizeof room, MSG_DONTWAIT)) > 0)
      ;
    return n != 0;
  }
  // Until the client has ended the connection.
  void wait_end ()
  {
    char room[65536];
    while (recv (fd_, room, sizeof room, 0) > 0)
      ;
  }

private:
  const int fd_;
};

class HostileServer {
public:
  using Script = std::function<void (HostileSocket &)>;
  explicit HostileServer (Script script) : script_ (std::move (script))
  {
    listener_ = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    fail_unless (bind (listener_, reinterpret_cast<sockaddr *> (&a), size) == 0);
    fail_unless (listen (listener_, 16) == 0);
    getsockname (listener_, reinterpret_cast<sockaddr *> (&a), &size);
    port_ = ntohs (a.sin_port);
    threads_.emplace_back ([this] { accept_all (); });
  }
  ~HostileServer ()
  {
    shutdown (listener_, SHUT_RDWR);
    threads_.front ().join ();
    for (const int fd : *open_.lock ())
      shutdown (fd, SHUT_RDWR);
    for (auto t = std::next (threads_.begin ()); t != threads_.end (); ++t)
      t->join ();
    for (const int fd : *open_.lock ())
      close (fd);
    close (listener_);
  }
  std::string uri (const std::string &path = "room") const
  {
    return "ws://127.0.0.1:" + std::to_string (port_) + "/" + path;
  }
  Watched<unsigned> connections;

private:
  void accept_all ()
  {
    for (int fd = -1; (fd = accept4 (listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      open_.lock ()->push_back (fd);
      connections.update ([] (unsigned &n) { n++; });
      threads_.emplace_back ([this, fd] {
        HostileSocket s (fd);
        if (shake_hands (fd, s))
          script_ (s);
        shutdown (fd, SHUT_RDWR);
      });
    }
  }
  static bool shake_hands (int fd, HostileSocket &s)
  {
    std::string request;
    for (char c = 0; request.find ("\r\n\r\n") == std::string::npos; request += c)
      if (recv (fd, &c, 1, 0) != 1)
        return false;
    const std::string name = "Sec-WebSocket-Key: ";
    const std::size_t at = request.find (name) + name.size ();
    const std::string key = request.substr (at, request.find ("\r\n", at) - at) +
                            "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::uint8_t digest[20];
    gsize n = sizeof digest;
    GChecksum *sum = g_checksum_new (G_CHECKSUM_SHA1);
    g_checksum_update (sum, reinterpret_cast<const guchar *> (key.data ()), gssize (key.size ()));
    g_checksum_get_digest (sum, digest, &n);
    g_checksum_free (sum);
    const CharPtr accept (g_base64_encode (digest, n));
    const bool pair = request.find ("reach-pair") != std::string::npos;
    return s.write (std::string ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\n") +
                    (pair ? "Sec-WebSocket-Protocol: reach-pair\r\n" : "") +
                    "Sec-WebSocket-Accept: " + accept.get () + "\r\n\r\n");
  }

  const Script script_;
  int listener_ = -1;
  guint port_ = 0;
  std::list<std::thread> threads_; // of the accepting one, which is the first
  Guarded<std::vector<int>> open_;
};

// JSON of a description. `extra`: further lines of each m-line.
struct HostileSdp {
  unsigned lines = 1;
  std::string ufrag = "evil", direction = "sendrecv", extra;
  unsigned session = 1;
  std::string text () const
  {
    std::string mids, media, digest = "AA";
    for (int i = 1; i < 32; i++)
      digest += ":AA";
    for (unsigned i = 0; i < lines; i++) {
      const std::string mid = std::to_string (i);
      mids += " " + mid;
      media += "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=mid:" + mid +
               "\r\na=" + direction +
               "\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 level-asymmetry-allowed=1;"
               "packetization-mode=1;profile-level-id=42e01f\r\na=ice-ufrag:" +
               ufrag + "\r\na=ice-pwd:pppppppppppppppppppppppp\r\na=fingerprint:sha-256 " + digest +
               "\r\na=setup:actpass\r\n" + extra;
    }
    return "v=0\r\no=- " + std::to_string (session) +
           " 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE" + mids + "\r\n" + media;
  }
  std::string json (const char *type = "offer") const
  {
    std::string quoted;
    for (const char c : text ())
      quoted += c == '\r' ? "\\r" : c == '\n' ? "\\n" : std::string (1, c);
    return R"({"type":")" + std::string (type) + R"(","sdp":")" + quoted + R"("})";
  }
};

// What an application does with a peer's descriptions, for a peer that the test is itself.

inline std::string hex (const std::vector<std::uint8_t> &digest)
{
  std::string text;
  for (const std::uint8_t b : digest) {
    char two[4];
    g_snprintf (two, sizeof two, "%02X", b);
    text += (text.empty () ? "" : ":") + std::string (two);
  }
  return text;
}

inline std::string offer_text (const IceCredentials &ice, const Fingerprint &fingerprint,
    const std::string &more_of_video = {})
{
  const std::string common = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:" + ice.ufrag +
                             "\r\na=ice-pwd:" + ice.pwd +
                             "\r\na=ice-options:trickle\r\na=fingerprint:sha-256 " +
                             fingerprint.value + "\r\na=setup:actpass\r\n";
  return "v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
         "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" +
         common +
         "a=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:96 H264/90000\r\n"
         "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
         "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\n"
         "a=rtcp-fb:96 transport-cc\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
         "a=extmap:3 http://www.ietf.org/id/"
         "draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n" +
         more_of_video + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" + common +
         "a=mid:1\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";
}

inline void set_description (
    GstElement *peer, const char *action, GstWebRTCSDPType type, const std::string &text)
{
  GstSDPMessage *m = nullptr;
  gst_sdp_message_new_from_text (text.c_str (), &m);
  GstWebRTCSessionDescription *d = gst_webrtc_session_description_new (type, m);
  GstPromise *p = gst_promise_new ();
  g_signal_emit_by_name (peer, action, d, p);
  fail_unless_equals_int (gst_promise_wait (p), GST_PROMISE_RESULT_REPLIED);
  const GstStructure *s = gst_promise_get_reply (p);
  const CharPtr what (s ? gst_structure_to_string (s) : nullptr);
  fail_unless (!s || !gst_structure_has_field (s, "error"), "%s: %s", action, what.get ());
  gst_promise_unref (p);
  gst_webrtc_session_description_free (d);
}

inline std::string create_answer (GstElement *peer)
{
  GstPromise *p = gst_promise_new ();
  g_signal_emit_by_name (peer, "create-answer", nullptr, p);
  fail_unless_equals_int (gst_promise_wait (p), GST_PROMISE_RESULT_REPLIED);
  GstWebRTCSessionDescription *d = nullptr;
  gst_structure_get (
      gst_promise_get_reply (p), "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &d, nullptr);
  fail_unless (d != nullptr);
  const CharPtr text (gst_sdp_message_as_text (d->sdp));
  gst_webrtc_session_description_free (d);
  gst_promise_unref (p);
  return text.get ();
}

// What the victim answers to that offer. Its own role in DTLS follows from its answer.
inline TransportPeer call_victim (GstElement *victim, const std::string &offer)
{
  set_description (victim, "set-remote-description", GST_WEBRTC_SDP_TYPE_OFFER, offer);
  const std::string answer = create_answer (victim);
  set_description (victim, "set-local-description", GST_WEBRTC_SDP_TYPE_ANSWER, answer);
  const auto p = rtc::sdp::parse (answer);
  fail_unless (bool (p) && !p.description.media.empty ());
  const auto &t = p.description.media[0].transport;
  TransportPeer r;
  r.ice = {t.ufrag, t.pwd};
  for (const auto &f : t.fingerprints)
    r.fingerprints.push_back ({f.hash, hex (f.digest)});
  r.own_role = t.setup == rtc::sdp::Setup::active ? DtlsRole::server : DtlsRole::client;
  r.max_message = 256 << 10;
  return r;
}

// A peer that calls an rtcpeer whose application carries descriptions, and then sends what a test
// wants.
class HostilePeer : public Peer {
public:
  HostilePeer (std::shared_ptr<Loop> l, Caller &victim)
      : Peer (std::move (l), make_context (), settings ()), victim_ (victim)
  {
    candidates_ = g_signal_connect (victim.peer, "on-ice-candidate",
        G_CALLBACK (+[] (GstElement *, guint, const char *text, gpointer self) {
          auto *p = static_cast<HostilePeer *> (self);
          p->loop->post ([p, c = std::string (text)] {
            if (p->transport)
              p->transport->add_remote (c);
          });
        }),
        this);
  }
  ~HostilePeer () override
  {
    g_signal_handler_disconnect (victim_.peer, candidates_);
    end ();
    loop->call ([] {});
  }
  // The victim plays.
  void call (const std::string &more_of_video = {})
  {
    const auto ice = on_loop ([] (Transport &t) { return t.local (); });
    const TransportPeer r = call_victim (
        victim_.peer, offer_text (ice, context->certificate ().fingerprint (), more_of_video));
    fail_unless (on_loop ([&] (Transport &x) { return x.set_remote (r); }));
    loop->call ([this] { transport->gather (); });
    fail_unless (wait_state (TransportState::connected), "%s", seen.get ().fault.c_str ());
  }
  void send_rtcp (Bytes packet)
  {
    std::vector<std::uint8_t> room (packet.begin (), packet.end ());
    room.resize (packet.size () + MediaSender::trailer);
    MediaSender::Packet p{room, packet.size ()};
    transport->sender ()->send_rtcp (std::span (&p, 1));
  }
  void send_rtp (std::vector<std::uint8_t> packet)
  {
    const std::size_t n = packet.size ();
    packet.resize (n + MediaSender::trailer);
    MediaSender::Packet p{packet, n};
    transport->sender ()->send_rtp (std::span (&p, 1));
  }
  // On the loop, for each RTP packet of the victim: its SSRC.
  std::function<void (std::uint32_t ssrc, std::uint16_t number)> on_each;
  void on_rtp (std::span<std::uint8_t> p) override
  {
    Peer::on_rtp (p);
    if (on_each && p.size () >= 12)
      on_each (load_be<std::uint32_t> (&p[8]), load_be<std::uint16_t> (&p[2]));
  }
  void on_local_candidate (const std::string &c) override
  {
    g_signal_emit_by_name (victim_.peer, "add-ice-candidate", 0u, c.c_str ());
  }

private:
  static TransportSettings settings ()
  {
    TransportSettings s;
    s.ice.controlling = true;
    return s;
  }
  Caller &victim_;
  gulong candidates_ = 0;
};

// To NULL, in ms.
inline double time_to_end (Caller &c)
{
  const gint64 begin = g_get_monotonic_time ();
  c.end ();
  return double (g_get_monotonic_time () - begin) / 1000;
}

inline bool sanitized ()
{
  return g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0;
}
// MiB; a sanitizer keeps what is freed, up to 256 MiB.
inline const double most_more_memory = sanitized () ? 600 : 64;
inline const double longest_end = sanitized () ? 5000 : 1000; // ms

// Frames come from one honest peer to another meanwhile, in the same process and on its loops.
class HonestPair {
public:
  HonestPair () : camera_ (by (server_) + small_h264 + " ! peer.video_0"), viewer_ (by (server_))
  {
    camera_.play ();
    viewer_.play ();
    fail_unless (viewer_.wait_media ("video/x-raw", 15));
  }
  bool goes_on () { return viewer_.wait_media ("video/x-raw", 30); }

private:
  static std::string by (const SignallingServer &s)
  {
    return "rtcpeer name=peer signalling-uri=" + s.uri ("garden") + " ";
  }
  SignallingServer server_;
  Caller camera_, viewer_;
};

// Floods one element, which `line` makes, with what `make` gives, and looks at the other pair,
// memory and descriptors.
inline void flood (const std::function<std::string (const std::string &uri)> &line,
    const std::function<bool (HostileSocket &, unsigned)> &make, bool reads = true)
{
  HonestPair honest;
  std::atomic<bool> stop{false};
  Watched<unsigned> sent;
  HostileServer server ([&] (HostileSocket &s) {
    for (unsigned i = 0; !stop && make (s, i) && (!reads || s.discard ()); i++)
      sent.update ([] (unsigned &n) { n++; });
  });
  const double memory = memory_used ();
  const unsigned descriptors = descriptors_open ();
  Caller c (line (server.uri ()));
  c.play ();
  fail_unless (sent.wait ([] (unsigned n) { return n >= 2000; }), "%u", sent.get ());
  for (int i = 0; i < 3; i++) {
    fail_unless (honest.goes_on ());
    fail_unless (
        descriptors_open () < descriptors + 300, "%u, %u before", descriptors_open (), descriptors);
  }
  const double more = memory_used () - memory;
  fail_unless (more < most_more_memory, "%f MiB", more);
  const double ms = time_to_end (c);
  fail_unless (ms < longest_end, "%f ms", ms);
  stop = true;
  fail_unless (honest.goes_on ());
}
} // namespace reach::test
