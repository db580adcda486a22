// SPDX-License-Identifier: LGPL-2.1-or-later
// What the sessions and the signalling of an rtcpool tell: to each other, and to the application.
#include "pool_impl.h"
#include <algorithm>

namespace reach::rtc {
// PeerSession::Owner

void PoolImpl::on_description (PeerSession &s, DescriptionType type, const std::string &sdp)
{
  if (const Member *m = find (s); m && signaller_)
    signaller_->send_description (m->id, std::string (to_string (type)), sdp);
}

void PoolImpl::on_candidate (PeerSession &s, const CandidateInit &c)
{
  if (const Member *m = find (s); m && signaller_)
    signaller_->send_candidate (m->id, {.candidate = c.candidate,
                                           .mid = c.mid.value_or (""),
                                           .mline = static_cast<int> (c.mline.value_or (0)),
                                           .ufrag = c.ufrag.value_or ("")});
}

void PoolImpl::on_negotiated (PeerSession &s, const Negotiated &n)
{
  for (const std::string &refused : inputs_.select (s, n))
    tell_warning (refused);
  if (Member *m = find (s))
    m->outputs->update (s, &n);
}

void PoolImpl::on_transport (PeerSession &s, TransportState state)
{
  Member *m = find (s);
  if (!m)
    return;
  m->connected = state == TransportState::connected;
  update_status ();
  share_bitrate ();
  if (m->connected)
    tell ("connected", gst_structure_new ("rtc-pool-connected", "peer-id", G_TYPE_STRING,
                           m->id.c_str (), nullptr));
  else if (state == TransportState::failed)
    tell_warning (m->id + ": " + s.connection ().fault ());
}

void PoolImpl::on_media (PeerSession &s, std::span<ReceivedPacket> packets)
{
  if (Member *m = find (s))
    m->outputs->feed (s, packets);
}

void PoolImpl::on_estimate (PeerSession &s, double rate)
{
  Member *m = find (s);
  if (!m)
    return;
  m->bitrate = rate;
  status_.update ([m] (PoolStatus &now) {
    const auto c = std::ranges::find (now.connections, m->id, &PoolStatus::Connection::peer);
    if (c != now.connections.end ())
      c->bitrate = static_cast<guint> (std::min (m->bitrate, 4e9));
  });
  share_bitrate ();
}

DataHub::Ends PoolImpl::on_incoming_channel (PeerSession &s, const DataChannels::Channel &c)
{
  // Where nobody takes channels they are pads.
  static const guint signal = g_signal_lookup ("on-data-channel", G_OBJECT_TYPE (element_));
  const Member *m = find (s);
  if (!m || !g_signal_has_handler_pending (element_, signal, 0, FALSE))
    return data_.incoming (s, c);
  std::string why;
  auto channel = data_channel_new (c.config, threads_->signals (), why);
  if (!channel) {
    tell_warning (why);
    return {};
  }
  tell ([this, channel, id = m->id, threads = threads_, loop = loop ()] {
    loop->call ([] {}); // it is open by then: handlers may send
    g_signal_emit_by_name (element_, "on-data-channel", id.c_str (), channel.get ());
  });
  return data_channel_ends (channel.get ());
}

void PoolImpl::on_warning (PeerSession &s, const std::string &what)
{
  const Member *m = find (s);
  tell_warning ((m ? m->id + ": " : "") + what);
}

// PoolSignaller::Owner

void PoolImpl::on_joined (
    const std::string &id, const std::string &pool, const std::vector<PoolSignaller::Peer> &there)
{
  remove_all (); // of a membership before
  id_ = id;
  pool_ = pool;
  for (const PoolSignaller::Peer &p : there)
    add_member (p.id, p.description, true);
  update_status ();
  notify ("id");
  tell ("joined",
      gst_structure_new ("rtc-pool-joined", "id", G_TYPE_STRING, id.c_str (), "pool", G_TYPE_STRING,
          pool.c_str (), "peers", G_TYPE_UINT, static_cast<guint> (there.size ()), nullptr));
}

void PoolImpl::on_peer (const std::string &id)
{
  remove_member (id); // of that name: it must have gone
  add_member (id, {}, false);
}

void PoolImpl::on_peer_described (const std::string &id, const std::string &json)
{
  Member *m = find (id);
  if (!m)
    return;
  m->description = json;
  m->outputs->set_peer (id, json);
  update_status ();
  tell ("peer-described",
      gst_structure_new ("rtc-pool-peer-described", "peer-id", G_TYPE_STRING, id.c_str (),
          "description", G_TYPE_STRING, json.empty () ? nullptr : json.c_str (), nullptr),
      json.size ());
}

void PoolImpl::on_peer_closed (const std::string &id)
{
  remove_member (id);
}

void PoolImpl::on_description (
    const std::string &peer, const std::string &type, const std::string &sdp)
{
  if (Member *m = find (peer))
    m->session->take_description (type, sdp);
}

void PoolImpl::on_candidate (const std::string &peer, const SignalledCandidate &c)
{
  if (Member *m = find (peer))
    m->session->take_candidate (c);
}

void PoolImpl::on_stopped ()
{
  remove_all ();
  id_.clear ();
  update_status ();
  tell ("stopped",
      gst_structure_new ("rtc-pool-stopped", "pool", G_TYPE_STRING, pool_.c_str (), nullptr));
}

// Media need no signalling: what is connected goes on until the server has us anew.
void PoolImpl::on_lost (const std::string &why)
{
  tell_warning ("Signalling: " + why + ".");
}

void PoolImpl::on_error (const std::string &message, bool fatal)
{
  tell ("error", gst_structure_new ("rtc-pool-error", "message", G_TYPE_STRING, message.c_str (),
                     "fatal", G_TYPE_BOOLEAN, fatal, nullptr));
  if (fatal)
    tell_error ("The pool cannot be joined: " + message + ".");
  else
    tell_warning ("The server says: " + message + ".");
}

void PoolImpl::on_app_message (const std::string &type, const std::string &json)
{
  tell ("app-message",
      gst_structure_new ("rtc-pool-app-message", "type", G_TYPE_STRING, type.c_str (), "json",
          G_TYPE_STRING, json.c_str (), nullptr),
      json.size ());
}

// What waits for the thread of signals is of no use once the application has left: its transport
// would take it for something of the next membership.
void PoolImpl::on_send (const std::string &type, const std::string &json)
{
  tell ([this, type, json, leaves = leaves_done_] {
    if (leaves == leaves_asked_)
      g_signal_emit_by_name (element_, "signaller-send", type.c_str (), json.c_str ());
  });
}
} // namespace reach::rtc
