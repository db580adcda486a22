// SPDX-License-Identifier: LGPL-2.1-or-later
// What camreceiver does with commands and files: hands commands to the application in order and
// once, writes files, and acknowledges both.
#pragma once
#include "cam/net/file_receiver.h"
#include "cam/net/remote.h"
#include "cam/proto/command.h"
#include "common/serial_queue.h"
#include <gst/gst.h>

namespace reach::cam {

class ReceiverDeliveries final : FileReceiver::Owner {
public:
  // What it needs of the element; any thread.
  class Host {
  public:
    virtual ~Host () = default;
    virtual void answer (std::uint64_t remote, MessageRef m) = 0;
    virtual void consumed (std::uint64_t remote, MediaType type, std::size_t bytes) = 0;
    virtual bool post_event (SerialQueue::Task task) = 0; // false: too many wait
  };
  struct Limits {
    std::size_t max_command = cam::max_command;
    // Of one sender, waiting for the application. A camsender has 32 under way at most.
    std::size_t max_waiting = 128;
    std::size_t max_runs = 1024; // senders' runs of which the newest command is remembered
  };

  ReceiverDeliveries (GstElement *e, Host &host) : element_ (e), host_ (host) {}

  // Around a run of the engine.
  void start (Limits l, std::string file_folder, std::uint64_t max_file_size);
  void stop ()
  {
    files_->drain (); // its answers may have held the engine, which calls us until it is gone
    files_.reset ();
  }
  // Loop thread. `peer`: "address:port".
  void on_command (const Remote &r, const std::string &peer, const Incoming &m);
  void on_file (const Remote &r, const std::string &peer, Incoming m);
  void on_file_link_ended (std::uint64_t remote) { files_->link_ended (remote); }
  void add_stats (GstStructure *s) const; // any thread

private:
  // What is known of one run of a sender; outlives its links and pads.
  struct Run {
    std::uint64_t newest = 0; // command id; those up to here have come already
    std::uint64_t used = 0;   // for finding the one to forget
    std::atomic<std::uint64_t> handled{0};
    std::atomic<std::size_t> waiting{0};
  };
  std::shared_ptr<Run> run_of (std::uint64_t run_id);
  // FileReceiver::Owner: its worker thread.
  void on_file_answer (std::uint64_t remote, MessageRef m) override
  {
    host_.answer (remote, std::move (m));
  }
  void on_file_consumed (std::uint64_t remote, std::size_t bytes) override
  {
    host_.consumed (remote, MediaType::file, bytes);
  }
  void on_file_report (FileReceiver::Report r) override;
  void acknowledge (std::uint64_t remote, std::uint64_t id, CommandStatus s);
  void answer (std::uint64_t remote, std::uint64_t id, CommandStatus s);
  // Event thread.
  void tell_command (
      const Command &c, const std::string &peer, std::uint64_t ours, std::uint64_t theirs);
  void tell (const char *signal, GstStructure *s);

  GstElement *element_;
  Host &host_;
  Limits limits_;
  std::map<std::uint64_t, std::shared_ptr<Run>> runs_; // loop thread
  std::uint64_t used_ = 0;
  std::unique_ptr<FileReceiver> files_;
  std::atomic<std::uint64_t> commands_{0}, refused_{0}, files_received_{0}, files_failed_{0};
};

void install_receiver_delivery_signals (GType receiver);
} // namespace reach::cam
