// SPDX-License-Identifier: LGPL-2.1-or-later
// What a media server is told: a snapshot of the element's properties, taken once per run.
#pragma once
#include "cam/net/settings.h"
#include "cam/proto/router_types.h"
#include <set>
#include <string>

namespace reach::cam {
constexpr std::size_t max_taps = 256; // local receivers, beyond the clients

struct ServerSettings {
  std::string bind_address = "0.0.0.0";
  std::uint16_t port = 7100;        // TCP and HTTP; 0 picks one
  int udp_port = 7100;              // 0 picks one, -1 = no UDP
  unsigned loops = 0;               // 0 = one per core
  std::size_t gop_cache = 4u << 20; // bytes per video stream, 0 = none
  Duration resume_window = seconds (15);
  std::size_t max_clients = 1000;
  std::size_t max_groups = 1000;
  bool list_users = false;       // for who asks
  std::uint64_t max_bitrate = 0; // of one sender's media, bits per second; 0 = no limit
  bool store_in_files = false;   // what waits
  std::string store_directory;   // empty: the system's for temporary files
  bool replace_duplicates = true;
  KeepClientInfo keep = KeepClientInfo::never;
  std::string state_file; // empty: what is kept ends with the run
  // Bytes that may wait for one receiver, by type, and how long media may. Of files: that are held
  // of one on its way.
  std::array<std::size_t, n_media_types> buffer{
      800u << 10, 1600u << 10, 8000u << 10, 800u << 10, 2u << 20};
  std::uint64_t max_file_size = 0; // 0 = no limit
  Duration max_queue_time = seconds (1);
  std::array<Duration, n_media_types> timeouts{
      seconds (3), seconds (3), seconds (10), seconds (15), seconds (10)};
  Duration latency = milliseconds (125); // recovery over UDP
  std::size_t max_command = cam::max_command;
  unsigned max_command_rate = 0; // commands per second of a client, 0 = no limit
  // What a receiver has to acknowledge a command, or to come back: less than senders wait.
  Duration command_patience = seconds (10);
  std::set<std::string> blocked; // guids that are not let in
  std::string user_file;         // whom else; empty: nobody is asked for a token
  TlsSettings tls;
  std::shared_ptr<const TlsContext> tls_streams, tls_datagrams; // made of those; null: plaintext

  Duration timeout (MediaType t) const { return timeouts[static_cast<std::size_t> (t)]; }
  std::size_t max_links () const { return 10 * max_clients + 16; }
};
} // namespace reach::cam
