// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of one RTMP connection: handshake, chunks, commands, NetStreams. Sans-IO, one
// thread: give it bytes, time and verdicts, and after each drain poll_event () and poll_transmit
// ().
//
// Who publishes or plays what is decided above: a request comes as an event and is answered by
// accept (), reject () or answer () whenever the verdict is there. A request that is gone by then
// is passed over. Meanwhile all other streams of the connection go on.
#pragma once
#include "chunk_reader.h"
#include "handshake.h"
#include "session_events.h"
#include "status.h"
#include "transmit_queue.h"
#include <deque>
#include <map>

namespace reach::rtmp {
class Session {
public:
  struct Config {
    Limits limits;
    Crypto crypto;
    std::uint32_t chunk_size = 16384;       // of what we send
    std::uint32_t window = 2500000;         // bytes after which the client is to acknowledge
    std::uint32_t peer_bandwidth = 2500000; // what the client may send unacknowledged
    Capabilities capabilities;              // ours; told to clients that tell theirs
    std::string server_version = "FMS/3,5,7,7009";
  };
  struct Stats {
    std::uint64_t bytes_in = 0, bytes_out = 0; // on the wire
    std::uint64_t bytes_acked = 0;             // of bytes_out, as the client says; wraps at 2^32
    std::uint64_t messages_in = 0;
    std::uint64_t ignored = 0; // messages of unknown types, or in the wrong place
    Duration round_trip{};     // of the last ping; zero: none was answered
    std::uint32_t chunk_size_in = 128, window_in = 0;
  };

  // `config` and `storage` outlive the session.
  Session (const Config &config, StorageSource &storage, TimePoint now);

  void input (Bytes in, TimePoint now); // any split is fine
  void timeout (TimePoint now);
  TimePoint poll_timeout () const; // TimePoint::max (): none
  std::optional<Event> poll_event ();
  Slice poll_transmit (); // empty: nothing

  // Verdicts. A rejected connect ends the session, with the description told to the client first.
  void accept (RequestId id, TimePoint now);
  void reject (RequestId id, const Status &why);
  // Of a call: _result or _error with these values behind a null command object.
  void answer (RequestId id, bool good, const std::vector<Value> &values);

  // Media to a player, by reference; false when it does not want this now. `m` is sent as it is
  // where it was made by frame () of a session with the same chunk size for the same stream id,
  // else it is framed again.
  bool send (std::uint32_t stream, const SharedChunksRef &m);
  SharedChunksRef frame (
      MessageType type, std::uint32_t timestamp, Slice payload, std::uint32_t stream) const;
  // Bytes of media and of replies that wait. A slow client is one where these do not shrink.
  std::size_t media_queued () const { return out_.media_bytes (); }
  std::size_t control_queued () const { return out_.control_bytes (); }
  bool waiting () const { return media_queued () > 0 || control_queued () > 0; }
  std::array<const void *, 2> places () const { return {out_.place (), &stats_.bytes_out}; }
  // Whole media messages of a stream that plays were written by the caller, with nothing waiting.
  void passed (std::size_t bytes) { stats_.bytes_out += bytes; }
  // Media of this player that has not begun is dropped.
  void drop_media (std::uint32_t stream) { out_.clear_media (stream); }

  // onStatus of a stream (0: of the connection), behind the media sent before.
  void send_status (std::uint32_t stream, const Status &s);
  // StreamBegin, StreamEOF and the like, behind the media sent before.
  void send_user_control (UserControl event, std::uint32_t stream);
  // Nobody is told: say why with send_status () first. The stream is idle then.
  void stop_stream (std::uint32_t stream);
  // A command of ours. With `wants_answer` its transaction, which CallResult has; 0: too many wait.
  std::uint32_t call (std::uint32_t stream, const std::string &name,
      const std::vector<Value> &arguments, bool wants_answer);
  // Asks the client to connect again, to `tc_url` if not empty. False: it does not know how.
  bool request_reconnect (const std::string &tc_url, const std::string &description);
  // Ends the session; what waits can still be sent.
  void close (std::string detail);

  // Pings wait, and acknowledgements unless the client has told a window. They would come behind
  // the end of a client that has closed while its kernel still sends, which drops the rest then.
  void set_quiet (bool on) { quiet_ = on; }

  bool ended () const { return phase_ == Phase::ended; }
  bool connected () const { return phase_ == Phase::connected; }
  Use use_of (std::uint32_t stream) const;
  const ConnectInfo &peer () const { return peer_; } // once connected
  Stats stats () const;

private:
  enum class Phase : std::uint8_t { handshake, connect, deciding, connected, ended };
  enum class Kind : std::uint8_t { connect, create, publish, play, pause, seek, call };
  struct Request {
    Kind kind;
    double transaction;
    std::uint32_t stream;
    std::string name;
    bool flag; // of play: reset; of pause: pause
  };
  struct NetStream {
    Use use = Use::idle;
    bool paused = false, audio = true, video = true;
    std::string name;
    std::vector<Message> held; // media in front of the verdict on publish
    std::size_t held_bytes = 0;
  };
  struct Command {
    std::uint32_t stream;
    std::string name;
    double transaction;
    std::vector<Value> values; // all of it
    std::size_t memory;        // that they take, roughly
    const Value &at (std::size_t i) const;
  };
  using Handler = void (Session::*) (Command &);
  static Handler handler_of (std::string_view name);

  // session.cpp
  void receive (Message m, TimePoint now);
  void receive_media (Message m);
  void deliver (NetStream &s, Message m);
  void end (EndReason why, std::string detail);
  void check_replies ();
  // session_control.cpp
  void receive_user_control (const Message &m, TimePoint now);
  void receive_bandwidth (const Message &m);
  void receive_acknowledgement (std::uint32_t sequence);
  void acknowledge ();
  void ping (TimePoint now);
  void send_control (MessageType type, ByteWriter body);
  // session_commands.cpp
  void receive_command (const Message &m);
  bool has_to_wait (const Command &c) const;
  void run (Command c);
  void run_held ();
  void on_connect (Command &c);
  void on_create_stream (Command &c);
  void on_release_stream (Command &c);
  void on_fc_publish (Command &c);
  void on_fc_unpublish (Command &c);
  void on_fc_subscribe (Command &c);
  void on_check_bandwidth (Command &c);
  void on_stream_length (Command &c);
  void on_result (Command &c);
  void on_status (Command &) {}
  void on_call (Command &c);
  // session_streams.cpp
  NetStream *stream_of (const Command &c, const char *failure);
  void on_publish (Command &c);
  void on_play (Command &c);
  void on_play2 (Command &c);
  void on_pause (Command &c);
  void on_seek (Command &c);
  void on_receive_audio (Command &c);
  void on_receive_video (Command &c);
  void on_close_stream (Command &c);
  void on_delete_stream (Command &c);
  void ask_play (Command &c, std::string_view name, double start, double duration, bool reset);
  void end_stream (std::uint32_t id, NetStream &s, bool deleted);
  std::uint32_t new_stream ();
  // session_replies.cpp
  RequestId add_request (Request r); // 0: too many, and it was refused
  std::optional<Request> take_request (RequestId id);
  void refuse (const Request &r, const Status &why);
  void accept_connect (const Request &r, TimePoint now);
  void accept_create (const Request &r);
  void accept_publish (const Request &r);
  void accept_play (const Request &r);
  void accept_pause (const Request &r);
  void send_command (std::uint32_t stream, const std::vector<Value> &values);
  void reply (double transaction, bool good, const std::vector<Value> &values);
  void status (std::uint32_t stream, const Status &s);
  void begin_stream (std::uint32_t stream);

  const Config &config_;
  Handshake handshake_;
  ChunkReader reader_;
  ChunkWriter writer_;
  TransmitQueue out_;
  static constexpr std::size_t kept_events = 64;
  std::deque<Event> events_;
  bool crowded_ = false; // there were more than that
  Phase phase_ = Phase::handshake;
  TimePoint start_, heard_, pinged_;
  ConnectInfo peer_; // while a verdict is awaited too
  std::map<std::uint32_t, NetStream> streams_;
  std::map<RequestId, Request> requests_;
  RequestId last_request_ = 0;
  std::size_t creating_ = 0;  // createStream waiting for a verdict
  std::vector<Command> held_; // commands that came before a verdict
  std::size_t held_bytes_ = 0;
  std::map<std::uint32_t, bool> calls_; // ours, waiting
  std::uint32_t last_call_ = 0;
  bool quiet_ = false, window_asked_ = false;
  bool fc_publish_ = false; // the client waits for onFCPublish
  std::uint32_t window_in_ = 0,
                window_told_ = 0; // bytes after which we, and the client, acknowledge
  std::uint32_t sequence_ = 0, sequence_told_ = 0; // bytes received, as acknowledgements count them
  Stats stats_;
};
} // namespace reach::rtmp
