// SPDX-License-Identifier: LGPL-2.1-or-later
// A sender as a receiver sees it: one run, its clock and its streams, whichever links bring them.
#pragma once
#include "cam/proto/hello.h"
#include "cam/proto/incoming.h"
#include "common/guarded.h"
#include "common/proto/clock_map.h"
#include "common/timers.h"
#include <array>
#include <map>
#include <memory>

namespace reach::cam {
class Link;

// Running time of the sender's run → CLOCK_MONOTONIC here. The loop feeds it, streaming threads
// read it.
struct RunClock {
  Guarded<ClockMap> map;
};

// Where a stream goes: the element's pad. Calls come from the loop thread and must not block.
class Output {
public:
  virtual ~Output () = default;
  virtual void caps (std::string text) = 0;
  virtual void tags (Bytes text, bool global) = 0; // each scope has its own
  virtual void frame (const FrameHeader &h, Incoming m) = 0;
  virtual void gap (std::int64_t pts, std::int64_t duration) = 0;
  virtual void eos () = 0;    // the sender's stream has ended
  virtual void broken () = 0; // the link is gone: GAPs until resumed or closed
  // Perhaps by a new run, which numbers its streams anew.
  virtual void resumed (
      std::shared_ptr<RunClock> clock, std::uint64_t session_key, std::uint16_t stream) = 0;
  virtual void flush () = 0; // frames of this round are complete: wake who waits for them
  virtual void close () = 0; // EOS, then the pad goes; the last call
};

struct Remote {
  std::uint64_t id = 0;                      // ours
  std::uint64_t run_id = 0, session_key = 0; // the sender's
  std::uint64_t our_session_key = 0;         // pull; a receiver of pushes has none
  std::string guid,
      origin;          // origin: the peer's host, or the pull entry, for senders without a guid
  bool server = false; // a media server, for what it passes on of many senders
  bool named = false;  // by its application: the guid is the same in its next run
  std::shared_ptr<RunClock> clock;
  struct Stream {
    StreamInfo info;
    Output *output = nullptr; // the element's; none for a type nobody asked for
    bool eos = false;
    bool confirmed = false; // listed by the link of its own type

    // What the output has already it leaves out.
    void tell (const StreamInfo &i) const
    {
      if (!output)
        return;
      if (!i.caps.empty ())
        output->caps (i.caps);
      if (!i.tags.empty ())
        output->tags (i.tags, false);
      if (!i.global_tags.empty ())
        output->tags (i.global_tags, true);
    }
  };
  std::map<std::uint16_t, Stream> streams;
  std::array<Link *, n_media_types> links{};
  std::unique_ptr<Timer> resume;                   // armed while broken
  std::array<std::size_t, n_media_types> unread{}; // bytes that the application has not taken yet
  bool away = false;    // a media server's word that its sender's links are broken
  bool dormant = false; // closed orderly for idleness: more may come at any time
  bool overdue = false; // its resume-window is over, and it is only kept for want of another
  bool listed = false;
  std::uint32_t epoch = 0; // of the sender's running time

  // False: a sample from before the sender's running time began anew, brought by a slower link.
  bool enter_epoch (std::uint32_t e)
  {
    const auto newer = static_cast<std::int32_t> (e - epoch);
    if (newer > 0) {
      epoch = e;
      clock->map.update ([] (ClockMap &m) { m.reset (); });
    }
    return newer >= 0;
  }
  // A link begins where its hello or welcome says: caps and tags that changed before are nowhere
  // else, as a former link may have lost them.
  void catch_up (const Hello &h)
  {
    for (const StreamInfo &info : h.streams)
      if (const auto it = streams.find (info.id); info.type == h.type && it != streams.end ())
        it->second.tell (info);
  }
  bool connected () const
  {
    for (const Link *l : links)
      if (l)
        return true;
    return false;
  }
  template <typename F> void each_output (F &&f) // those that are still to bring something
  {
    for (auto &[id_, s] : streams)
      if (s.output && !s.eos)
        f (*s.output);
  }
  bool all_eos () const
  {
    for (const auto &[id_, s] : streams)
      if (!s.eos)
        return false;
    return !streams.empty ();
  }
};
} // namespace reach::cam
