// SPDX-License-Identifier: LGPL-2.1-or-later
// A receiver's link at a media server, for one media type: a queue of its own, so that a slow one
// costs the others nothing.
#pragma once
#include "connection.h"
#include <map>

namespace reach::cam {

class Viewer final : public Connection::Part {
public:
  Viewer (Relay &relay, Connection &connection, MediaType type);
  ~Viewer () override;

  // Into the queue; a pump () follows, or a touch () so that it does.
  void push (const MessageRef &m);
  void pump ();
  // It is going to be pushed to in so many turns, 1 to prefetch_turns.
  static constexpr std::size_t prefetch_turns = 3;
  void prefetch (std::size_t turns) const;
  // Of a file whose sender is at relay `home`.
  void push_file (unsigned home, std::uint64_t file, const MessageRef &m);
  // Joins a stream whose sender is at relay `home`.
  void listen (std::uint16_t number, unsigned home, const std::vector<MessageRef> &messages,
      std::size_t bytes, bool decodable);
  void leave (std::uint16_t number);
  bool touched = false; // the relay is going to pump it
  const MediaQueue &queue () const { return queue_; }

private:
  void established () override;
  void on_received (Incoming m) override;
  void on_file_ack (Bytes body);
  void on_key_wanted (std::uint16_t stream) override;
  void on_sent () override;
  void ask_for_keys ();

  Relay &relay_;
  Connection &connection_;
  Link &link_; // its
  const MediaQueue::Limits limits_;
  MediaQueue queue_;
  std::map<std::uint16_t, unsigned> streams_; // number → the relay that has its sender
  std::map<std::uint64_t, unsigned> files_;   // on their way to it → the relay of their sender
  MessageRef last_clock_;
  bool raised_ = false; // the limits, for what comes at joining
};
} // namespace reach::cam
