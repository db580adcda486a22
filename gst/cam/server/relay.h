// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of a media server that runs on one loop: links, streams in, streams out. Relays share
// nothing: they post to each other and to the hub.
#pragma once
#include "common/file_store.h"
#include "common/loop.h"
#include "connection.h"
#include "doorman.h"
#include "hub.h"
#include "server_settings.h"
#include <unordered_map>

namespace reach::cam {
class FileCourier;
class MediaServer;
class PublishedStream;
class Publisher;
class Viewer;

class Relay final : StorageSource {
public:
  Relay (MediaServer &server, unsigned index, bool pinned);
  ~Relay () override;

  Loop &loop () { return *loop_; }
  StorageSource &storage () { return *this; }
  const ServerSettings &settings () const;
  unsigned index () const { return index_; }
  Where where (const Connection &c) const { return {index_, c.key ()}; }

  // Any thread: runs there.
  void post (std::function<void (Relay &)> task);
  void to_hub (std::function<void (Hub &)> task);
  std::atomic<std::size_t> &waiting_bytes (); // of all connections of the server, for the hub

  // Loop thread, all that follows.
  bool open_store (std::string &error); // what comes is kept there from now on
  void take (Doorman::Guest guest);     // a TCP connection
  void accept (std::unique_ptr<Transport> transport, Protocol protocol, bool local = false);
  void say_bye (); // to all
  void clear ();
  RelayCounters counters ();

  // The hub's word on a link; ignored when that is gone.
  void prepare (std::uint64_t link, const Role &role);
  void accept (std::uint64_t link, const Welcome &ours);
  void refuse (std::uint64_t link, RefuseCode code, const std::string &text);
  void finish (std::uint64_t link, ByeReason why);
  void add_streams (std::uint64_t link, const std::vector<NumberedStream> &streams);
  void tell (std::uint64_t link, const MessageRef &m); // in order with a receiver's frames
  void answer (std::uint64_t link, const MessageRef &m);
  void carry_file (std::uint64_t link, const FileJob &job);
  // Of a receiver of a file whose sender is here.
  void set_file_link (std::uint64_t file, const std::string &guid, std::optional<Where> link);
  // A receiver's link, here or at another relay, joins or leaves a stream whose sender is here.
  void join (std::uint16_t number, Where viewer);
  void leave (std::uint16_t number, Where viewer);

  // From this relay's links.
  void ended (Connection &c, const Link::End &end);
  void add_home (Publisher &p, PublishedStream &s);
  void remove_home (PublishedStream &s);
  void publish (PublishedStream &s, const MessageRef &m);
  void add_listener (std::uint16_t number, Viewer &v);
  void remove_listener (std::uint16_t number, Viewer &v);
  void want_key (unsigned home, std::uint16_t number, bool joined);
  void touch (Viewer &v);
  void untouch (Viewer &v); // before it goes
  void add_courier (std::uint64_t file, FileCourier &c) { couriers_[file] = &c; }
  void remove_courier (std::uint64_t file) { couriers_.erase (file); }
  void send_file (Where viewer, std::uint64_t file, const MessageRef &m);
  void file_acknowledged (unsigned home, std::uint64_t link, const FileAck &ack);
  RelayCounters &count () { return counters_; }

private:
  struct Home {
    Publisher *publisher = nullptr;
    PublishedStream *stream = nullptr;
    std::map<unsigned, unsigned> abroad; // relays that want it → how many of their viewers
  };
  using Routed = std::pair<std::uint16_t, MessageRef>; // a stream's number, what came of it
  struct FilePart {
    std::uint64_t viewer, file;
    MessageRef message;
  };

  std::unique_ptr<Storage> allocate (std::size_t size) override;
  Connection *find (std::uint64_t link);
  Viewer *viewer (std::uint64_t link);
  Publisher *publisher (std::uint64_t link);
  void deliver_later (std::uint16_t number, const MessageRef &m);
  void deliver ();
  void deliver_one_stream ();
  std::vector<Viewer *> *audience (std::uint16_t number);
  void send_abroad (unsigned relay);
  void deliver (unsigned home, const FilePart &p);
  void flush_later ();
  void flush ();

  MediaServer &server_;
  const unsigned index_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::uint16_t, Home> homes_;
  std::unordered_map<std::uint16_t, std::vector<Viewer *>> audiences_;
  std::vector<Routed> arrived_;   // in this round, for the listeners here
  std::vector<Viewer *> touched_; // to pump at the end of this round
  std::map<unsigned, std::vector<Routed>> abroad_;
  std::map<unsigned, std::vector<FilePart>> files_abroad_;
  std::unordered_map<std::uint64_t, FileCourier *> couriers_; // of files whose sender is here
  RelayCounters counters_;
  std::unique_ptr<FileStore> store_; // null: in memory
  bool stopping_ = false, flushing_ = false;
  std::unique_ptr<Loop> loop_; // joined before anything above goes
};
} // namespace reach::cam
