// SPDX-License-Identifier: LGPL-2.1-or-later
// The files for one receiver, one after the other. The disk is read by the worker thread, a few
// pieces at a time, and only as far ahead as the receiver's acknowledgements allow. After a break
// the receiver says what it has, and the rest follows.
#pragma once
#include "cam/proto/media_queue.h"
#include "common/loop.h"
#include "common/serial_queue.h"
#include "file_source.h"
#include "lane.h"
#include <deque>

namespace reach::cam {

class FileLane final : public Lane {
public:
  struct Limits {
    std::size_t max_files = 64;
    Duration progress = milliseconds (250); // between two reports
    Duration busy_retry = seconds (1);
    unsigned max_busy = 120; // retries
    // A file is given up when the receiver owes an acknowledgement for so long; max = never.
    Duration patience = Duration::max ();
  };
  // `timed_out` counts the files that were given up for that.
  FileLane (Loop &loop, SerialQueue &worker, MediaQueue &out, DeliveryEvents &events,
      std::function<void ()> pump, Limits limits, std::uint64_t &timed_out);

  void push (Delivery d) override;
  void linked (ReceiverName r) override;
  void unlinked () override;
  void acknowledged (Kind kind, Bytes body) override;
  void give_up (const std::string &why) override;
  std::size_t count () const override { return jobs_.size (); }
  std::size_t bytes () const override { return 0; } // what is read is bounded by the window

private:
  enum class State { idle, asked, sending, ended };
  struct Job {
    std::uint64_t id = 0, from = 0; // from: where to go on after the next begin
    std::shared_ptr<FileReader> reader;
    Envelope envelope;
    bool started = false, end_sent = false, restarted = false;
    unsigned busy = 0;
    const FileSource &source () const { return reader->source (); }
  };
  void begin ();
  void expect ();
  void on_silence ();
  void read ();
  void on_read (FileReader::Result r);
  void on_going_on (std::uint64_t bytes);
  void on_refused (FileStatus s);
  void over (FileReport::What what, const std::string &reason = {});
  void report (FileReport::What what, const Job &j, const std::string &reason = {});
  void put (Kind k, std::vector<std::uint8_t> body);

  Loop &loop_;
  SerialQueue &worker_;
  MediaQueue &out_;
  DeliveryEvents &events_;
  const std::function<void ()> pump_;
  const Limits limits_;
  ReceiverName receiver_;
  std::deque<Job> jobs_; // the first one is under way
  State state_ = State::idle;
  std::uint64_t position_ = 0, acknowledged_ = 0; // read up to, written by the receiver
  bool linked_ = false, reading_ = false;
  std::uint64_t epoch_ = 0; // what was read before a change of position is of no use
  TimePoint reported_{};
  Timer retry_;
  Timer silence_; // armed while something is under way
  std::uint64_t &timed_out_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool> (true); // for what the worker brings back
};
} // namespace reach::cam
