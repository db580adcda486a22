// SPDX-License-Identifier: LGPL-2.1-or-later
// A media server: the relays, one per loop, their hub, and the doors that clients come in by.
#pragma once
#include "cam/net/http_service.h"
#include "cam/net/transports.h"
#include "common/listener.h"
#include "doorman.h"
#include "hub.h"
#include "relay.h"
#include <atomic>

namespace reach::cam {

class MediaServer final : HttpService::Owner {
public:
  class Events { // from the hub's loop: must neither block nor call back
  public:
    virtual ~Events () = default;
    virtual void on_client (ClientEvent e) = 0;
    virtual void on_state_lost (std::string error) = 0; // it could not be written
    // None: respond () follows, from another thread, within 10 s.
    virtual std::optional<Verdict> on_login (Login login) = 0;
  };

  MediaServer (Events &events, ServerSettings settings);
  ~MediaServer () override; // says bye where it can without waiting, then closes everything

  // READY; false and `error` when it cannot. The ports are then known (0 = none).
  bool bind (std::string &error);
  bool open_store (std::string &error); // before start ()
  bool load (std::string &error);       // the state file, if there is one
  std::uint16_t port () const { return port_; }
  std::uint16_t udp_port () const { return udp_socket_.port (); }
  void start (); // PAUSED

  struct Snapshot {
    Hub::Snapshot hub;
    RelayCounters relays;
  };
  bool kick (const std::string &guid, const std::string &why); // any thread; false: not there
  // Any thread; who is there is kicked. False: no guid, too many, was not banned.
  bool ban (const std::string &guid, bool on);
  void take_tap (int fd); // any thread; owns it: the other end of a tap's connection
  void respond (std::uint64_t login, Verdict verdict); // any thread; a late one means nothing
  Snapshot snapshot ();                                // any thread; asks the loops

  // For its parts, any thread.
  const ServerSettings &settings () const { return settings_; }
  Events &events () { return events_; }
  Relay &relay (unsigned i) { return *relays_[i]; }
  void to_hub (std::function<void (Hub &)> task);
  std::atomic<std::size_t> &waiting_bytes () { return waiting_bytes_; } // of clients, for the hub

private:
  void on_http_transport (std::unique_ptr<Transport> transport, MediaType) override;
  std::vector<std::uint8_t> default_hello (MediaType) override { return {}; } // who would it be?
  void let_in (Doorman::Guest guest);
  template <typename F> void each_relay (F &&f);

  Events &events_;
  const ServerSettings settings_;
  int fd_ = -1;
  std::uint16_t port_ = 0;
  BoundSocket udp_socket_;
  std::vector<std::unique_ptr<Relay>> relays_;

  // On relay 0's loop.
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<HttpService> http_;
  std::unique_ptr<Doorman> doorman_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Acceptor> udp_;
  unsigned next_relay_ = 0;
  std::atomic<std::size_t> waiting_bytes_{0};
};
} // namespace reach::cam
