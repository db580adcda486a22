// SPDX-License-Identifier: LGPL-2.1-or-later
// The receiver's side: links in, streams out. Push: accepts any number of senders. Pull: keeps a
// session with each sender it was told of, one link per requested media type.
#pragma once
#include "asks.h"
#include "cam/proto/session_events.h"
#include "intake.h"
#include "pull_peer.h"
#include "remote.h"
#include "transports.h"
#include <set>

namespace reach::cam {

// A connected stream socket, the caller's from then on; -1 and `error` when there is none. Called
// on the loop thread: must not block.
using Dial = std::function<int (std::string &error)>;

class ReceiverEngine final {
public:
  // The element. All from the loop thread: must neither block nor call the engine's waiting calls.
  class Element : public StorageSource {
  public:
    virtual void on_link_event (LinkEvent e) = 0;
    // A stream of a sender; the output stays until its close (). Null: no more are taken.
    virtual Output *open_stream (const Remote &r, const StreamInfo &s) = 0;
    virtual void on_streams_listed (const Remote &r) = 0; // the sender's whole list has been opened
    virtual void on_all_ended () = 0;                     // the last sender has ended its streams
    virtual void on_command (const Remote &r, Link &l, Incoming m) = 0;
    virtual void on_file (const Remote &r, Link &l, Incoming m) = 0;
    virtual void on_file_link_ended (std::uint64_t remote_id) = 0;
    virtual void on_server_notice (const std::string &peer, Command what) = 0;
    virtual void on_fatal (CloseReason why, std::string text, std::string detail) = 0;
  };
  struct Options {
    bool keep_listening = false;
    std::size_t max_remotes = 64;
    std::uint64_t run_id = new_key (); // a sender that is pulled from knows by it who comes back
    Dial dial;                         // instead of connecting to the sender's address
  };

  ReceiverEngine (Element &element, Settings settings, Identity identity, Options options);
  ~ReceiverEngine ();

  bool bind (std::string &error) { return bound_.bind (settings_, error); } // READY
  std::uint16_t port () const { return bound_.port (); }
  void start (); // PAUSED

  // Any thread.
  void request_key (std::uint64_t remote, std::uint16_t stream);
  void consumed (
      std::uint64_t remote, MediaType type, std::size_t bytes); // the application took them
  void set_identity (Identity identity);
  // A message to the sender, over the link of its type (command_ack, file_ack).
  void answer (std::uint64_t remote, MessageRef m);
  // Of the media server that is pulled from, the first one when there are several. `done` is
  // called once, on the loop thread or this one.
  void ask (Command what, AskDone done);
  std::size_t window () const { return window_; }

  struct LinkInfo {
    MediaType type;
    std::string peer, guid;
    std::uint64_t remote_session_key;
    TransportStats transport;
    TlsInfo security;
  };
  struct Snapshot {
    std::vector<LinkInfo> links;
    std::uint64_t accepted = 0, refused = 0, sessions = 0, failures = 0, breaks = 0, resumed = 0,
                  key_requests = 0;
    std::array<std::uint64_t, n_close_reasons> closed{};
    unsigned open_channels = 0, max_channels = 0, senders = 0;
    double drift_ppm = 0;
  };
  Snapshot snapshot ();                                       // asks the loop
  std::uint64_t session_key () const { return session_key_; } // of the newest session

private:
  friend class Intake;
  friend class PullPeer;
  friend class RelaySources;

  void accept_transport (std::unique_ptr<Transport> t);
  void send_asks ();
  Hello hello (MediaType type, std::uint64_t session_key, std::uint64_t link_key,
      const std::string &to) const;
  std::optional<Refuse> check_sender (const Hello &h, const std::string &host) const;
  // The remote that a sender's hello belongs to: the same run, or one that it resumes, or a new
  // one. Null: too many.
  Remote *attach (const Hello &h, const std::string &origin, Link &link);
  Remote *find_run (std::uint64_t run_id);
  Remote *find_resumable (const Hello &h, const std::string &origin);
  Remote *make_remote ();
  void resume (Remote &r, const std::vector<StreamInfo> &now);
  void detach (Link &link, const Link::End &end);
  void update_streams (Remote &r, const StreamList &list, MediaType from);
  void open_output (Remote &r, Remote::Stream &s);
  void close_output (Remote::Stream &s);
  void touch (Output &o);
  void sample_clock (Remote &r, std::int64_t running_time, std::int64_t latency);
  void sample_clock (Remote &r, const Ping &p);
  void on_message (Remote &r, Link &link, Incoming m);
  void on_stream_message (Remote &r, Remote::Stream &s, Incoming m);
  void resume_window_over (std::uint64_t id);
  void close_remote (std::uint64_t id);
  void stream_ended (Remote &r, Remote::Stream &s);
  void intake_ended (Intake *i);
  void note_consumed (Link &link, std::size_t bytes);
  Remote *find (std::uint64_t id);
  Remote *find_peer (std::uint64_t id); // or a media server
  void grant (Link &link, MediaType type, std::size_t bytes);

  Element &element_;
  const Settings settings_;
  const Options options_;
  const std::size_t window_;
  Identity identity_; // loop thread
  BoundSocket bound_;
  std::atomic<std::uint64_t> session_key_{0};

  // Loop thread.
  std::map<std::uint64_t, std::unique_ptr<Remote>>
      remotes_; // by our id: ids grow, so the oldest is first
  std::set<std::unique_ptr<Intake>> intakes_;
  std::vector<std::unique_ptr<PullPeer>> peers_;
  std::map<Link *, std::size_t> owed_; // pull: bytes taken but not yet granted again
  std::vector<Output *> touched_;      // got frames in this round of the loop
  std::unique_ptr<Acceptor> acceptor_;
  Snapshot counters_;
  bool stopping_ = false;

  std::unique_ptr<Loop> loop_;  // joined before anything above goes
  std::unique_ptr<Timer> poll_; // poll-interval
  std::unique_ptr<Asks> asks_;
};
} // namespace reach::cam
