// SPDX-License-Identifier: LGPL-2.1-or-later
// Where an element and its application talk about connections: decisions and calls as signals or
// as messages that are answered later, events, and the actions. The same for rtmpserversrc and
// rtmpserversink; each has one.
#pragma once
#include "net/connection.h"
#include "ordered_pool.h"
#include "values.h"
#include <gst/gst.h>

namespace reach::rtmp {
enum DeskFlags : guint { // what is asked by message, see the property deferred-requests
  desk_connect = 1,
  desk_stream = 2,
  desk_publish = 4,
  desk_play = 8,
  desk_pause = 16,
  desk_call = 32,
};
GType desk_flags_type ();

class Desk {
public:
  static constexpr std::size_t max_properties = 64;           // of a connection
  static constexpr std::size_t max_property_bytes = 4u << 10; // of one, key and value

  explicit Desk (GstElement *element) : element_ (element) {}
  void begin_run (); // before the endpoint is added
  void end_run ();   // after it was removed: all that has happened is told

  std::atomic<guint> deferred{0};

  // Loop thread. Each answers Connection::decide () or answer (), now or later.
  void connect (Connection &c, RequestId id);
  void stream (Connection &c, RequestId id);
  void publish (Connection &c, const PublishRequest &r);
  void play (Connection &c, const PlayRequest &r);
  void pause (Connection &c, const PauseRequest &r, const std::string &name);
  void call (Connection &c, const CallRequest &r);
  // Loop thread: what has happened.
  void call_result (Connection &c, const CallResult &r);
  void closed (Connection &c, const ConnectionEnd &end);
  void refused (Connection &c); // one that was never ours is gone
  // An event, as signal and message: `name` of both, and further fields (transfer full) beside the
  // connection's.
  void tell (Connection &c, const char *signal, const char *message, GstStructure *fields);

  // Actions; any thread. False: there is no such connection, or as their documentation says.
  bool respond (std::uint64_t request, bool accept, const GstStructure *reply);
  bool call_client (std::uint64_t connection, const char *name, const GstStructure *arguments,
      GstPromise *promise);
  bool send_status (std::uint64_t connection, guint stream, const Status &s);
  bool set_property (std::uint64_t connection, const std::string &key, const char *value);
  CharPtr property (std::uint64_t connection, const std::string &key);
  bool disconnect (std::uint64_t connection, const std::string &description);
  bool redirect (std::uint64_t connection, const std::string &url);

  // Adds `connections`, an array of structures, to the statistics.
  void add_stats (GstStructure *stats);

private:
  struct Client { // a connection that something was asked about
    ConnectionHandle handle;
    StructurePtr info;
    std::map<std::string, std::string> properties;
    std::map<std::uint32_t, std::shared_ptr<GstPromise>> calls; // by transaction
    std::deque<std::uint64_t> questions;                        // of State, oldest first
    bool gone = false; // nobody waits for decisions any more
  };
  struct Question { // a decision that waits for respond ()
    std::uint64_t connection;
    RequestId request;
    bool is_call;
  };
  struct State {
    std::map<std::uint64_t, Client> clients;
    std::map<std::uint64_t, Question> questions;
    std::uint64_t last_question = 0;
  };
  struct Details {
    StructurePtr request;
    StructurePtr user; // of connect
  };
  struct Ask { // of the application
    guint flag;
    const char *signal;
    RequestId id;
    std::string detail;                // of a call: the procedure's name
    std::function<Details ()> details; // made by the thread that asks
    std::size_t memory = 0;            // that this holds, roughly
  };
  // Those of a connection that can be answered; what it has withdrawn counts too.
  static constexpr std::size_t max_questions = 256;

  void meet (Connection &c);
  bool is_asked (guint flag, const char *signal, const std::string &detail);
  void unasked (Connection &c, guint flag, RequestId id);
  void ask (Connection &c, Ask a);
  void defer (Connection &c, Ask a);
  void emit_decision (const ConnectionHandle &h, const Ask &a, const GstStructure *connection);
  void emit_call (const ConnectionHandle &h, const Ask &a, const GstStructure *connection);
  void forget (std::uint64_t connection);
  StructurePtr info_of (std::uint64_t connection, bool also_gone);
  ConnectionHandle handle_of (std::uint64_t connection);
  void post_message (GstStructure *s);

  GstElement *element_;
  std::shared_ptr<OrderedPool> pool_;
  Guarded<State> state_;
  std::atomic<bool> ending_{false}; // nobody is asked any more
};

// The element's desk; each of the two elements gives its own.
struct DeskClass {
  Desk &(*desk_of) (gpointer element);
  bool publishes, plays; // which of the signals it has
};
void install_desk (GObjectClass *klass, const DeskClass &c, guint deferred_property);
} // namespace reach::rtmp
