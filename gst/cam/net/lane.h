// SPDX-License-Identifier: LGPL-2.1-or-later
// What one receiver is to get without loss, commands or files: kept until it has acknowledged them,
// over as many links as that takes. Loop thread only.
#pragma once
#include "cam/proto/envelope.h"
#include "cam/proto/message.h"
#include <memory>
#include <string>

namespace reach::cam {
class FileSource;

// A receiver, as the sender's application is told of it.
struct ReceiverName {
  std::string peer, guid;
  std::uint64_t session_key = 0, run_id = 0;
  bool server = false; // a media server, which passes on what is addressed
};

// One command or one file on its way to every receiver that its envelope means.
struct Delivery {
  std::uint64_t id = 0;
  MessageRef command;
  std::shared_ptr<const FileSource> file;
  std::uint64_t offset = 0; // of the file: where to begin
  Envelope envelope;
};

// Why a receiver gets nothing with this address; null: it does.
inline const char *not_for (const ReceiverName &r, const Envelope &e)
{
  if (r.server || (e.to.empty () && e.group.empty ()))
    return nullptr;
  if (e.to.empty ())
    return "only a media server has groups";
  return e.to == r.guid ? nullptr : "there is no receiver with this guid here";
}

struct FileReport {
  enum class What { started, progress, sent, failed };
  What what{};
  ReceiverName receiver;
  std::uint64_t id = 0, bytes = 0, total = 0;
  std::string path, reason;
};

class DeliveryEvents {
public:
  virtual ~DeliveryEvents () = default;
  // `failure` is empty when the receiver has acknowledged the command.
  virtual void on_command_done (
      const ReceiverName &r, std::uint64_t id, const std::string &failure) = 0;
  virtual void on_file_report (FileReport r) = 0;
};

class Lane {
public:
  virtual ~Lane () = default;
  virtual void push (Delivery d) = 0;
  virtual void linked (ReceiverName r) = 0; // a link is established: the queue is sent over it
  virtual void unlinked () = 0;
  virtual void acknowledged (Kind kind, Bytes body) = 0;
  virtual void give_up (const std::string &why) = 0; // all that waits
  virtual std::size_t count () const = 0;            // not acknowledged yet
  virtual std::size_t bytes () const = 0;            // of memory that these hold
};
} // namespace reach::cam
