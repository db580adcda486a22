// SPDX-License-Identifier: LGPL-2.1-or-later
// What both engines are told: a snapshot of the element's properties, taken once per run.
#pragma once
#include "cam/proto/link_core.h"
#include "cam/proto/media_queue.h"
#include "common/tls.h"
#include <array>
#include <string>
#include <vector>

namespace reach::cam {
enum class Protocol { udp, tcp, http };
enum class Mode { caller, listener };

// An entry of the `senders` property: whom to pull from, or whom to accept. Empty or 0 matches all.
struct SenderEntry {
  std::string host;
  std::uint16_t port = 0;
  std::string guid;
};

struct Identity {
  std::string guid, guid_to, guid_group;
  std::string token; // for a media server; a secret
  bool use_guid = true;
  bool temporary = false; // the guid was made up for this run
};

// What the tls properties say. A passphrase turns TLS on by itself: whoever sets one means it.
struct TlsSettings {
  bool on = false, verify = true;
  std::string certificate, key, ca_file, fingerprints, passphrase;
  bool wanted () const { return on || !passphrase.empty (); }
};

struct Settings {
  Protocol protocol = Protocol::tcp;
  Mode mode = Mode::caller;
  std::string host = "127.0.0.1";
  std::uint16_t port = 7100;
  std::string bind_address = "0.0.0.0";
  std::vector<SenderEntry> senders;
  Duration latency = milliseconds (125);
  std::uint8_t media_types = all_types;
  std::array<Duration, n_media_types> timeouts{
      seconds (3), seconds (3), seconds (10), seconds (15), seconds (10)};
  Duration idle_timeout = seconds (10); // LinkCore::forever = never
  Duration poll_interval{};
  Duration resume_window = seconds (15);
  Duration drain_timeout = seconds (3);
  bool reconnect = true;
  MediaQueue::Limits queue{.max_bytes = 8u << 20};
  std::string proxy, proxy_id, proxy_pw;
  TlsSettings tls;
  std::shared_ptr<const TlsContext> tls_context; // made by secure (); null: plaintext
  std::size_t max_links = 5000;                  // accepted connections
  Duration timeout (MediaType t) const { return timeouts[static_cast<std::size_t> (t)]; }
};

// For hello messages: 0 = no limit.
inline std::uint32_t timeout_ms (Duration d)
{
  return d == LinkCore::forever
             ? 0
             : static_cast<std::uint32_t> (std::chrono::duration_cast<milliseconds> (d).count ());
}

// Keys of sessions, links and runs: never used twice within a process, and by chance nowhere
// else. They are no secrets.
std::uint64_t new_key ();
} // namespace reach::cam
