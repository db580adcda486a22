// SPDX-License-Identifier: LGPL-2.1-or-later
// One file on its way through a media server, from one sender to some receivers. Nothing is stored:
// what the slowest receiver has not acknowledged is held, by reference, and the sender is told no
// more than that, so that its window bounds what is held. The hash and the final word are the
// receivers'. Sans-IO, one thread; take all of poll_transmit () after each call.
#pragma once
#include "file_transfer.h"
#include "message.h"
#include <deque>

namespace reach::cam {

class FileExchange {
public:
  struct Config {
    std::uint64_t id = 0; // the server's own; the receivers' messages have it
    // Bytes that may be held before the sender has to wait, at most file_window. After a restart
    // the sender's first window comes before anything can be said of it.
    std::size_t max_held = file_window;
    std::size_t max_messages = 512;   // held
    Duration patience = seconds (10); // with a receiver that owes an answer, or is away
    Duration start = seconds (5);     // the same for the answers to the first begin
    Duration repeat = seconds (1);    // the sender hears something so often once it has begun
    Duration silence = seconds (60);  // of a sender that might go on: it has to begin again
  };
  // Below this a receiver would not acknowledge what the sender waits for.
  static constexpr std::size_t min_held = 512u << 10;
  // What a receiver may keep to itself until more comes.
  static constexpr std::size_t untold = 256u << 10;
  static constexpr std::size_t slack = 2 * file_piece; // that a sender may be above its window

  // begin: the sender's, with its own id; `from` is told to the receivers as it is. All `receivers`
  // (at least one) are linked.
  FileExchange (const Config &config, const FileBegin &begin, std::size_t receivers, TimePoint now);

  // Of the sender, with its id.
  void data (const FileData &d, Slice payload, TimePoint now);
  void end (const FileEnd &e, TimePoint now);
  void abandon (TimePoint now); // it is gone: whoever is not complete is told

  // Of a receiver, with our id. It has a new link, or none.
  void acknowledged (std::size_t receiver, const FileAck &ack, TimePoint now);
  void linked (std::size_t receiver, TimePoint now);
  void unlinked (std::size_t receiver, TimePoint now);

  void timeout (TimePoint now);
  TimePoint poll_timeout () const; // max (): none

  struct Out {
    std::optional<std::size_t> receiver; // none: to the sender
    MessageRef message;
  };
  std::optional<Out> poll_transmit ();
  bool over () const { return over_; }
  std::uint64_t sender_id () const { return begin_.id; }
  // At most max_held, slack, and a piece that is acknowledged in part.
  std::size_t held () const { return held_bytes_; }

private:
  enum class State : std::uint8_t { away, asked, sending, ended, complete, failed };
  struct Receiver {
    State state = State::asked;
    std::uint64_t have = 0, sent = 0; // acknowledged; passed on up to
    TimePoint since;                  // it owes something, or is away
    bool active () const { return state < State::complete; }
    bool owes () const
    {
      return state == State::asked || state == State::ended ||
             (state == State::sending && sent - have >= untold);
    }
  };
  struct Held {
    std::uint64_t position;
    Slice payload;
    MessageRef message;
    std::uint64_t end () const { return position + payload.size (); }
  };

  void ask (std::size_t receiver, TimePoint now);
  void on_going_on (std::size_t receiver, std::uint64_t bytes, TimePoint now);
  void feed (std::size_t receiver, TimePoint now);
  void fail (std::size_t receiver, FileStatus why);
  void update (TimePoint now);
  void tell (TimePoint now);
  void release (std::uint64_t position);
  void finish (FileStatus s, TimePoint now);
  bool may_go_on () const { return started_ && !end_ && position_ < told_ + file_window; }
  TimePoint deadline (const Receiver &r) const;
  void put (std::optional<std::size_t> receiver, Kind kind, std::vector<std::uint8_t> body,
      TimePoint now);

  Config config_;
  FileBegin begin_;
  std::vector<Receiver> receivers_;
  std::deque<Held> held_;
  std::size_t held_bytes_ = 0;
  std::uint64_t start_ = 0, position_ = 0, told_ = 0; // the sender's: begun at, come, acknowledged
  TimePoint told_at_{}, heard_at_{}; // heard: something came of the sender, or it had to wait
  std::optional<FileEnd> end_;
  std::optional<FileStatus> failure_; // of the first receiver that failed
  bool started_ = false, over_ = false;
  std::deque<Out> out_;
};
} // namespace reach::cam
