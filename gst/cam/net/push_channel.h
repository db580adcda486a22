// SPDX-License-Identifier: LGPL-2.1-or-later
// Push: the sender's way to one receiver for one media type. Connects when something is due, tries
// again with growing pauses, closes when idle, and keeps what waits meanwhile in its bounded queue.
#pragma once
#include "cam/proto/session_events.h"
#include "common/proto/backoff.h"
#include "lane.h"
#include "link.h"

namespace reach::cam {
class SenderEngine;

class PushChannel final : public Link::Owner {
public:
  PushChannel (SenderEngine &engine, MediaType type);
  ~PushChannel () override;

  void push (MessageRef m, TimePoint now); // loop thread
  bool push_room (const Message &m) const;
  void pump ();   // connects if something is due, sends if connected
  void remake (); // the identity changed
  void stop ();   // bye, then close; no more tries
  bool drained () const { return queue_.empty () && (!link_ || link_->drained ()); }
  bool open () const { return link_ && link_->core ().established (); }
  MediaQueue &queue () { return queue_; }
  Link *link () const { return link_.get (); }
  bool stopped () const { return !link_; }
  bool due () const;

private:
  Hello make_hello (Link &) override;
  Ping make_ping () override;
  void on_hello (Link &, const Hello &) override {}
  void on_established (Link &, const Hello &peer) override;
  void on_received (Link &, Incoming m) override;
  void on_key_wanted (Link &, std::uint16_t stream) override;
  void on_idle (Link &) override;
  void on_sent (Link &) override;
  void on_bandwidth (Link &, std::uint64_t bits_per_second) override;
  void on_ended (Link &, const Link::End &end) override;
  void connect ();
  void retry (const Link::End &end);
  void pump_asks ();
  bool awaits () const;
  void tell ();

  SenderEngine &engine_;
  const MediaType type_;
  MediaQueue queue_;
  Lane *lane_ = nullptr; // of commands and files
  std::unique_ptr<Link> link_;
  std::string peer_, last_; // last_: why the last link ended
  std::uint64_t link_key_ = 0;
  PushLinkEvents told_{{}};
  Backoff backoff_;
  Timer retry_;
  bool stopping_ = false, broken_ = false, gave_up_ = false, idle_ = false;
};
} // namespace reach::cam
