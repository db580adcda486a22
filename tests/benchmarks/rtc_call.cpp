// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc_call.h"
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

namespace reach::bench {
namespace {
[[noreturn]] void die (const char *what)
{
  std::perror (what);
  std::exit (1);
}

struct Head {
  std::uint32_t call, kind, line, size;
};

bool read_exactly (int fd, void *to, std::size_t n)
{
  auto *at = static_cast<char *> (to);
  while (n > 0) {
    const ssize_t got = read (fd, at, n);
    if (got <= 0)
      return false;
    at += got;
    n -= static_cast<std::size_t> (got);
  }
  return true;
}
} // namespace

SocketWire::SocketWire (const std::string &path, bool listens)
{
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  path.copy (a.sun_path, sizeof a.sun_path - 1);
  const int s = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto *address = reinterpret_cast<sockaddr *> (&a);
  if (listens) {
    unlink (path.c_str ());
    if (bind (s, address, sizeof a) != 0 || listen (s, 1) != 0)
      die (path.c_str ());
    std::puts ("{\"state\":\"listening\"}");
    std::fflush (stdout);
    fd_ = accept4 (s, nullptr, nullptr, SOCK_CLOEXEC);
    close (s);
    unlink (path.c_str ());
  } else {
    fd_ = s;
    if (connect (s, address, sizeof a) != 0)
      die (path.c_str ());
  }
}

SocketWire::~SocketWire ()
{
  shutdown (fd_, SHUT_RDWR);
  if (reader_.joinable ())
    reader_.join ();
  close (fd_);
}

void SocketWire::start ()
{
  reader_ = std::thread ([this] { read_all (); });
}

void SocketWire::send (const Note &n)
{
  const Head h{n.call, static_cast<std::uint32_t> (n.kind), n.line,
      static_cast<std::uint32_t> (n.text.size ())};
  std::string all (reinterpret_cast<const char *> (&h), sizeof h);
  all += n.text;
  const std::lock_guard lock (writing_);
  for (std::size_t at = 0; at < all.size ();) {
    const ssize_t went = ::send (fd_, all.data () + at, all.size () - at, MSG_NOSIGNAL);
    if (went <= 0)
      return; // the other side has ended
    at += static_cast<std::size_t> (went);
  }
}

void SocketWire::read_all ()
{
  Head h{};
  while (read_exactly (fd_, &h, sizeof h)) {
    Note n{h.call, static_cast<char> (h.kind), h.line, std::string (h.size, '\0')};
    if (!read_exactly (fd_, n.text.data (), n.text.size ()))
      return;
    on_note (n);
  }
}

// ---- the call

namespace {
GstWebRTCSessionDescription *parse (GstWebRTCSDPType type, const std::string &text)
{
  GstSDPMessage *sdp = nullptr;
  gst_sdp_message_new_from_text (text.c_str (), &sdp);
  return gst_webrtc_session_description_new (type, sdp);
}

// The description of a reply, or null and the error printed.
GstWebRTCSessionDescription *description_of (GstPromise *promise)
{
  const GstStructure *reply = gst_promise_get_reply (promise);
  GstWebRTCSessionDescription *d = nullptr;
  for (const char *name : {"offer", "answer"})
    if (reply && !d && gst_structure_has_field (reply, name))
      gst_structure_get (reply, name, GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &d, nullptr);
  if (!d) {
    gchar *text = reply ? gst_structure_to_string (reply) : nullptr;
    std::fprintf (stderr, "no description: %s\n", text ? text : "no reply");
    g_free (text);
  }
  return d;
}
} // namespace

Call::Call (GstElement *element, unsigned number, Wire &wire, bool offers)
    : element_ (GST_ELEMENT (gst_object_ref (element))), number_ (number), wire_ (wire),
      offers_ (offers)
{
  if (offers)
    g_signal_connect (element, "on-negotiation-needed", G_CALLBACK (needed_cb), this);
  g_signal_connect (element, "on-ice-candidate", G_CALLBACK (candidate_cb), this);
}

Call::~Call ()
{
  g_signal_handlers_disconnect_by_data (element_, this);
  gst_object_unref (element_);
}

void Call::needed_cb (GstElement *, gpointer self)
{
  auto &call = *static_cast<Call *> (self);
  call.wanted_ = true;
  if (!call.waiting_)
    call.offer ();
}

void Call::candidate_cb (GstElement *, guint line, const char *text, gpointer self)
{
  auto &call = *static_cast<Call *> (self);
  call.wire_.send ({call.number_, 'c', line, text ? text : ""});
}

void Call::offer ()
{
  if (offered_.exchange (true))
    return;
  g_signal_emit_by_name (
      element_, "create-offer", nullptr, gst_promise_new_with_change_func (made_cb, this, nullptr));
}

// An offer or an answer of ours.
void Call::made_cb (GstPromise *promise, gpointer self)
{
  auto &call = *static_cast<Call *> (self);
  GstWebRTCSessionDescription *d = description_of (promise);
  gst_promise_unref (promise);
  if (!d)
    return;
  g_signal_emit_by_name (call.element_, "set-local-description", d, nullptr);
  gchar *text = gst_sdp_message_as_text (d->sdp);
  call.wire_.send ({call.number_, call.offers_ ? 'o' : 'a', 0, text});
  g_free (text);
  gst_webrtc_session_description_free (d);
}

void Call::heard_cb (GstPromise *promise, gpointer self)
{
  gst_promise_unref (promise);
  auto &call = *static_cast<Call *> (self);
  g_signal_emit_by_name (call.element_, "create-answer", nullptr,
      gst_promise_new_with_change_func (made_cb, &call, nullptr));
}

void Call::hear (const Note &n)
{
  if (n.kind == 'c') {
    if (!n.text.empty ()) // webrtcbin 1.22 knows no end of candidates
      g_signal_emit_by_name (element_, "add-ice-candidate", n.line, n.text.c_str ());
    return;
  }
  const bool offer = n.kind == 'o';
  GstWebRTCSessionDescription *d =
      parse (offer ? GST_WEBRTC_SDP_TYPE_OFFER : GST_WEBRTC_SDP_TYPE_ANSWER, n.text);
  GstPromise *then = offer ? gst_promise_new_with_change_func (heard_cb, this, nullptr) : nullptr;
  g_signal_emit_by_name (element_, "set-remote-description", d, then);
  gst_webrtc_session_description_free (d);
}

bool Call::connected () const
{
  GstWebRTCPeerConnectionState state{};
  g_object_get (element_, "connection-state", &state, nullptr);
  return state == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED;
}

namespace {
// Its libnice looks for UPnP gateways, which here only takes time.
void no_upnp (GstElement *webrtcbin)
{
  GObject *ice = nullptr, *agent = nullptr;
  g_object_get (webrtcbin, "ice-agent", &ice, nullptr);
  g_object_get (ice, "agent", &agent, nullptr);
  g_object_set (agent, "upnp", FALSE, nullptr);
  g_object_unref (agent);
  g_object_unref (ice);
}
} // namespace

GstElement *make_peer (const std::string &factory, unsigned latency_ms)
{
  GstElement *peer = gst_element_factory_make (factory.c_str (), nullptr);
  if (!peer) {
    std::fprintf (stderr, "there is no %s\n", factory.c_str ());
    std::exit (1);
  }
  g_object_set (
      peer, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "latency", latency_ms, nullptr);
  if (factory == "webrtcbin")
    no_upnp (peer);
  // The estimate is not what is measured, nor the probes that go with it; webrtcbin has none.
  if (factory == "rtcpeer")
    g_object_set (peer, "depayload", FALSE, "max-bitrate", 100'000'000u, "start-bitrate",
        100'000'000u, "min-bitrate", 100'000'000u, nullptr);
  return peer;
}
} // namespace reach::bench
