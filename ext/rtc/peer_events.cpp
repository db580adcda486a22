// SPDX-License-Identifier: LGPL-2.1-or-later
// What an rtcpeer's session and its signalling tell: to each other, to the application, to status.
#include "peer_impl.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr Duration first_word = milliseconds (700);

PeerStatus::Text text_of (const sdp::Description *d)
{
  return d ? std::make_shared<const std::string> (sdp::to_string (*d)) : nullptr;
}
} // namespace

// Status: what properties show.

void PeerImpl::update_status ()
{
  PeerStatus now;
  now.peer = peer_id_;
  if (session_) {
    const PeerConnection &c = session_->connection ();
    const Negotiator &n = session_->negotiator ();
    now.transport = c.state ();
    now.ice = c.ice_state ();
    now.gathering = c.gathering ();
    now.signaling = n.state ();
    now.we_answered = n.answered ();
    now.silent = silent_;
    now.local = text_of (n.local ());
    now.remote = text_of (n.remote ());
    const bool local_pends = n.local () != n.current_local (),
               remote_pends = n.remote () != n.current_remote ();
    now.current_local = local_pends ? text_of (n.current_local ()) : now.local;
    now.current_remote = remote_pends ? text_of (n.current_remote ()) : now.remote;
    now.pending_local = local_pends ? now.local : nullptr;
    now.pending_remote = remote_pends ? now.remote : nullptr;
  }
  PeerStatus before;
  status_.update ([&] (PeerStatus &s) {
    now.bitrate = s.bitrate;
    before = std::exchange (s, now);
  });
  if (before.transport != now.transport || before.silent != now.silent)
    notify ("connection-state");
  if (before.ice != now.ice || before.silent != now.silent)
    notify ("ice-connection-state");
  if (before.gathering != now.gathering)
    notify ("ice-gathering-state");
  if (before.signaling != now.signaling)
    notify ("signaling-state");
}

// PeerSession::Owner

void PeerImpl::on_jsep (PeerSession &s, const JsepEvent &e)
{
  update_status ();
  update_transceivers ();
  if (s.mode () == PeerSession::Mode::application &&
      std::holds_alternative<event::NegotiationNeeded> (e))
    negotiation_needed ();
}

// An offer before the inputs' formats are known would be another one in a moment.
void PeerImpl::negotiation_needed ()
{
  needed_ = !inputs_.ready ();
  if (needed_ || !session_ || !session_->negotiator ().needed ())
    return;
  tell ([this] { g_signal_emit_by_name (element_, "on-negotiation-needed"); });
}

void PeerImpl::on_negotiated (PeerSession &s, const Negotiated &n)
{
  for (const std::string &refused : inputs_.select (s, n))
    tell_warning (refused);
  if (outputs_) // the run has not ended
    outputs_->update (s, &n);
}

void PeerImpl::on_media (PeerSession &s, std::span<ReceivedPacket> packets)
{
  if (outputs_) // the run has not ended
    outputs_->feed (s, packets);
}

void PeerImpl::on_description (PeerSession &, DescriptionType type, const std::string &sdp)
{
  used_ = true;
  if (signaller_)
    signaller_->send_description (std::string (to_string (type)), sdp);
}

void PeerImpl::on_candidate (PeerSession &s, const CandidateInit &c)
{
  if (s.mode () == PeerSession::Mode::application) {
    if (!c.candidate.empty ())
      tell ([this, line = static_cast<guint> (c.mline.value_or (0)), text = c.candidate] {
        g_signal_emit_by_name (element_, "on-ice-candidate", line, text.c_str ());
      });
    return;
  }
  if (!signaller_)
    return;
  signaller_->send_candidate ({.candidate = c.candidate,
      .mid = c.mid.value_or (""),
      .mline = static_cast<int> (c.mline.value_or (0)),
      .ufrag = c.ufrag.value_or ("")});
}

void PeerImpl::on_gathering (PeerSession &, GatheringState)
{
  update_status ();
}

void PeerImpl::on_transport (PeerSession &s, TransportState state)
{
  update_status ();
  if (state == TransportState::connected && !std::exchange (connected_told_, true)) {
    data_.on_connected (s);
    const TransportStats t = s.connection ().transport_stats ();
    tell (
        "connected", gst_structure_new ("rtc-connected", "peer-id", G_TYPE_STRING,
                         peer_id_.c_str (), "dtls-version", G_TYPE_STRING, t.dtls_version.c_str (),
                         "dtls-cipher", G_TYPE_STRING, t.dtls_cipher.c_str (), nullptr));
  } else if (state == TransportState::failed) {
    on_warning (s, s.connection ().fault ());
  }
  // Where ICE has failed it restarts, which the signaller sees.
  const bool over =
      state == TransportState::closed ||
      (state == TransportState::failed && s.connection ().ice_state () != IceState::failed);
  if (over && signaller_ && !ending_session_)
    signaller_->connection_over ();
}

void PeerImpl::on_silence (PeerSession &, bool silent)
{
  silent_ = silent;
  update_status ();
}

void PeerImpl::on_ice (PeerSession &s, IceState state)
{
  update_status ();
  if (state == IceState::failed && !s.connection ().pair_refused ())
    tell ("pair-failed",
        gst_structure_new ("rtc-pair-failed", "peer-id", G_TYPE_STRING, peer_id_.c_str (), "reason",
            G_TYPE_STRING, "no pair of candidates works", nullptr));
}

void PeerImpl::on_pair (PeerSession &, const IcePair &pair)
{
  tell ("pair-nominated",
      gst_structure_new ("rtc-pair-nominated", "peer-id", G_TYPE_STRING, peer_id_.c_str (), "local",
          G_TYPE_STRING, to_string (pair.local).c_str (), "remote", G_TYPE_STRING,
          to_string (pair.remote).c_str (), nullptr));
}

bool PeerImpl::accept_local (PeerSession &, const Candidate &c)
{
  return allows ("local-candidate", to_string (c).c_str ());
}

bool PeerImpl::accept_remote (PeerSession &, const Candidate &c)
{
  return allows ("remote-candidate", to_string (c).c_str ());
}

bool PeerImpl::accept_pair (PeerSession &, const IcePair &pair)
{
  const bool yes =
      allows ("accept-pair", to_string (pair.local).c_str (), to_string (pair.remote).c_str ());
  if (!yes)
    tell ("pair-failed", gst_structure_new ("rtc-pair-failed", "peer-id", G_TYPE_STRING,
                             peer_id_.c_str (), "reason", G_TYPE_STRING, "refused", nullptr));
  return yes;
}

bool PeerImpl::accept_binding (PeerSession &, const Address &from)
{
  return allows ("binding-request", from.text ().c_str ());
}

std::string PeerImpl::edit_local (PeerSession &, DescriptionType type, const std::string &sdp)
{
  char *edited = nullptr;
  ask (&edited, "local-description", std::string (to_string (type)).c_str (), sdp.c_str ());
  const CharPtr owned (edited);
  return edited ? edited : "";
}

void PeerImpl::on_estimate (PeerSession &session, double rate)
{
  const auto bitrate = static_cast<guint> (std::min (rate, 4e9));
  status_.update ([bitrate] (PeerStatus &s) { s.bitrate = bitrate; });
  inputs_.set_bitrate (bitrate, &session);
  notify ("estimated-bitrate");
}

void PeerImpl::on_warning (PeerSession &, const std::string &what)
{
  tell_warning (what);
}

// Signaller::Owner

void PeerImpl::on_peer (const std::string &id, bool polite, bool offers)
{
  if (!outputs_)
    return; // the run has ended; all that is left is to say goodbye
  const auto mode = polite ? PeerSession::Mode::polite : PeerSession::Mode::impolite;
  // The same peer, whose way to the server was lost for a while, and not its media.
  if (session_ && used_ && id == peer_id_ && !id.empty () &&
      session_->connection ().state () == TransportState::connected) {
    came_again_ = true;
    session_->set_mode (mode);
    return session_->resume ();
  }
  came_again_ = false;
  peer_id_ = id;
  used_ = false;
  const bool asks = offers && settings.lock ()->signalling_uri.starts_with ("whep");
  make_session (mode, [=] (PeerSession &s) {
    for (const MediaKind kind : {MediaKind::video, MediaKind::audio})
      if (asks)
        s.negotiator ().add_transceiver (kind, {.direction = Direction::recvonly});
    if (!offers)
      s.wait_before_offer (first_word);
  });
  if (!session_)
    return; // a handler has ended the run
  session_->connection ().changed ();
  update_status ();
  tell ("peer-added",
      gst_structure_new ("rtc-peer-added", "peer-id", G_TYPE_STRING, id.c_str (), nullptr));
}

void PeerImpl::on_description (const std::string &type, const std::string &sdp)
{
  used_ = true;
  if (session_ && type == "offer" && std::exchange (came_again_, false) &&
      session_->is_of_another (sdp))
    make_session (session_->mode ());
  if (session_)
    session_->take_description (type, sdp);
  update_status ();
}

void PeerImpl::on_candidate (const SignalledCandidate &c)
{
  if (session_)
    session_->take_candidate (c);
}

void PeerImpl::on_message (const std::string &json)
{
  tell ("signalling-message",
      gst_structure_new (
          "rtc-signalling-message", "message", G_TYPE_STRING, json.c_str (), nullptr),
      json.size ());
}

// What is wrong with one costs the others nothing.
void PeerImpl::on_ice_servers (const IceLinks &links)
{
  std::vector<IceServer> servers;
  for (const IceLink &link : links.servers) {
    IceServer server;
    const std::string fault = read_ice_link (link, server);
    if (fault.empty ())
      servers.push_back (std::move (server));
    else
      tell_warning ("The ICE server \"" + turn::redact (link.uri).substr (0, 100) +
                    "\" that the server names cannot be used: " + fault + ".");
  }
  if (links.left_out > 0)
    tell_warning ("The server names more than " + std::to_string (IceLinks::most) +
                  " ICE servers; the others are not used.");
  if (links.malformed)
    tell_warning ("A Link header of the server's cannot be read.");
  if (session_)
    session_->connection ().add_ice_servers (servers);
}

void PeerImpl::on_peer_left (const std::string &reason)
{
  // Media need no signalling: it may come again by the same name.
  const bool comes_again = reason == "lost" || reason == "replaced";
  if (comes_again && session_ && session_->connection ().state () == TransportState::connected)
    return;
  end_session ();
  update_status ();
  tell ("peer-left", gst_structure_new ("rtc-peer-left", "peer-id", G_TYPE_STRING,
                         peer_id_.c_str (), "reason", G_TYPE_STRING, reason.c_str (), nullptr));
}

void PeerImpl::on_signalling_error (const std::string &why, bool fatal)
{
  if (fatal)
    tell_error ("Signalling is refused: " + why + ".");
  else
    tell_warning ("Signalling: " + why + ".");
}

std::string PeerImpl::local_sdp ()
{
  const auto text = session_ ? text_of (session_->negotiator ().local ()) : nullptr;
  return text ? *text : std::string ();
}
} // namespace reach::rtc
