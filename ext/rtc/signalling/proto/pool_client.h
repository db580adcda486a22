// SPDX-License-Identifier: LGPL-2.1-or-later
// One membership of a pool at the client's end, in both versions of the protocol
// (docs/protocol-signalling.md). Sans-IO, and without time: say what the server has sent, and take
// events until there are none; calls give the message to send, or nothing when there is none to be
// sent. What cannot be read, or names somebody who is not in the pool, is ignored.
//
// Without a version given, both are understood. Some servers say everything in both, so the second
// copy of a description is left out. To a peer goes the version that it was last heard in; before
// that the second, unless the server has announced somebody in the first alone.
#pragma once
#include "json_text.h"
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <variant>
#include <vector>

namespace reach::rtc {
class PoolClientCore {
public:
  struct Limits {
    std::size_t peers = 1024;           // further ones are ignored
    std::size_t name = 256;             // bytes of an id, of a pool's name, of a message's type
    std::size_t message = 4 << 20;      // bytes that come; rtc:joined names all members
    std::size_t sdp = 256 << 10;        // bytes
    std::size_t candidate = 4096;       // bytes of one, with what belongs to it
    std::size_t description = 64 << 10; // bytes of JSON; a longer one counts as none
    std::size_t sent = 1 << 20;         // bytes of a message that goes
    unsigned depth = json::max_depth;
  };
  struct Message {
    std::string type, data; // data: JSON of an object
  };
  struct Candidate {
    std::string text; // "candidate:…"; empty: there are no more
    std::string mid;
    int mline = -1;
    std::string ufrag;
  };
  struct Peer {
    std::string id, description; // JSON of an object as it came; empty: none
  };

  struct Joined {
    std::string id, pool;
    std::vector<Peer> there; // in the order of joining
  };
  struct PeerJoined {
    std::string id;
  };
  struct PeerDescribed {
    std::string id, description; // as in Peer
  };
  struct PeerClosed {
    std::string id;
  };
  struct Described { // a session, by a peer
    std::string peer, type, sdp;
  };
  struct CandidateCame {
    std::string peer;
    Candidate candidate;
  };
  struct Stopped {}; // the last event
  struct Error {
    std::string message; // in words; never empty
    std::string reason;  // a word for programs; empty when the server gives none
    bool refused;        // it is the answer to join (), which can be tried again
  };
  struct AppMessage {
    std::string type, data; // data: JSON of any kind
  };
  using Event = std::variant<Joined, PeerJoined, PeerDescribed, PeerClosed, Described,
      CandidateCame, Stopped, Error, AppMessage>;

  // version: 1, 2, or 0 for both.
  PoolClientCore (unsigned version, const Limits &limits);
  explicit PoolClientCore (unsigned version) : PoolClientCore (version, Limits{}) {}

  // A message of the server's; data: its JSON.
  void input (std::string_view type, std::string_view data);
  // The same as raw WebSocket carries it, {"type": …, "data": …}.
  void input_text (std::string_view text);
  void input (std::string_view type, const json::Value &data);
  std::optional<Event> poll_event ();

  std::optional<Message> join (const std::string &pool); // nothing: joining, joined, or over
  // type: offer, answer; in version 2 pranswer and rollback, too.
  std::optional<Message> description (
      const std::string &peer, const std::string &type, const std::string &sdp) const;
  std::optional<Message> candidate (const std::string &peer, const Candidate &c) const;
  // type: not "rtc:" and a word. json: an object.
  std::optional<Message> app_message (const std::string &type, const std::string &json) const;

  bool joined () const { return state_ == State::joined; }
  std::size_t peers () const { return peers_.size (); }

private:
  enum class State : std::uint8_t { idle, joining, joined, over };
  enum class Version : std::uint8_t { unknown, v1, v2 };
  struct Known {
    Version version = Version::unknown;
    // The last description, until its copy in the other version has come.
    Version last_in = Version::unknown;
    std::size_t last = 0; // its hash
  };
  using Data = json::Value;
  using Handler = void (PoolClientCore::*) (const Data &);
  struct Entry {
    Handler handler;
    Version version; // unknown: of both
  };
  static const Entry *entry_of (std::string_view type);
  void on_joined (const Data &data);
  void on_peer (const Data &data);
  void on_request_offers (const Data &data);
  void on_sdp (const Data &data);
  void on_offer (const Data &data);
  void on_answer (const Data &data);
  void on_candidate (const Data &data);
  void on_describe (const Data &data);
  void on_close (const Data &data);
  void on_stop (const Data &data);
  void on_error (const Data &data);
  void on_description (
      const std::string &peer, const Data &description, Version v, const char *implied);
  bool is_copy (Known &from, Version v, std::string_view type, std::string_view sdp);
  std::optional<std::string> name_of (const std::optional<Data> &v) const;
  std::optional<std::string> id_of (const Data &data) const;
  std::string description_of (const std::optional<Data> &v) const;
  Known *add (const std::string &id);
  Known *find (const std::optional<std::string> &id);
  std::optional<Message> message (const char *type, std::string data) const;

  const Limits limits_;
  const Version only_; // unknown: both
  State state_ = State::idle;
  bool first_alone_ = false; // the server has announced somebody in version 1 alone
  std::string asked_, id_;
  std::unordered_map<std::string, Known> peers_;
  std::deque<Event> events_;
};
} // namespace reach::rtc
