// SPDX-License-Identifier: LGPL-2.1-or-later
// One HTTP/1.1 connection of a server: reads requests, one at a time, and writes what the channel
// that has the present request wants to answer. Loop thread only.
#pragma once
#include "common/proto/http1.h"
#include "common/stream_socket.h"
#include <optional>

namespace reach::cam {
class HttpChannel;

class HttpServerConnection final : StreamSocket::Owner {
public:
  class Routes {
  public:
    virtual ~Routes () = default;
    // A POST's head is there: attach (), park () or refuse () it.
    virtual void on_post (HttpServerConnection &) = 0;
    // Any other request is complete: attach () it and answer, or refuse () it.
    virtual void on_request (HttpServerConnection &) = 0;
    // The connection is closed. Destroy it later: it may be the caller's caller.
    virtual void on_connection_over (HttpServerConnection &) = 0;
  };
  struct Limits {
    http::Limits http;
    milliseconds head{10000};      // from the first byte of a request to the end of its head
    milliseconds body{30000};      // from there to the end of its body
    milliseconds idle{60000};      // between two requests
    std::size_t stash = 128 << 10; // input that has to wait for its turn
  };
  // What a POST's query said, for the channel that takes it.
  struct Post {
    std::uint64_t seq = 0, skip = 0;
    milliseconds wait{};
    bool repeat = false, end = false;
  };

  HttpServerConnection (Loop &loop, Routes &routes, const Limits &limits, int fd,
      std::unique_ptr<TlsSession> tls = {});
  ~HttpServerConnection () override;
  void take (Bytes before); // bytes that were read from the descriptor already

  const http::Request &request () const { return parser_.request (); }
  std::string peer () const { return socket_.peer (); }
  TlsInfo security () const { return socket_.tls_info (); }
  Post post;

  void attach (HttpChannel &channel);
  void detach () { channel_ = nullptr; } // the channel is gone; it has answered or aborted before
  void park ();                          // the body waits until unpark (), which asks on_post again
  void unpark ();

  // A whole answer; nothing of it for 204.
  void respond (unsigned status, std::vector<Slice> body, bool stream_over);
  void refuse (unsigned status, std::string_view sentence);
  void respond_head_only (); // to HEAD
  // An answer that goes on: chunked, or until the connection closes for HTTP/1.0.
  void stream_begin ();
  void stream (std::vector<Slice> pieces, std::size_t bytes);
  void stream_end (); // its orderly end; the connection closes with it
  void abort ();

  // No channel has taken a request of it yet.
  bool stranger () const { return !known_; }
  TimePoint since () const { return since_; }
  bool open () const { return state_ != State::closed; }
  std::size_t room () const;
  std::size_t queued () const { return socket_.queued (); }
  std::uint64_t bytes_sent () const { return socket_.bytes_sent (); }
  std::uint64_t bytes_received () const { return socket_.bytes_received () + before_; }

private:
  enum class State : std::uint8_t { reading, parked, answering, streaming, closing, closed };

  void on_connected () override {}
  void on_input (Bytes bytes) override;
  void on_writable () override;
  void on_closed (int error) override;

  void process (Bytes in);
  bool may_go_on ();
  void stash (Bytes in);
  void resume ();
  void on_head ();
  void on_end ();
  void on_fault ();
  void answered ();
  void over ();
  void queue_text (std::string text);

  Loop &loop_;
  Routes &routes_;
  const Limits limits_;
  mutable StreamSocket socket_; // asking whether it is congested may arm its watch
  http::RequestParser parser_;
  Timer deadline_;
  Timer resume_; // goes on with stashed input from the loop, not from within a channel's call
  State state_ = State::reading;
  HttpChannel *channel_ = nullptr;
  std::optional<std::pair<unsigned, std::string>> refusal_; // told at the end of the body
  std::vector<std::uint8_t> stash_;
  std::uint64_t before_ = 0;
  unsigned answers_ = 0; // in this turn of the loop
  bool keep_alive_ = true, head_only_ = false, chunked_ = false, was_parked_ = false,
       known_ = false;
  const TimePoint since_ = Clock::now ();
};
} // namespace reach::cam
