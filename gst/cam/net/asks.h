// SPDX-License-Identifier: LGPL-2.1-or-later
// What an application asks of the media server at the other end: kept until a link to it is there,
// sent, and ended by the answer, by the end of its link, or by time. Loop thread, but for enter ().
#pragma once
#include "cam/proto/source.h"
#include "common/timers.h"
#include <atomic>
#include <functional>
#include <map>

namespace reach::cam {
class Link;

// An answer, or why there is none.
struct AskReply {
  const char *status = ""; // a nick; static
  std::string text;        // for people
  Command result;

  static AskReply no_server ();
  static AskReply too_many ();
  static AskReply not_connected (const std::string &why);
};
using AskDone = std::function<void (AskReply)>;

const char *ask_status_nick (AskStatus s); // "ok", "wrong-password" …; never null

class Asks final {
public:
  static constexpr std::size_t max_outstanding = 64;

  // patience: from push () to the answer; LinkCore::forever = without end.
  Asks (Timers &timers, Duration patience);
  ~Asks (); // those that are left are told so

  // Any thread: false when too many are outstanding. Else push () has to follow.
  bool enter ();
  // `done` is called once, with no reference to this object held.
  void push (Command what, AskDone done);
  bool unsent () const { return unsent_ > 0; }
  bool outstanding () const { return !asks_.empty (); }
  void send (Link &link); // those that wait; established, to a media server
  void on_answer (Bytes body);
  void link_ended (const Link &link); // what it did with those sent over it is not known
  void fail_unsent (const AskReply &why);

private:
  struct Entry {
    Command what;
    AskDone done;
    const Link *link = nullptr; // that it was sent over
    TimePoint deadline;
  };
  using Entries = std::map<std::uint32_t, Entry>; // by id; older ones are first

  void finish (Entries::iterator at, AskReply reply);
  template <typename F> void fail_if (F &&which, const AskReply &why);
  void expire ();
  void arm ();

  const Duration patience_;
  Entries asks_;
  std::size_t unsent_ = 0;
  std::uint32_t last_id_ = 0;
  std::atomic<std::size_t> entered_{0};
  Timer timer_;
};
} // namespace reach::cam
