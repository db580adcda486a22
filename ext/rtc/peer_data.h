// SPDX-License-Identifier: LGPL-2.1-or-later
// Data pads of an rtcpeer: what goes into data_%u leaves by a data channel of that name; each
// channel that the peer opens, and that no handler takes, comes out of a pad data_src_%u. Datagrams
// likewise.
#pragma once
#include "bin_host.h"
#include "common/running_clock.h"
#include "peer/peer_session.h"
#include "webrtc/data_pads.h"
#include <list>
#include <map>

namespace reach::rtc {
class PeerData {
public:
  using Task = std::function<void (PeerSession &)>;
  // each: runs a task on the loop for each session. wait: what comes before there is one waits for
  // it; else it is nobody's.
  PeerData (BinHost &host, std::function<void (Task)> each, bool wait)
      : host_ (host), each_ (std::move (each)), wait_ (wait), element_ (host.element ())
  {
  }
  ~PeerData ();

  // Application thread.
  GstPad *request_pad (GstPadTemplate *templ, const char *name, bool datagrams);
  bool release_pad (GstPad *pad); // false: not one of these
  void remove_src_pads ();        // the run has ended
  void set_playing (bool playing);

  // Loop thread.
  void open (PeerSession &session); // a channel for each sink pad
  DataHub::Ends incoming (const PeerSession &session, const DataChannels::Channel &channel);
  void on_connected (PeerSession &session);
  void on_datagram (Bytes datagram);

private:
  class Input;
  class Link;
  class Output;
  // What one session has given us.
  struct Share {
    bool too_many_told = false;
    std::vector<std::weak_ptr<Output>> outputs;
    std::shared_ptr<ByteBudget> budget;
  };
  Share &share_of (const PeerSession &session);
  std::shared_ptr<Output> make_output (
      const std::string &name, bool datagrams, std::shared_ptr<ByteBudget> budget);
  void add_pad (const std::shared_ptr<Output> &o);
  void remove_pad (const std::shared_ptr<Output> &o);

  BinHost &host_;
  const std::function<void (Task)> each_;
  const bool wait_;
  GstElement *const element_;
  RunningClock clock_;
  Guarded<std::list<std::shared_ptr<Input>>> inputs_;
  Guarded<std::list<std::shared_ptr<Output>>> outputs_;
  std::shared_ptr<Output> datagrams_; // loop thread
  std::atomic<bool> playing_{false};
  std::map<const PeerSession *, Share> shares_; // loop thread
  unsigned next_ = 0;                           // likewise
};
} // namespace reach::rtc
