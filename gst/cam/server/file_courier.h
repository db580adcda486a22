// SPDX-License-Identifier: LGPL-2.1-or-later
// A file of a sender whose link is here, on its way to receivers at any relay (FileExchange). On
// the loop of the sender's link.
#pragma once
#include "cam/proto/file_exchange.h"
#include "common/timers.h"
#include "server_types.h"
#include <functional>

namespace reach::cam {
class Connection;
class Relay;

class FileCourier final {
public:
  // over: nothing more comes of it; called once, from within a call of this or a timer.
  FileCourier (Relay &relay, Connection &sender, FileJob job, std::function<void ()> over);
  ~FileCourier (); // whoever has not got all is told

  void data (const FileData &d, Slice payload);
  void end (const FileEnd &e);
  // Of a receiver, over the link with this key.
  void acknowledged (std::uint64_t link, const FileAck &ack);
  void set_link (const std::string &guid, std::optional<Where> link);
  std::uint64_t sender_id () const { return core_.sender_id (); }

private:
  void drain ();

  Relay &relay_;
  Connection &sender_;
  const std::uint64_t id_;
  std::vector<FileJob::Receiver> receivers_;
  const std::function<void ()> over_;
  FileExchange core_;
  Timer timer_;
  bool told_over_ = false;
};
} // namespace reach::cam
