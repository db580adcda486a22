// SPDX-License-Identifier: LGPL-2.1-or-later
// What is behind a cammediaserver element: its run, and what the run and the application tell each
// other.
#pragma once
#include "common/guarded.h"
#include "common/ref.h"
#include "common/serial_queue.h"
#include "server/login_queue.h"
#include "server/user_file.h"
#include "serverstats.h"
#include "taps.h"

namespace reach::cam {

class MediaServerImpl final : public MediaServer::Events {
public:
  explicit MediaServerImpl (GstElement *e) : element_ (e) {}

  // The element's state changes.
  bool ready (); // false: an ERROR was posted
  void start () { server ()->start (); }
  void stop ();

  // Any thread.
  GstStructure *stats ();                                              // transfer full
  std::shared_ptr<MediaServer> server () { return *server_->lock (); } // null: no run
  Taps &taps () { return taps_; }
  // False: no such client. Its connections are closed; it may come back.
  bool kick (const std::string &guid, const std::string &reason);
  // Also for runs to come. False: not a guid, too many, or (unblock) it was not blocked.
  bool block (const std::string &guid);
  bool unblock (const std::string &guid);

  Guarded<ServerSettings> settings;

private:
  using Run = Guarded<std::shared_ptr<MediaServer>>;

  Dial tap_dial () const;
  void on_client (ClientEvent e) override;
  void on_state_lost (std::string error) override;
  std::optional<Verdict> on_login (Login login) override;
  void respond (std::uint64_t login, Verdict verdict); // not from a loop: the run may end here
  bool use_tls (ServerSettings &s);
  bool read_users (const std::string &path);
  void look_at (const Login &login);
  std::optional<Verdict> ask_application (Login login);

  GstElement *element_; // owns us
  // Taps' receivers may end a little later than we.
  const std::shared_ptr<Run> server_ = std::make_shared<Run> ();
  Taps taps_{element_, tap_dial ()};
  Guarded<StructurePtr> last_stats_;
  std::unique_ptr<SerialQueue> events_;
  // Hashing takes its time, and neither sockets nor handlers wait for it.
  std::unique_ptr<UserFile> users_; // null: no file
  std::unique_ptr<LoginQueue> logins_;
};

// The element's signals, with its actions.
void install_server_signals (GType type);
MediaServerImpl &server_impl (gpointer element);
} // namespace reach::cam
