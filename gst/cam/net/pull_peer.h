// SPDX-License-Identifier: LGPL-2.1-or-later
// Pull, at the receiver: one sender, or media server, to pull from. Keeps a session: one link per
// media type, all or none, and makes a new one, with a new key, after growing pauses.
#pragma once
#include "cam/proto/session_events.h"
#include "common/proto/backoff.h"
#include "link.h"
#include "relay_sources.h"
#include "settings.h"
#include <map>

namespace reach::cam {
class ReceiverEngine;
struct Remote;

class PullPeer final : public Link::Owner {
public:
  PullPeer (ReceiverEngine &engine, SenderEntry entry);
  ~PullPeer () override;

  void open ();  // a new session
  void stop ();  // closes it for good
  void remake () // the identity changed: a new session with it
  {
    finish_all (ByeReason::closed_by_application);
  }
  bool established () const { return session_ && session_->established (); }
  // Whether the other end is a media server. Over: there is no session, nor will there be one.
  enum class Server : std::uint8_t { unknown, no, yes, over };
  Server server () const;
  Remote &server_remote () { return sources_.server (); }
  Remote &file_remote () { return sources_.files (); }
  Link *server_link () const; // established; that of commands if there is one
  unsigned open_channels () const { return session_ ? session_->open_channels () : 0; }
  template <typename F> void each_link (F &&f)
  {
    for (auto &[type, link] : links_)
      f (type, *link);
  }

private:
  Hello make_hello (Link &l) override;
  Ping make_ping () override { return {0, no_time, 0, 0}; }
  void on_hello (Link &, const Hello &) override {}
  void on_established (Link &l, const Hello &peer) override;
  void on_received (Link &, Incoming m) override;
  void on_notice (Link &l, Bytes body);
  void on_clock (Link &, const Ping &p) override;
  void on_streams (Link &, const StreamList &l) override;
  void on_ended (Link &l, const Link::End &end) override;
  MediaType type_of (const Link &l) const;
  std::unique_ptr<Transport> make_transport (MediaType type, std::string &error);
  void open_channel (MediaType type);
  void close_wanted ();
  void finish_all (ByeReason why);
  void tell_events ();
  void schedule ();
  void make_next_session ();
  Remote *remote ();

  ReceiverEngine &engine_;
  const SenderEntry entry_;
  std::string origin_;
  RelaySources sources_; // when the peer is a media server
  std::unique_ptr<PullSession> session_;
  std::uint64_t session_key_ = 0, remote_id_ = 0;
  std::map<MediaType, std::unique_ptr<Link>> links_;
  Backoff backoff_;
  Timer retry_;
  bool stopped_ = false, over_told_ = false;
  Link::End last_;
};
} // namespace reach::cam
