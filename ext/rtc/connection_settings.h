// SPDX-License-Identifier: LGPL-2.1-or-later
// What applications choose of peer connections, the same for rtcpeer and rtcpool.
#pragma once
#include "peer/peer_connection.h"
#include "signalling/proto/link_header.h"
#include "threads.h"

namespace reach::rtc {
enum class DtlsChoice : std::uint8_t { automatic, client, server };

struct ConnectionSettings {
  std::string signalling_uri, signalling_token;
  std::string tls_ca_file;
  bool tls_verify = true;
  std::string ice_servers; // URIs with commas between
  std::string stun_server; // as webrtcbin has it
  std::vector<std::string> turn_servers;
  bool relay_only = false, ice_tcp = true;
  guint min_port = 0, max_port = 0, max_pairs = 100;
  std::string certificate, key;
  DtlsChoice role = DtlsChoice::automatic;
  guint latency = 200, silence = 30000; // ms
  bool depayload = true, adapt = false, datagrams = false, dtls = true;
  guint min_bitrate = 100'000, max_bitrate = 10'000'000, start_bitrate = 1'000'000; // bit/s
  std::string video_codecs, audio_codecs; // names with commas between; empty: all
};

// What a server of signalling names, as in `ice-servers`. Empty: it may be used; else what is
// wrong.
std::string read_ice_link (const IceLink &link, IceServer &server);

// False: an ERROR was posted that says what is wrong.
bool make_peer_config (
    GstElement *element, const ConnectionSettings &s, PeerThreads &threads, PeerConfig &config);
} // namespace reach::rtc
