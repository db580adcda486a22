// SPDX-License-Identifier: LGPL-2.1-or-later
// Pull from a media server, at the receiver: one link per media type brings the streams of many
// senders. Each of these sources is a Remote with its own clock; all share the links.
#pragma once
#include "cam/proto/source.h"
#include "link.h"
#include "remote.h"

namespace reach::cam {
class ReceiverEngine;

class RelaySources final {
public:
  // origin: names the server for sources without a guid.
  RelaySources (ReceiverEngine &engine, std::string origin)
      : engine_ (engine), origin_ (std::move (origin))
  {
  }

  void begin (std::uint64_t our_session_key); // a new session: the server's numbers start anew
  void linked (MediaType type, Link &link);   // established
  void on_received (MediaType from, Link &link, Incoming m);
  void unlinked (MediaType type);
  Remote &server () { return server_; } // which commands come from
  Remote &files () { return files_; }

private:
  // Links are not ordered among each other, so each of them tells of every source, and what a link
  // says of a run or an end that another one has overtaken does not count.
  struct Known {
    std::uint64_t remote_id = 0, former_run = 0;
    std::array<std::uint64_t, n_media_types> run{}; // that this link's frames belong to
    std::uint8_t ended = 0;                         // the links that have told its end
  };

  void on_source (MediaType from, const Source &s);
  void on_gone (Known &k, MediaType from);
  Remote *attach (Known &k, const Source &s);
  Remote *find_resumable (const Source &s);
  void set_away (Remote &r, const Source &s);
  void on_stream_message (MediaType from, Link &link, Incoming m);
  std::string origin_of (const Source &s) const;

  ReceiverEngine &engine_;
  const std::string origin_;
  std::uint64_t our_session_key_ = 0;
  std::array<Link *, n_media_types> links_{};
  std::map<std::uint32_t, Known> sources_;         // by the server's source number
  std::map<std::uint16_t, std::uint32_t> streams_; // the server's stream number → source number
  Remote server_;                                  // without streams; not among the engine's
  // The same for files; another one in each session, as what is written of a former link is not
  // acknowledged over a new one.
  Remote files_;
};
} // namespace reach::cam
