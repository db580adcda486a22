// SPDX-License-Identifier: LGPL-2.1-or-later
// Pull: one receiver's link for one media type, with a queue of its own, so that a slow one costs
// the others nothing.
#pragma once
#include "cam/proto/session_events.h"
#include "deliveries.h"
#include "link.h"

namespace reach::cam {
class SenderEngine;

class Subscriber final : public Link::Owner {
public:
  Subscriber (SenderEngine &engine, std::unique_ptr<Transport> transport);
  ~Subscriber () override;

  void start ();
  void displaced (); // the same receiver has made a new link, which takes the lane
  void push (std::span<const MessageRef> messages); // those of its type, and writes them
  void pump (TimePoint now = Clock::now ());
  void welcome (); // the stream list is known: answers the hello that waited for it
  void stop ();
  bool waiting () const { return waiting_; }
  bool drained () const { return link_->drained (); }
  MediaType type () const { return type_; }
  MediaQueue *queue () { return queue_; } // null once it has lost its lane
  Link &link () { return *link_; }

private:
  Hello make_hello (Link &) override { return {}; }
  Ping make_ping () override;
  void on_hello (Link &, const Hello &hello) override;
  void on_established (Link &, const Hello &peer) override;
  void on_received (Link &, Incoming m) override;
  void on_key_wanted (Link &, std::uint16_t stream) override;
  void on_sent (Link &) override;
  void on_ended (Link &, const Link::End &end) override;
  void leave_lane ();
  void tell ();

  SenderEngine &engine_;
  MediaType type_ = MediaType::video;
  std::unique_ptr<MediaQueue> own_queue_;
  MediaQueue *queue_ = nullptr; // own, or the lane's
  Lane *lane_ = nullptr;        // of commands and files
  std::unique_ptr<Link> link_;
  bool waiting_ = false;
  PushLinkEvents told_{{}};
};
} // namespace reach::cam
