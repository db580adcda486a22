// SPDX-License-Identifier: LGPL-2.1-or-later
// A sender's link at a media server: its streams go out under the server's numbers.
#pragma once
#include "connection.h"
#include "file_courier.h"
#include "published_stream.h"
#include <map>

namespace reach::cam {

class Publisher final : public Connection::Part {
public:
  Publisher (Relay &relay, Connection &connection, const Role &role);
  ~Publisher () override;

  void add_streams (const std::vector<NumberedStream> &streams); // also those it has
  // From its relay.
  void look_after_keys (PublishedStream &s);
  void command_answered () { commands_ -= commands_ > 0; }
  void carry (const FileJob &job);
  std::size_t cached_bytes () const;

private:
  struct Entry {
    std::unique_ptr<PublishedStream> stream;
    std::unique_ptr<Timer> key_timer;
    bool cut = false; // by the limit, until a key frame
  };
  void established () override;
  void on_received (Incoming m) override;
  void on_clock (const Ping &p) override;
  void on_streams (const StreamList &l) override;
  void publish (Entry &e, Incoming m);
  bool within_bandwidth (Entry &e, Bytes frame);
  void pass_on (Incoming command);
  void on_file (Incoming m);
  void hold_back (Incoming m);

  Relay &relay_;
  Connection &connection_;
  const std::uint32_t source_; // its number
  const std::shared_ptr<Bandwidth> bandwidth_;
  std::map<std::uint16_t, Entry> streams_; // by the sender's number
  std::unique_ptr<FileCourier> courier_;   // one file at a time
  // Of streams that the sender has listed and the hub has not numbered yet.
  std::vector<Incoming> early_;
  std::size_t early_bytes_ = 0;
  std::size_t commands_ = 0; // that the hub has not answered yet
};
} // namespace reach::cam
