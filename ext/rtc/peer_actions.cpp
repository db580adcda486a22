// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_actions.h"
#include "common/barrier.h"
#include "peer_element.h"
#include "peer_statistics.h"
#include "turn/proto/uri.h"
#include "webrtc/enums.h"
#include "webrtc/session_description.h"

namespace reach::rtc {
namespace {
GstStructure *error_reply (GstWebRTCError code, const char *what)
{
  const ErrorPtr error (g_error_new_literal (GST_WEBRTC_ERROR, code, what));
  return gst_structure_new (
      "application/x-gst-promise-error", "error", G_TYPE_ERROR, error.get (), nullptr);
}

// A promise of the application. Who waits for it gets an answer also where there is none.
class Promise {
public:
  explicit Promise (GstPromise *p) : promise_ (gst_promise_ref (p)) {}
  ~Promise ()
  {
    if (!answered_)
      gst_promise_reply (promise_,
          error_reply (GST_WEBRTC_ERROR_INVALID_STATE, "there is no session, or none any more"));
    gst_promise_unref (promise_);
  }
  Promise (const Promise &) = delete;
  Promise &operator= (const Promise &) = delete;
  void reply (GstStructure *result) // transfer full
  {
    answered_ = true;
    gst_promise_reply (promise_, result);
  }

private:
  GstPromise *const promise_;
  bool answered_ = false;
};

// It is answered on the events thread, in whatever way.
class Reply {
public:
  Reply (PeerImpl &impl, GstPromise *promise) : impl_ (impl)
  {
    if (promise)
      promise_ = std::make_shared<Promise> (promise);
  }
  void done (GstStructure *result = nullptr) const // transfer full
  {
    const std::shared_ptr<GstStructure> s (result, [] (GstStructure *r) {
      if (r)
        gst_structure_free (r);
    });
    if (promise_)
      impl_.tell ([promise = promise_, s] {
        promise->reply (s ? gst_structure_copy (s.get ()) : nullptr);
      });
  }
  void fail (GstWebRTCError code, const std::string &what) const
  {
    done (error_reply (code, what.c_str ()));
  }
  void fail (const JsepError &e) const
  {
    fail (to_gst (e.fault),
        std::string (to_string (e.fault)) + ", m-line " + std::to_string (e.mline));
  }

private:
  PeerImpl &impl_;
  std::shared_ptr<Promise> promise_;
};

// The session's loop runs `what`; in NULL the promise fails.
void on_session (
    GstElement *e, GstPromise *promise, std::function<void (PeerSession &, const Reply &)> what)
{
  barrier (e, false, [&] {
    PeerImpl &impl = peer_impl (e);
    const Reply reply (impl, promise);
    impl.post ([what, reply] (PeerSession &s) { what (s, reply); });
    return true;
  });
}

void create (GstElement *e, const GstStructure *options, GstPromise *promise, bool offer)
{
  gboolean restart = FALSE;
  if (options)
    gst_structure_get_boolean (options, "ice-restart", &restart);
  on_session (e, promise, [offer, restart] (PeerSession &s, const Reply &reply) {
    const auto d =
        offer ? s.negotiator ().create_offer (restart != FALSE) : s.negotiator ().create_answer ();
    s.connection ().changed ();
    if (!d)
      return reply.fail (d.error);
    const auto out =
        description_to_gst (offer ? DescriptionType::offer : DescriptionType::answer, *d);
    reply.done (
        gst_structure_new (offer ? "application/x-reach-offer" : "application/x-reach-answer",
            offer ? "offer" : "answer", GST_TYPE_WEBRTC_SESSION_DESCRIPTION, out.get (), nullptr));
  });
}

void create_offer (GstElement *e, const GstStructure *options, GstPromise *promise)
{
  create (e, options, promise, true);
}

void create_answer (GstElement *e, const GstStructure *options, GstPromise *promise)
{
  create (e, options, promise, false);
}

void set_description (
    GstElement *e, const GstWebRTCSessionDescription *d, GstPromise *promise, bool local)
{
  const auto given = description_from_gst (d);
  sdp::Parsed parsed;
  if (given && !given->sdp.empty ())
    parsed = sdp::parse (given->sdp);
  on_session (e, promise, [=] (PeerSession &s, const Reply &reply) {
    Negotiator &n = s.negotiator ();
    JsepError error;
    if (!given) {
      if (!local)
        return reply.fail (GST_WEBRTC_ERROR_TYPE_ERROR, "there is no description");
      error = n.set_local (); // offer or answer, whichever is due
    } else if (given->type != DescriptionType::rollback && !given->sdp.empty () && !parsed) {
      return reply.fail (GST_WEBRTC_ERROR_SDP_SYNTAX_ERROR,
          std::string (sdp::to_string (parsed.fault)) + ", line " + std::to_string (parsed.line));
    } else {
      error = local ? n.set_local (given->type, parsed.description)
                    : n.set_remote (given->type, parsed.description);
    }
    s.connection ().changed ();
    if (error)
      return reply.fail (error);
    reply.done ();
  });
}

void set_local_description (
    GstElement *e, const GstWebRTCSessionDescription *d, GstPromise *promise)
{
  set_description (e, d, promise, true);
}

void set_remote_description (
    GstElement *e, const GstWebRTCSessionDescription *d, GstPromise *promise)
{
  set_description (e, d, promise, false);
}

void add_ice_candidate (GstElement *e, guint mline, const char *candidate)
{
  const std::string text = candidate ? candidate : "";
  barrier (e, false, [&] {
    return peer_impl (e).post ([mline, text] (PeerSession &s) {
      s.take_candidate ({.candidate = text, .mline = static_cast<int> (mline)});
    });
  });
}

void restart_ice (GstElement *e)
{
  barrier (
      e, false, [&] { return peer_impl (e).post ([] (PeerSession &s) { s.restart_ice (); }); });
}

GstWebRTCRTPTransceiver *add_transceiver (
    GstElement *e, GstWebRTCRTPTransceiverDirection direction, GstCaps *caps)
{
  return barrier (e, static_cast<GstWebRTCRTPTransceiver *> (nullptr), [&] {
    const auto d = from_gst (direction);
    return d ? peer_impl (e).add_transceiver (*d, caps).release () : nullptr;
  });
}

GArray *get_transceivers (GstElement *e)
{
  GArray *all = g_array_new (FALSE, TRUE, sizeof (GstWebRTCRTPTransceiver *));
  g_array_set_clear_func (all, [] (gpointer p) {
    if (auto **t = static_cast<GstWebRTCRTPTransceiver **> (p); *t)
      gst_object_unref (*t);
  });
  return barrier (e, all, [&] {
    for (auto &t : peer_impl (e).transceivers ()) {
      GstWebRTCRTPTransceiver *p = t.release ();
      g_array_append_val (all, p);
    }
    return all;
  });
}

GstWebRTCRTPTransceiver *get_transceiver (GstElement *e, gint index)
{
  return barrier (e, static_cast<GstWebRTCRTPTransceiver *> (nullptr), [&] {
    auto all = peer_impl (e).transceivers ();
    return index >= 0 && std::size_t (index) < all.size ()
               ? all[static_cast<std::size_t> (index)].release ()
               : nullptr;
  });
}

gboolean add_turn_server (GstElement *e, const char *uri)
{
  return barrier (e, FALSE, [&] () -> gboolean {
    std::string text = uri ? uri : "";
    if (const auto at = text.find ("://"); at != std::string::npos)
      text.erase (at + 1, 2);
    const auto parsed = turn::parse_uri (text);
    if (!parsed || !parsed->relay)
      return FALSE;
    peer_impl (e).settings.lock ()->turn_servers.push_back (text);
    return TRUE;
  });
}

GstWebRTCDataChannel *create_data_channel (
    GstElement *e, const char *label, const GstStructure *options)
{
  return barrier (e, static_cast<GstWebRTCDataChannel *> (nullptr),
      [&] { return peer_impl (e).create_data_channel (label, options).release (); });
}

void get_stats (GstElement *e, GstPad *, GstPromise *promise)
{
  on_session (
      e, promise, [] (PeerSession &s, const Reply &reply) { reply.done (peer_statistics (s)); });
}

template <typename F, typename... Types>
void install (GType type, const char *name, F handler, GType returns, Types... types)
{
  g_signal_new_class_handler (name, type,
      static_cast<GSignalFlags> (G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION), G_CALLBACK (handler),
      nullptr, nullptr, nullptr, returns, sizeof...(types), types...);
}

void install_negotiation (GType type)
{
  /**
   * GstRtcPeer::create-offer:
   * @self: the element
   * @options: (nullable): ice-restart (gboolean)
   * @promise: replied with a structure that has offer (GstWebRTCSessionDescription), or error
   *
   * Makes an offer of what there is to send and to receive (RFC 9429, 4.1.8). Changes nothing yet.
   * Promises are replied from the thread that has all signals.
   */
  install (type, "create-offer", create_offer, G_TYPE_NONE, GST_TYPE_STRUCTURE, GST_TYPE_PROMISE);
  /**
   * GstRtcPeer::create-answer:
   * @self: the element
   * @options: (nullable): unused
   * @promise: replied with a structure that has answer (GstWebRTCSessionDescription), or error
   */
  install (type, "create-answer", create_answer, G_TYPE_NONE, GST_TYPE_STRUCTURE, GST_TYPE_PROMISE);
  /**
   * GstRtcPeer::set-local-description:
   * @self: the element
   * @description: (nullable): NULL: the offer or answer that is due is made and set
   * @promise: (nullable): replied with NULL, or with error
   *
   * In type rollback the offer that is not answered is taken back.
   */
  install (type, "set-local-description", set_local_description, G_TYPE_NONE,
      GST_TYPE_WEBRTC_SESSION_DESCRIPTION, GST_TYPE_PROMISE);
  /**
   * GstRtcPeer::set-remote-description:
   * @self: the element
   * @description: of the peer
   * @promise: (nullable): replied with NULL, or with error
   *
   * An offer that crosses ours takes ours back (RFC 9429, 4.1.10.2).
   */
  install (type, "set-remote-description", set_remote_description, G_TYPE_NONE,
      GST_TYPE_WEBRTC_SESSION_DESCRIPTION, GST_TYPE_PROMISE);
  /**
   * GstRtcPeer::add-ice-candidate:
   * @self: the element
   * @mlineindex: the m-line it belongs to
   * @candidate: (nullable): candidate:…; NULL or empty: there are no more
   *
   * One that cannot be used is a WARNING on the bus.
   */
  install (type, "add-ice-candidate", add_ice_candidate, G_TYPE_NONE, G_TYPE_UINT, G_TYPE_STRING);
  /**
   * GstRtcPeer::restart-ice:
   * @self: the element
   *
   * The next offer, which is then needed, looks for paths anew. Media go on meanwhile.
   */
  install (type, "restart-ice", restart_ice, G_TYPE_NONE);
}

void install_objects (GType type)
{
  /**
   * GstRtcPeer::get-stats:
   * @self: the element
   * @pad: (nullable): unused: all are given
   * @promise: replied with application/x-webrtc-stats, as webrtcbin's
   */
  install (type, "get-stats", get_stats, G_TYPE_NONE, GST_TYPE_PAD, GST_TYPE_PROMISE);
  /**
   * GstRtcPeer::add-transceiver:
   * @self: the element
   * @direction: what it may do
   * @caps: (nullable): application/x-rtp of the codecs wanted; media=audio or video (default)
   *
   * Returns: (transfer full) (nullable): the transceiver; NULL in NULL state
   */
  install (type, "add-transceiver", add_transceiver, GST_TYPE_WEBRTC_RTP_TRANSCEIVER,
      GST_TYPE_WEBRTC_RTP_TRANSCEIVER_DIRECTION, GST_TYPE_CAPS);
  /**
   * GstRtcPeer::get-transceivers:
   * @self: the element
   *
   * Returns: (transfer full): a GArray of GstWebRTCRTPTransceiver
   */
  install (type, "get-transceivers", get_transceivers, G_TYPE_ARRAY);
  /**
   * GstRtcPeer::get-transceiver:
   * @self: the element
   * @idx: from 0 on
   *
   * Returns: (transfer full) (nullable): the transceiver
   */
  install (type, "get-transceiver", get_transceiver, GST_TYPE_WEBRTC_RTP_TRANSCEIVER, G_TYPE_INT);
  /**
   * GstRtcPeer::add-turn-server:
   * @self: the element
   * @uri: turn://user:password@host:port, or as in ice-servers. Before READY
   *
   * Returns: whether it is a URI of a TURN server
   */
  install (type, "add-turn-server", add_turn_server, G_TYPE_BOOLEAN, G_TYPE_STRING);
  /**
   * GstRtcPeer::create-data-channel:
   * @self: the element
   * @label: its name
   * @options: (nullable): ordered, max-packet-lifetime, max-retransmits, protocol, negotiated, id,
   *   priority, as webrtcbin has them
   *
   * From READY on; without signalling-uri also before anything is connected.
   *
   * Returns: (transfer full) (nullable): the channel; it opens when the peer is there
   */
  install (type, "create-data-channel", create_data_channel, GST_TYPE_WEBRTC_DATA_CHANNEL,
      G_TYPE_STRING, GST_TYPE_STRUCTURE);
}
} // namespace

void install_peer_actions (GType type)
{
  install_negotiation (type);
  install_objects (type);
}
} // namespace reach::rtc
