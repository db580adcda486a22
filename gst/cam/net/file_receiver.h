// SPDX-License-Identifier: LGPL-2.1-or-later
// Receives files: the loop hands messages over, a worker thread writes them and answers. Each
// sender may have only so much waiting here, so that a slow disk or a hostile sender costs no more
// memory.
#pragma once
#include "cam/proto/incoming.h"
#include "common/serial_queue.h"
#include "incoming_file.h"
#include <atomic>
#include <deque>
#include <map>

namespace reach::cam {

class FileReceiver final {
public:
  struct Peer {
    std::uint64_t remote = 0, run_id = 0; // ours, the sender's
    std::uint64_t session_key = 0, remote_session_key = 0;
    std::string guid, address;
    bool server = false; // it passes on the files of many
  };
  struct Report {
    enum class What { receiving, received, failed };
    What what{};
    Peer peer;
    std::uint64_t id = 0, size = 0, bytes = 0; // bytes: written
    std::string name, path, reason;            // name: as the sender gave it, made safe
    Envelope envelope;
  };
  class Owner {
  public:
    virtual ~Owner () = default;
    // Worker thread.
    virtual void on_file_answer (std::uint64_t remote, MessageRef m) = 0;
    virtual void on_file_consumed (std::uint64_t remote, std::size_t bytes) = 0;
    virtual void on_file_report (Report r) = 0;
  };
  struct Limits {
    std::uint64_t max_size = 1ull << 30;
    std::size_t max_open = 16, max_open_per_sender = 4, max_open_per_server = 8;
    std::size_t max_waiting = 2 * file_window; // bytes of one sender, not written yet
    std::size_t max_partials = 32;
    Duration open_time = seconds (60); // without data, when others want its place
  };
  // An empty folder: every file is refused.
  FileReceiver (Owner &owner, std::string folder);
  FileReceiver (Owner &owner, std::string folder, Limits limits);
  ~FileReceiver (); // writes what has come, then closes; what is not complete can be resumed

  // Loop thread.
  void input (Peer peer, Incoming m);
  void link_ended (std::uint64_t remote);

  void drain () { worker_->drain (); }                // until what came before is written
  std::uint64_t refused () const { return refused_; } // messages that could not be used

private:
  using Key = std::pair<std::uint64_t, std::uint64_t>; // run, id
  // The sender's, also where a media server has numbers of its own: its guid, if that is vouched
  // for.
  using Origin = std::pair<std::string, Key>;
  struct Transfer {
    Peer peer;
    FileBegin begin;
    Origin origin;
    std::unique_ptr<IncomingFile> file;
    std::uint64_t told = 0; // acknowledged
    TimePoint told_at{};
    std::optional<Sha256Sum> sum;
    TimePoint used;
  };
  using Transfers = std::map<Key, std::shared_ptr<Transfer>>;

  // Worker thread.
  void handle (const Peer &peer, const Incoming &m);
  void on_begin (const Peer &peer, const FileBegin &b);
  void open (const Peer &peer, const FileBegin &b);
  void on_data (const Peer &peer, const FileData &d, Bytes payload);
  void on_end (const Peer &peer, const FileEnd &e);
  void on_abandon (const Peer &peer, const FileAbandon &a);
  void verify (const std::shared_ptr<Transfer> &t);
  void complete (Transfer &t);
  void make_room (TimePoint now);
  bool full (const Peer &peer) const;
  static Origin origin_of (const Peer &peer, const FileBegin &b);
  void fail (Transfer &t, FileStatus s, const std::string &reason);
  void forget (const Transfer &t);
  void tell (Transfer &t, TimePoint now);
  void answer (const Peer &peer, std::uint64_t id, FileStatus s, std::uint64_t bytes);
  void report (Report::What what, const Transfer &t, std::string path, std::string reason);

  Owner &owner_;
  const std::string folder_;
  const Limits limits_;
  std::atomic<std::uint64_t> refused_{0};

  // Loop thread: bytes of each run that wait.
  std::map<std::uint64_t, std::shared_ptr<std::atomic<std::size_t>>> waiting_;

  // Worker thread.
  Transfers transfers_;
  std::deque<Origin> completed_; // the newest, for a sender that did not hear of it

  std::unique_ptr<SerialQueue> worker_; // the last: joined before anything above goes
};
} // namespace reach::cam
