// SPDX-License-Identifier: LGPL-2.1-or-later
// Peers on TCP (RFC 6062): each has a connection of its own from us to the server, made when the
// server has one to the peer. To a wanted peer we connect, again and again; whoever has a
// permission may connect to us. Loop thread.
#pragma once
#include "path.h"
#include "stream_queues.h"
#include "turn/proto/data_connection.h"
#include <list>

namespace reach::turn {
class PeerStreams {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_stream_data (const stun::Address &peer, Bytes bytes) = 0;
    // It is bound, or was and is not any more; `why` for people. Also when one was refused.
    virtual void on_stream_open (const stun::Address &peer, bool incoming) = 0;
    virtual void on_stream_closed (const stun::Address &peer, const std::string &why) = 0;
    virtual void on_streams_asked () = 0; // the client has something to send
  };
  // How the server is reached.
  struct Way {
    reach::Address address;
    const TlsContext *tls = nullptr;
    std::string name;
  };
  static constexpr std::size_t max_streams = 64;

  PeerStreams (Loop &loop, Owner &owner, Client &client);
  ~PeerStreams ();

  void want (const stun::Address &peer); // with a port
  void forget (const stun::Address &peer);
  void begin (Way way); // an allocation is there
  void end ();          // it is gone, and all with it
  void finish ();       // what is queued is sent, then each is ended; no new ones
  bool empty () const { return streams_.empty (); }
  std::size_t open () const;
  // Of the client: PeerConnected, PeerRefused and TimedOut of Connect.
  void on_event (const Event &e);
  void send_queued (StreamQueues::Id id);
  void set_reading (bool on);

  // Where the peer's bytes go, or those of all from its address if it has no port.
  struct Route {
    Client::Route route = Client::Route::pending;
    StreamQueues::Id stream = 0;
  };
  std::vector<Route> routes (const stun::Address &peer) const;
  const std::shared_ptr<StreamQueues> &queues () const { return queues_; }

private:
  struct Wanted {
    stun::Address peer;
    bool asking = false, refused = false;
    unsigned failures = 0;
    TimePoint due{};
  };
  class Stream;

  void check ();
  void failed (const stun::Address &peer, bool for_good);
  void remove (Stream &s, const std::string &why);
  Wanted *wanted (const stun::Address &peer);
  Stream *stream_of (const stun::Address &peer) const;

  Loop &loop_;
  Owner &owner_;
  Client &client_;
  Way way_;
  const std::shared_ptr<StreamQueues> queues_ = std::make_shared<StreamQueues> ();
  std::vector<Wanted> wanted_;
  std::list<std::unique_ptr<Stream>> streams_;
  Timer timer_;
  bool active_ = false, reading_ = true;
};
} // namespace reach::turn
