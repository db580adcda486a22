// SPDX-License-Identifier: LGPL-2.1-or-later
// Push, at the receiver: one accepted link.
#pragma once
#include "cam/proto/session_events.h"
#include "link.h"

namespace reach::cam {
class ReceiverEngine;
struct Remote;

class Intake final : public Link::Owner {
public:
  Intake (ReceiverEngine &engine, std::unique_ptr<Transport> transport);
  ~Intake () override;
  void start ();
  void stop () { link_->finish (ByeReason::stopping); }
  Link &link () { return *link_; }

private:
  Hello make_hello (Link &) override { return {}; }
  Ping make_ping () override { return {0, no_time, 0, 0}; }
  void on_hello (Link &, const Hello &hello) override;
  void on_established (Link &, const Hello &peer) override;
  void on_received (Link &, Incoming m) override;
  void on_clock (Link &, const Ping &p) override;
  void on_streams (Link &, const StreamList &l) override;
  void on_ended (Link &, const Link::End &end) override;
  void tell ();
  std::string host () const;
  Remote *remote ();

  ReceiverEngine &engine_;
  std::unique_ptr<Link> link_;
  std::uint64_t remote_id_ = 0;
  PushLinkEvents told_{{}};
};
} // namespace reach::cam
