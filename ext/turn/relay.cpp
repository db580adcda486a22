// SPDX-License-Identifier: LGPL-2.1-or-later
#include "relay.h"
#include "relay_report.h"
#include "turn/proto/describe.h"

namespace reach::turn {
namespace {
// What goes between us and the server: GST_DEBUG=turnrelay:6.
GstDebugCategory *messages_category ()
{
  static GstDebugCategory *const c =
      _gst_debug_category_new ("turnrelay", 0, "Messages of TURN clients");
  return c;
}
// Of a peer's bytes.
std::string valid_text (const std::string &s)
{
  return g_utf8_validate (s.c_str (), static_cast<gssize> (s.size ()), nullptr) ? s : "";
}
} // namespace

// What is wrong with them, or nothing.
std::string Relay::check (const std::string &peers, stun::Relay transport) const
{
  const auto list = parse_peers (peers);
  if (!list)
    return "\"" + peers + "\" is not a list of addresses such as 192.0.2.1:5004,[2001:db8::1]:5004";
  if (!sink_ || transport == stun::Relay::tcp)
    return {};
  for (const stun::Address &a : *list) // one that may only send, which is a source's matter
    if (a.port == 0)
      return "the peer " + to_string (a) + " has no port to send to: write " + to_string (a) +
             ":5004, or whichever it is";
  return {};
}

bool Relay::start ()
{
  const RelaySettings s = *settings.lock ();
  const RelayOwn o = *own.lock ();
  std::string error;
  if (sink_ && !s.relay)
    error = "a stun: server does not relay";
  else
    shared_ = SharedSession::get (o.allocation_name, s, error);
  if (!shared_) {
    GST_ELEMENT_ERROR (element_, RESOURCE, SETTINGS, ("%s.", error.c_str ()), (nullptr));
    return false;
  }
  const std::string wrong = check (o.peers, (*shared_)->relay ());
  if (!wrong.empty ()) {
    shared_.reset ();
    GST_ELEMENT_ERROR (
        element_, RESOURCE, SETTINGS, ("Wrong peers: %s.", wrong.c_str ()), (nullptr));
    return false;
  }
  const auto peers = *parse_peers (o.peers);
  *queue_.lock () = std::make_shared<SerialQueue> ("turn-events");
  *session_.lock () = shared_->shared ();
  if (sink_)
    *outlet_.lock () = (*shared_)->add_outlet (peers);
  (*shared_)->start (*this, peers);
  return true;
}

void Relay::stop ()
{
  if (!shared_)
    return;
  if (const auto o = outlet ())
    (*shared_)->remove_outlet (o);
  session_.lock ()->reset ();
  outlet_.lock ()->reset ();
  // Whoever comes from now on gets another one, if this was the last user.
  const std::shared_ptr<Session> session = shared_->shared ();
  shared_.reset ();
  session->stop (*this);
  std::shared_ptr<SerialQueue> queue;
  queue_.lock ()->swap (queue);
}

std::shared_ptr<Session> Relay::session ()
{
  return *session_.lock ();
}

void Relay::peers_changed ()
{
  const auto s = session ();
  if (!s)
    return; // start () looks at them
  const std::string peers = own.lock ()->peers;
  if (const std::string wrong = check (peers, s->relay ()); !wrong.empty ())
    GST_ELEMENT_WARNING (element_, RESOURCE, SETTINGS,
        ("Wrong peers: %s. Those before remain.", wrong.c_str ()), (nullptr));
  else
    s->set_peers (*this, outlet (), *parse_peers (peers));
}

bool Relay::try_post (SerialQueue::Task t)
{
  const std::shared_ptr<SerialQueue> q = *queue_.lock ();
  return q && q->post (std::move (t));
}

void Relay::post (SerialQueue::Task t)
{
  if (!try_post (std::move (t)))
    GST_WARNING_OBJECT (element_, "handlers are too slow: an event was dropped");
}

void Relay::report (guint signal, StructurePtr s)
{
  post ([this, signal, s = std::shared_ptr<GstStructure> (s.release (), gst_structure_free)] {
    g_signal_emit (element_, signal_id (element_, signal), 0, s.get ());
    gst_element_post_message (
        element_, gst_message_new_element (GST_OBJECT (element_), gst_structure_copy (s.get ())));
  });
}

// Of what comes as often as packets do, for a peer that is not there or from a server that sends
// nonsense, the bus gets no more than somebody can read.
bool Relay::may_report (const Event &e)
{
  constexpr Rate rate{10, 10};
  if (std::holds_alternative<IcmpError> (e))
    return icmp_.take (rate, 1, Clock::now ());
  if (std::holds_alternative<UnknownBytes> (e))
    return unknown_.take (rate, 1, Clock::now ());
  return true;
}

void Relay::on_event (const Event &e)
{
  if (const auto *f = std::get_if<Failed> (&e))
    return on_failed (*f);
  if (!may_report (e))
    return;
  auto r = report_of (e);
  if (!r)
    return;
  if (is_success (e)) {
    StructurePtr same (gst_structure_copy (r->details.get ()));
    gst_structure_set_name (same.get (), signal_message_name (sig_response_success));
    report (sig_response_success, std::move (same));
  }
  report (r->signal, std::move (r->details));
  if (const auto *p = std::get_if<PeerRefused> (&e); p && p->code != 0)
    check_peers (*p);
}

void Relay::on_peer_open (const stun::Address &peer, bool incoming)
{
  report (sig_peer_connected, report_of_stream (sig_peer_connected, peer, incoming, {}));
}

void Relay::on_peer_closed (const stun::Address &peer, const std::string &why)
{
  report (sig_peer_disconnected, report_of_stream (sig_peer_disconnected, peer, false, why));
}

void Relay::on_nat (const NatReport &r)
{
  report (sig_nat_discovered, report_of_nat (sig_nat_discovered, r));
}

// A sink whose peers are all refused has nobody to send to.
void Relay::check_peers (const PeerRefused &e)
{
  const auto o = outlet ();
  if (!sink_ || !o || o->by_buffer () || !o->all_refused ())
    return;
  const std::string reason = valid_text (std::string (e.reason));
  StructurePtr details (gst_structure_new ("details", "why", G_TYPE_STRING, "refused", "code",
      G_TYPE_UINT, e.code, "reason", G_TYPE_STRING, reason.c_str (), "method", G_TYPE_STRING,
      method_name (e.method), nullptr));
  std::string text = "The TURN server refuses all peers (" + std::to_string (e.code) +
                     (reason.empty () ? "" : " ") + reason + ").";
  if (e.code == stun::code::forbidden)
    text += " Its settings say whom it relays to.";
  if (e.code == stun::code::peer_family_mismatch)
    text += " They are of another address family: set ip-family.";
  post_error (GST_RESOURCE_ERROR_NOT_AUTHORIZED, text, std::move (details));
}

namespace {
// What to do about it.
const char *advice (const Failed &f)
{
  using namespace stun;
  switch (f.why) {
  case Why::wrong_credentials:
    return "The TURN server does not accept this user name and password.";
  case Why::no_credentials:
    return "The TURN server wants a user name and a password: set username and password.";
  case Why::bad_credentials:
    return "The user name or the password cannot be used.";
  case Why::timeout:
    return "The TURN server does not answer.";
  case Why::disconnected:
    return "The connection to the TURN server ended.";
  case Why::bid_down:
    return "The TURN server, or somebody between, wants a weaker proof than it can have.";
  case Why::bad_redirect:
    return "The TURN server leads to one that cannot be used.";
  case Why::refused:
    break;
  default:
    return "The TURN server's answers cannot be used.";
  }
  switch (f.code) {
  case code::quota_reached:
    return "The TURN server has no more allocations for this user.";
  case code::insufficient_capacity:
    return "The TURN server has no free relay address.";
  case code::transport_not_supported:
    return "The TURN server does not relay this transport.";
  case code::family_not_supported:
    return "The TURN server has no relay address of this family: set ip-family.";
  default:
    return "The TURN server refuses the allocation.";
  }
}

gint domain_code (const Failed &f)
{
  using namespace stun;
  if (f.why == Why::wrong_credentials || f.why == Why::no_credentials ||
      f.why == Why::bad_credentials || f.code == code::forbidden ||
      f.code == code::wrong_credentials)
    return GST_RESOURCE_ERROR_NOT_AUTHORIZED;
  if (f.code == code::quota_reached || f.code == code::insufficient_capacity)
    return GST_RESOURCE_ERROR_BUSY;
  return GST_RESOURCE_ERROR_FAILED;
}
} // namespace

// At once, on the loop thread: whoever is told next stops streaming with an error, of which this is
// to be the reason that is seen first.
void Relay::post_error (gint what, const std::string &text, StructurePtr details)
{
  gst_element_message_full_with_details (element_, GST_MESSAGE_ERROR, GST_RESOURCE_ERROR, what,
      g_strdup (text.c_str ()), nullptr, __FILE__, GST_FUNCTION, __LINE__, details.release ());
  on_ended ();
}

void Relay::on_failed (const Failed &f)
{
  const std::string reason = valid_text (f.reason);
  StructurePtr details (gst_structure_new ("details", "why", G_TYPE_STRING, why_name (f.why),
      "code", G_TYPE_UINT, f.code, "reason", G_TYPE_STRING, reason.c_str (), "method",
      G_TYPE_STRING, method_name (f.method), nullptr));
  std::string text = advice (f);
  if (f.code != 0 || !reason.empty ())
    text += " (" + std::to_string (f.code) + " " + reason + ")";
  post_error (domain_code (f), text, std::move (details));
}

void Relay::on_hopeless (Session::Kind kind, const std::string &text)
{
  const std::string host = settings.lock ()->host;
  std::string said;
  gint what = GST_RESOURCE_ERROR_OPEN_READ_WRITE;
  switch (kind) {
  case Session::Kind::resolve:
    said = "The address of the TURN server \"" + host + "\" cannot be found";
    what = GST_RESOURCE_ERROR_NOT_FOUND;
    break;
  case Session::Kind::connect:
    said = "No connection to the TURN server \"" + host + "\"";
    break;
  case Session::Kind::certificate:
    said = "The certificate of the TURN server \"" + host + "\" is not good";
    what = GST_RESOURCE_ERROR_NOT_AUTHORIZED;
    break;
  case Session::Kind::settings:
    said = "TLS cannot be set up";
    what = GST_RESOURCE_ERROR_SETTINGS;
    break;
  }
  StructurePtr details (gst_structure_new (
      "details", "code", G_TYPE_UINT, 0, "reason", G_TYPE_STRING, text.c_str (), nullptr));
  post_error (what, said + ": " + text + ".", std::move (details));
}

// Each packet is an event here: no messages of these, and no signals that nobody hears.
void Relay::on_data (const Data &d)
{
  const guint signal = d.channel != 0 ? sig_channel_data : sig_data_indication;
  if (!g_signal_has_handler_pending (element_, signal_id (element_, signal), 0, FALSE))
    return;
  GstBuffer *b = gst_buffer_new_memdup (d.payload.data (), d.payload.size ());
  auto s = std::shared_ptr<GstStructure> (
      gst_structure_new (signal_message_name (signal), "peer", G_TYPE_STRING,
          to_string (d.peer).c_str (), "channel", G_TYPE_UINT, unsigned{d.channel}, "buffer",
          GST_TYPE_BUFFER, b, nullptr),
      gst_structure_free);
  gst_buffer_unref (b);
  post ([this, signal, s] { g_signal_emit (element_, signal_id (element_, signal), 0, s.get ()); });
}

void Relay::on_message (bool sent, Bytes message)
{
  GstDebugCategory *const c = messages_category ();
  if (gst_debug_category_get_threshold (c) < GST_LEVEL_LOG)
    return;
  if (const auto m = Message::parse (message))
    GST_CAT_LOG_OBJECT (
        c, element_, "%s %s", sent ? "sent" : "received", stun::describe (*m).c_str ());
}

bool Relay::wants_before_send () const
{
  return g_signal_has_handler_pending (element_, signal_id (element_, sig_before_send), 0, FALSE);
}

bool Relay::on_before_send (Bytes message)
{
  gboolean yes = TRUE;
  GBytes *bytes = g_bytes_new (message.data (), message.size ());
  g_signal_emit (element_, signal_id (element_, sig_before_send), 0, bytes, &yes);
  g_bytes_unref (bytes);
  return yes;
}

std::vector<std::uint8_t> Relay::on_before_sign (Bytes message)
{
  const guint id = signal_id (element_, sig_before_sign);
  if (!g_signal_has_handler_pending (element_, id, 0, FALSE))
    return {};
  using BytesPtr = Owned<GBytes, g_bytes_unref>;
  const BytesPtr before (g_bytes_new (message.data (), message.size ()));
  GBytes *given = nullptr;
  g_signal_emit (element_, id, 0, before.get (), &given);
  if (!given)
    return {};
  const BytesPtr after (given);
  gsize size = 0;
  const auto *data = static_cast<const std::uint8_t *> (g_bytes_get_data (given, &size));
  if (size > 0 && Client::may_replace (message, {data, size}))
    return {data, data + size};
  GST_WARNING_OBJECT (element_,
      "before-sign: what a handler has returned is no request of the same "
      "method and transaction, or is signed already; it is not used");
  return {};
}

GstStructure *Relay::stats (const char *name)
{
  Session::Status s;
  if (const auto session = this->session ())
    s = session->status ();
  GstStructure *out = gst_structure_new (name, "allocated", G_TYPE_BOOLEAN,
      gboolean{s.state == Client::State::allocated}, "allocations", G_TYPE_UINT64, s.allocations,
      "allocations-lost", G_TYPE_UINT64, s.losses, "connections", G_TYPE_UINT64, s.paths,
      "peer-connections", G_TYPE_UINT64, s.streams, "requests", G_TYPE_UINT64, s.stats.requests,
      "retransmissions", G_TYPE_UINT64, s.stats.retransmissions, "timeouts", G_TYPE_UINT64,
      s.stats.timeouts, "data-in", G_TYPE_UINT64, s.stats.data_in, "data-bytes-in", G_TYPE_UINT64,
      s.stats.bytes_in, "malformed", G_TYPE_UINT64, s.stats.malformed, "unmatched", G_TYPE_UINT64,
      s.stats.unmatched, "unknown-peer", G_TYPE_UINT64, s.stats.unknown_peer, "icmp", G_TYPE_UINT64,
      s.stats.icmp, nullptr);
  add_stats (out);
  return out;
}
} // namespace reach::turn
