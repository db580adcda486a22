// SPDX-License-Identifier: LGPL-2.1-or-later
// The control of a media server: who is there, which sources there are, and who gets what. It tells
// the relays what has changed; frames never pass here. On the loop of relay 0 only.
#pragma once
#include "cam/proto/router.h"
#include "command_exchange.h"
#include "common/serial_queue.h"
#include "common/timers.h"
#include "server_settings.h"
#include "server_types.h"
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

namespace reach::cam {
class MediaServer;
constexpr const char too_many_streams[] = "this media server has no room for so many streams";

class Hub final {
public:
  explicit Hub (MediaServer &server);
  ~Hub ();

  bool load (Bytes state); // first; false: it cannot be read
  // From relays.
  void on_hello (
      Where link, const Hello &hello, const std::string &peer, Protocol protocol); // first
  void on_tap (Where link, const Hello &hello); // first of a local one; guid_to: the sender
  void on_ended (Where link, const LinkEnd &end);
  void on_stranger (const std::string &peer, const std::string &why); // did not get as far as hello
  void on_streams (Where link, const StreamList &list);
  void on_sticky (Where link, std::uint16_t number, const MessageHeader &h, Bytes body);
  void on_clock (Where link, const Ping &p, TimePoint arrived);
  void on_ask (Where link, const Ask &ask);
  void on_command (Where link, Bytes body);
  void on_command_ack (Where link, const CommandAck &ack);
  void on_file_begin (Where link, FileBegin b);
  void on_file_over (std::uint64_t id);
  // From the application. Who is not let in has changed nothing here before.
  void on_verdict (std::uint64_t login, Verdict verdict);
  bool kick (const std::string &guid, const std::string &why); // false: it is not there
  bool ban (const std::string &guid, bool on); // false: no guid, too many, was not banned
  void stop ();                                // tells nobody anything any more

  struct SourceInfo {
    std::uint32_t number;
    std::string guid, guid_to, group, peer;
    SourceState state;
    std::size_t streams, receivers;
  };
  struct ReceiverInfo {
    std::string guid, peer;
    unsigned links;
    std::size_t sources;
  };
  struct Snapshot {
    std::vector<SourceInfo> sources;
    std::vector<ReceiverInfo> receivers;
    std::size_t taps = 0;
    std::uint64_t refused = 0, resumed = 0, replaced = 0;
    CommandExchange::Stats commands;
  };
  Snapshot snapshot () const;

private:
  using Links = std::array<std::optional<Where>, n_media_types>;
  struct Stream {
    StreamInfo info; // with our number
    std::uint16_t theirs = 0;
    bool confirmed = false;                   // listed by the link of its own type
    std::optional<Where> home;                // the sender's link that brings it
    std::map<std::uint64_t, Where> listeners; // by link
  };
  struct SourceEntry {
    Source told; // but for its streams and running time
    bool list_complete = false;
    std::string guid_to, group, peer, kicked; // kicked: why
    std::map<std::uint16_t, Stream> streams;  // by our number
    Links links;
    std::int64_t running_time = no_time;
    TimePoint clock_at{};
    std::unique_ptr<Timer> resume;
    std::shared_ptr<Bandwidth> bandwidth;
    std::map<std::string, std::uint8_t> visible; // receivers that know of it → media types
    std::optional<bool> told_heard;              // it was told that it has receivers, or has none

    bool connected () const;
    bool all_eos () const;
  };
  struct Tap { // what it takes: of this sender, to whomever that sends
    std::string guid;
    std::uint8_t types;
  };
  struct ReceiverEntry {
    std::uint64_t run_id = 0, session_key = 0;
    std::string peer, kicked; // kicked: why
    std::uint8_t media_types = 0;
    Links links;
    std::optional<Tap> tap; // it is no client
    bool connected () const;
  };
  struct LinkEntry {
    LinkRole role;
    MediaType type;
    std::uint32_t source = 0; // a sender's
    std::string guid;         // a receiver's
  };

  struct FileEntry {
    Where sender;
    std::set<std::string> receivers;
  };
  struct Waiting {
    Where link;
    Hello hello; // without its token
    std::string peer;
  };

  // Handshakes (hub.cpp)
  void on_sender (Where link, const Hello &h, const std::string &peer);
  void attach (SourceEntry &s, Where link, const Hello &h, const std::string &peer);
  void on_receiver (Where link, const Hello &h, const std::string &peer);
  bool check_receiver (Where link, const Hello &h, const std::string &peer);
  // Closes all of a client's links; false: it has none. kicked: where it is written why.
  bool finish (const Links &links, std::string &kicked, const std::string &why);
  void refuse (Where link, const Hello &h, const std::string &peer, RefuseCode code,
      const std::string &text);
  void ban_blocked (); // whom the application has blocked
  void prepare (Where link, const Role &role);
  void accept (Where link, const Hello &h);
  void displace (std::optional<Where> &slot, std::optional<Where> by);
  void stop_listening (Where link);
  void sender_ended (Where link, std::uint32_t number, MediaType type, const LinkEnd &end);
  void receiver_ended (Where link, const std::string &guid, MediaType type, const LinkEnd &end);
  void tell_client (ClientEvent::What what, LinkRole role, const std::string &guid,
      const std::string &peer, const std::string &reason = {});

  // What the router has to say, after each call of it.
  void look_after_router ();
  void take_router_events ();
  void on_router_event (const RouterEvent &e);

  // Commands (hub_commands.cpp)
  static Envelope address (const SourceEntry &s, Envelope e);
  CommandExchange::Targets command_targets (const std::string &from, const Envelope &e) const;
  bool takes_commands (const std::string &guid) const;
  void send_commands (); // after each call of the exchange
  // Files (hub_files.cpp)
  FileStatus find_receivers (
      Where sender, const FileBegin &b, std::vector<FileJob::Receiver> &all) const;
  void set_file_link (const std::string &guid, std::optional<Where> link);

  // What is kept (hub_state.cpp)
  void answer (Where link, const MessageRef &m);
  void write_state ();
  void state_written (const std::string &error);
  void finish_state ();

  // Sources (hub_sources.cpp)
  SourceEntry *source_of (const Hello &h, bool &duplicate);
  SourceEntry *make_source (const Hello &h, const std::string &peer);
  void take_over (SourceEntry &s, const Hello &h);
  bool update_streams (SourceEntry &s, const StreamList &list, MediaType from);
  std::size_t stream_limit (const SourceEntry *s) const;
  void add_stream (SourceEntry &s, const StreamInfo &info);
  void set_home (SourceEntry &s, MediaType type, std::optional<Where> home);
  std::vector<NumberedStream> numbered (const SourceEntry &s, MediaType type) const;
  void break_source (SourceEntry &s, bool idle);
  void remove_source (std::uint32_t number);
  bool make_room ();

  // Routes (hub_routes.cpp)
  void route (SourceEntry &s);                          // to all receivers
  void route (SourceEntry &s, const std::string &guid); // to this one
  std::uint8_t types_for (
      const SourceEntry &s, const std::string &guid, const ReceiverEntry &r) const;
  void tell_all (SourceEntry &s); // it has changed
  void tell (const ReceiverEntry &r, const MessageRef &m);
  void tell_link (Where link, const MessageRef &m);
  void join (SourceEntry &s, const ReceiverEntry &r, std::uint8_t types);
  void leave (SourceEntry &s, const ReceiverEntry &r, std::uint8_t types);
  void hide (SourceEntry &s, const std::string &guid);
  void tell_senders (); // who has receivers and who has none, when that has changed
  MessageRef message_of (const SourceEntry &s, std::uint8_t types, SourceState state) const;

  MediaServer &server_;
  Router router_;
  CommandExchange commands_;
  std::unique_ptr<Timer> router_timer_, commands_timer_;
  const std::uint64_t run_id_, session_key_;
  std::map<std::uint32_t, std::unique_ptr<SourceEntry>> sources_;
  std::map<std::string, ReceiverEntry> receivers_; // by guid; taps by what no guid can be
  std::size_t n_taps_ = 0;
  std::map<std::uint64_t, Waiting> waiting_; // for a verdict, by link; at most 10 s: see LinkCore
  std::map<std::uint64_t, LinkEntry> links_;
  std::map<std::uint64_t, FileEntry> files_; // on their way
  std::uint64_t next_file_ = 1;
  const TimePoint started_ = Clock::now ();
  std::set<std::uint16_t> numbers_; // of streams, in use
  std::uint16_t next_number_ = 1;
  std::uint32_t next_source_ = 1;
  bool audiences_changed_ = false;
  Snapshot counters_;
  bool stopped_ = false;

  // Answers that wait for the disk, in order; the first `covered_` are true with what is being
  // written.
  std::deque<std::pair<Where, MessageRef>> held_;
  std::size_t held_bytes_ = 0, covered_ = 0;
  bool state_dirty_ = false, state_writing_ = false;
  std::string state_error_;           // of the last write
  std::unique_ptr<SerialQueue> disk_; // joined before the rest goes
};
} // namespace reach::cam
