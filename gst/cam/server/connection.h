// SPDX-License-Identifier: LGPL-2.1-or-later
// A client's link at a media server. What it is, a sender's or a receiver's, is known from its
// hello; the hub says whether it may stay.
#pragma once
#include "cam/net/link.h"
#include "cam/net/settings.h"
#include "cam/proto/token_bucket.h"
#include "server_types.h"
#include <atomic>
#include <functional>

namespace reach::cam {
class Hub;
class Relay;

class Connection final : public Link::Owner {
public:
  // What an admitted link does.
  class Part {
  public:
    virtual ~Part () = default;
    virtual void established () = 0;
    virtual void on_received (Incoming m) = 0;
    virtual void on_key_wanted (std::uint16_t stream) {}
    virtual void on_clock (const Ping &) {}
    virtual void on_streams (const StreamList &) {}
    virtual void on_sent () {}
  };

  // local: a tap's.
  Connection (Relay &relay, std::unique_ptr<Transport> transport, Protocol protocol, bool local);
  ~Connection () override;

  void start () { link_->start (); }
  // The hub's yes: first it becomes what it is, and joins what there is to join; then the client is
  // told, so that nothing it sends comes too early.
  void prepare (const Role &role);
  void accept (const Welcome &ours) { link_->accept (ours); }
  void refuse (RefuseCode code, const std::string &text) { link_->refuse (code, text); }
  void finish (ByeReason why) { link_->finish (why); }
  // A client's message for the hub, which is one for all: who brings more than it gets through, or
  // (frequent: false) much more than clients have reason to, is closed.
  void to_hub (std::size_t bytes, bool frequent, std::function<void (Hub &)> task);
  // What a client has asked for: who lets very much of it wait is closed.
  void reply (MessageRef m);
  Link &link () { return *link_; }
  bool greeted () const { return greeted_; } // the hub knows of it
  std::uint64_t key () const { return link_->key (); }
  Part *part () const { return part_.get (); }

private:
  Hello make_hello (Link &) override { return {}; }
  Ping make_ping () override { return {0, no_time, 0, 0}; } // a server has no media time of its own
  void on_hello (Link &, const Hello &hello) override;
  void on_established (Link &, const Hello &) override { part_->established (); }
  void on_received (Link &, Incoming m) override;
  void on_key_wanted (Link &, std::uint16_t stream) override { part_->on_key_wanted (stream); }
  void on_clock (Link &, const Ping &p) override { part_->on_clock (p); }
  void on_streams (Link &, const StreamList &l) override { part_->on_streams (l); }
  void on_sent (Link &) override { part_->on_sent (); }
  void on_ended (Link &, const Link::End &end) override;

  Relay &relay_;
  const Protocol protocol_;
  const bool local_;
  bool greeted_ = false;
  struct Waiting { // for the hub, which counts down
    std::atomic<std::size_t> messages{0}, bytes{0};
  };
  const std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting> ();
  TokenBucket seldom_;
  std::size_t replies_ = 0; // bytes, since the client last took all
  std::unique_ptr<Link> link_;
  std::unique_ptr<Part> part_; // before it, the link: it may reference it
};
} // namespace reach::cam
