// SPDX-License-Identifier: LGPL-2.1-or-later
// The HTTP side of a listening element: its connections, its paths, and the table of channels that
// live between requests (docs/protocol-cam-http.md). Loop thread only.
#pragma once
#include "http_channel.h"
#include "http_server_connection.h"
#include <array>
#include <unordered_map>

namespace reach::cam {

class HttpService final : HttpServerConnection::Routes {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    // A client opened a channel. start () it before returning, or drop it.
    virtual void on_http_transport (std::unique_ptr<Transport> transport, MediaType type) = 0;
    // The hello message (with its header) that is meant when a client pulls without one. Empty:
    // there must be one.
    virtual std::vector<std::uint8_t> default_hello (MediaType type) = 0;
  };
  struct Config {
    bool pull = false, push = false; // which paths exist
    std::size_t channels = 512, connections = 1024;
    // Per type: how long a channel lives without a request. Negative: as long as `forever`.
    std::array<milliseconds, n_media_types> timeouts{milliseconds (3000), milliseconds (3000),
        milliseconds (10000), milliseconds (15000), milliseconds (10000)};
    milliseconds forever{600000};
    std::size_t complete_bytes = 4u << 20; // one complete answer, and what waits for it
    HttpServerConnection::Limits connection{{.body = 1u << 20}};
    std::shared_ptr<const TlsContext> tls; // null: plaintext
  };

  HttpService (Loop &loop, StorageSource &storage, Config config, Owner &owner);
  ~HttpService ()
      override; // channels that are still there get on_closed from the loop, not from here

  // Whether a connection that starts so is HTTP; nothing while there are too few bytes.
  static std::optional<bool> is_http (Bytes first);
  // Takes an accepted connection over, and what was read from it already.
  void take (StreamSocket::Detached accepted, Bytes before);
  // The same for one that nobody has looked at.
  void take (int fd) { take ({fd, config_.tls ? config_.tls->session () : nullptr}, {}); }

  Loop &loop () { return loop_; }
  StorageSource &storage () { return storage_; }
  const Config &config () const { return config_; }
  Duration patience (MediaType type) const;
  std::size_t n_channels () const { return channels_.size (); }
  std::size_t n_connections () const { return connections_.size (); }

  // From channels.
  void add (HttpChannel &c);
  void remove (HttpChannel &c);

private:
  void on_post (HttpServerConnection &c) override;
  void on_request (HttpServerConnection &c) override;
  void on_connection_over (HttpServerConnection &c) override;

  void post_push (HttpServerConnection &c, std::string_view type, const http::Query &q);
  void get_pull (HttpServerConnection &c, std::string_view type, const http::Query &q);
  void open_pull (HttpServerConnection &c, MediaType type, const http::Query &q);
  void drop_stranger ();
  Shares::Place place_for_channel (HttpServerConnection &c); // none: it was refused
  HttpChannel *find (const std::string &id);
  void refuse_path (HttpServerConnection &c);

  Loop &loop_;
  StorageSource &storage_;
  const Config config_;
  Owner &owner_;
  std::unordered_map<HttpServerConnection *, std::unique_ptr<HttpServerConnection>> connections_;
  Shares strangers_{config_.channels};
  std::vector<HttpChannel *> channels_;
  std::unordered_map<std::string, HttpChannel *> by_id_;
};
} // namespace reach::cam
