// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands on their way through a media server: each sender's command goes to some receivers under
// an id of the server's own, and the sender is answered when all of them have answered or were
// given up. One thread, no I/O: the hub says who is there and whom a command is for, and takes all
// outputs after each call.
//
// A sender that comes back with the same run sends again what was not answered: that is known here
// by its ids, and neither passed on twice nor left without an answer.
#pragma once
#include "cam/proto/command.h"
#include "cam/proto/command_queue.h"
#include "cam/proto/token_bucket.h"
#include "server_types.h"
#include <deque>
#include <functional>
#include <map>
#include <set>

namespace reach::cam {

class CommandExchange {
public:
  struct Limits {
    // For one receiver, not acknowledged. Its patience: with a receiver that acknowledges nothing,
    // and with one whose link is away.
    CommandQueue::Limits lane{.max_bytes = 800u << 10, .patience = seconds (10)};
    Duration resume_window = seconds (15); // for which who has gone counts as being there
    std::size_t max_bytes = 64u << 20;     // of all commands that wait
    std::size_t max_pending = 128;         // of one run; a camsender has 32 under way at most
    std::size_t max_runs = 4096;           // of senders, that are remembered
    std::size_t max_command = cam::max_command;
    unsigned per_second = 0; // commands of a client, and as many at once; 0 = no limit
  };
  explicit CommandExchange (Limits limits) : limits_ (limits) {}

  struct Sender {
    std::string guid; // empty: anonymous
    std::uint64_t run_id = 0;
    Where link; // that the command came over
  };
  struct Targets {
    std::vector<std::string> guids;                       // of those that are there
    CommandStatus otherwise = CommandStatus::no_receiver; // when it is nobody
  };
  // `find` is asked for the targets of a command that is new and can be read.
  void on_command (const Sender &s, Bytes body,
      const std::function<Targets (const Envelope &)> &find, TimePoint now);
  void on_ack (const std::string &guid, Where link, const CommandAck &ack, TimePoint now);
  // A receiver's link for commands.
  void linked (const std::string &guid, Where link, TimePoint now);
  void unlinked (const std::string &guid, Where link, TimePoint now); // it may come back
  void gone (const std::string &guid, TimePoint now);                 // it does not
  bool expects (const std::string &guid) const { return receivers_.contains (guid); }

  struct Output {
    Where link;
    bool to_sender = false; // ahead of what waits there
    MessageRef message;
  };
  std::optional<Output> poll_output ();
  void timeout (TimePoint now);
  TimePoint poll_timeout () const { return next_; } // not earlier than needed, perhaps too early

  struct Stats {
    std::uint64_t handled = 0, refused = 0; // as the sender was told
    std::uint64_t timed_out = 0;            // one receiver each
    std::size_t waiting = 0;
  };
  Stats stats () const
  {
    Stats s = stats_;
    s.waiting = pending_.size ();
    return s;
  }

private:
  using RunKey = std::pair<std::string, std::uint64_t>;
  struct Run {
    Where link; // that it spoke over last
    std::uint64_t newest = 0, used = 0;
    std::set<std::uint64_t> pending;
    std::deque<CommandAck> answered; // the newest: what a lost link may have swallowed
  };
  struct Pending {
    RunKey run;
    std::uint64_t id = 0; // the sender's
    std::size_t bytes = 0;
    std::vector<std::string> waiting_for;
    CommandStatus status = CommandStatus::handled; // or the first that was another one
  };
  struct Receiver {
    explicit Receiver (CommandQueue::Limits l)
        : out (MediaType::command, {.max_bytes = 0, .max_time = {}}), lane (out, l)
    {
    }
    MediaQueue out;
    CommandQueue lane;
    std::optional<Where> link;
    TimePoint away{}, waiting{}; // since when, without a link; something waits
  };

  std::optional<Command> admit (const Sender &s, Bytes body, TimePoint now);
  void pass_on (const Sender &s, Command c, const Targets &t, TimePoint now);
  Run &run_of (const Sender &s);
  bool pay (const Sender &s, TimePoint now);
  void answer (Run &run, CommandAck ack, TimePoint now);
  void tell (const Run &run, CommandAck ack, TimePoint now);
  void settle (std::uint64_t id, const std::string &guid, CommandStatus status, TimePoint now);
  Receiver &receiver (const std::string &guid, TimePoint now);
  bool take (const std::string &guid, const MessageRef &m, TimePoint now);
  void drain (Receiver &r, TimePoint now);
  TimePoint due (const Receiver &r) const;
  void give_up (const std::string &guid, const std::vector<std::uint64_t> &ids, TimePoint now);

  const Limits limits_;
  std::map<RunKey, Run> runs_;
  std::map<std::string, Receiver> receivers_;
  std::map<std::uint64_t, Pending> pending_; // by our id
  std::map<RunKey, TokenBucket> rates_;      // of anonymous senders by run
  std::deque<Output> outputs_;
  std::uint64_t next_id_ = 1, used_ = 0;
  std::size_t bytes_ = 0;
  TimePoint next_ = TimePoint::max ();
  Stats stats_;
};
} // namespace reach::cam
