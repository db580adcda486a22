// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pull_client.h"
#include "cam_times.h"
#include "common/proto/bytes.h"
#include "rtmp_image.h"
#include "rtmp_times.h"
#include "rtmp_words.h"
#include <cstdio>

namespace reach::bench {
namespace {
constexpr std::int64_t second = 1'000'000'000;

std::string text_of (const std::vector<std::uint8_t> &bytes)
{
  return {bytes.begin (), bytes.end ()};
}

class RawPull : public PullClient {
public:
  std::string greeting (std::uint64_t) const override { return {}; }
  std::string answer (State &, std::int64_t) const override { return {}; }
};

// The messages of docs/protocol-cam.md and docs/protocol-cam-server.md, written out here: the bytes
// on the wire are the contract, not the library's encoder.
class CamPull : public PullClient {
public:
  std::string greeting (std::uint64_t reader) const override
  {
    return hello ({.session = reader + 1, .link = reader + 1}) + request (window);
  }

  // Once a second: the credit used since, which also shows the sender that this reader lives.
  std::string answer (State &s, std::int64_t now) const override
  {
    if (now - s.answered_at < second || s.total == s.answered)
      return {};
    const auto used = s.total - s.answered;
    s.answered = s.total;
    s.answered_at = now;
    return request (static_cast<std::uint32_t> (used));
  }
  std::unique_ptr<FrameTimes> times () const override { return std::make_unique<CamTimes> (); }

protected:
  static constexpr std::uint64_t run_id = 0x62656e6368;
  static constexpr std::uint32_t window = 4u << 20;

  struct Who {
    std::string guid = {};
    std::uint64_t session = 0, link = 0;
    std::uint8_t type = 0, media_types = 1; // video
  };
  static std::string hello (const Who &who)
  {
    ByteWriter w;
    w.u32 (0x52434d31); // "RCM1"
    w.u16 (1);          // version
    w.u8 (1);           // role: receiver
    w.u8 (who.type);
    w.u8 (who.media_types);
    w.u8 (0);
    w.u64 (who.guid.empty () ? run_id : 0);
    w.u64 (who.session);
    w.u64 (who.link);
    w.i64 (INT64_MIN); // running time: none
    w.i64 (0);
    w.u32 (200); // latency, ms
    w.u32 (0);   // no timeout: the sender need not ping
    w.str16 (who.guid);
    for (int i = 0; i < 3; i++)
      w.u16 (0); // guid-to, guid-group, number of streams
    return message (1, w.take ());
  }
  static std::string message (std::uint8_t kind, const std::vector<std::uint8_t> &body)
  {
    ByteWriter w;
    w.u8 (kind);
    w.u8 (0);
    w.u16 (0);
    w.u32 (static_cast<std::uint32_t> (body.size ()));
    w.bytes (body);
    return text_of (w.take ());
  }
  static std::string request (std::uint32_t bytes)
  {
    ByteWriter w;
    w.u32 (bytes);
    return message (7, w.take ());
  }
};

// Clients of a media server, each with so many links: a video link, an audio link, …
class CamClient : public CamPull {
public:
  explicit CamClient (unsigned links) : links_ (links) {}
  std::string greeting (std::uint64_t reader) const override
  {
    const auto client = reader / links_;
    return hello ({.guid = client == 0 ? "source" : "reader-" + std::to_string (client),
        .session = client + 1,
        .link = reader + 1,
        .type = static_cast<std::uint8_t> (reader % links_),
        .media_types = static_cast<std::uint8_t> ((1u << links_) - 1)});
  }
  std::size_t first_header () const override { return 8; } // the welcome
  std::string after_first () const override { return request (window); }
  // Once a second, with or without credit to give.
  std::string answer (State &s, std::int64_t now) const override
  {
    if (now - s.answered_at < second)
      return {};
    const auto used = s.total - s.answered;
    s.answered = s.total;
    s.answered_at = now;
    return request (static_cast<std::uint32_t> (used));
  }
  bool keeps_alive () const override { return true; }

private:
  const unsigned links_;
};

class CamMember final : public CamClient {
public:
  CamMember () : CamClient (1) {}
  std::string after_first () const override
  {
    ByteWriter w;
    w.u32 (1); // request id
    w.u64 (0);
    w.str16 ("join-group");
    w.u16 (1);
    w.str16 ("group");
    w.u8 (7); // text
    const std::string group = "bench";
    w.u32 (static_cast<std::uint32_t> (group.size ()));
    w.bytes (as_bytes (group));
    return request (window) + message (12, w.take ());
  }
};

// A player that says all it has to say at once: a server needs none of its answers to be read.
class RtmpPlayer final : public PullClient {
public:
  explicit RtmpPlayer (bool plays) : plays_ (plays) {}
  std::string greeting (std::uint64_t) const override
  {
    return rtmp::first_hello () + rtmp::second_hello () + rtmp::connect () +
           (plays_ ? rtmp::create_stream () + rtmp::play ("bench") : std::string ());
  }
  // An acknowledgement for each half megabyte, as librtmp's players do.
  std::string answer (State &s, std::int64_t now) const override
  {
    if (s.total - s.answered < 500'000)
      return {};
    s.answered = s.total;
    s.answered_at = now;
    return rtmp::acknowledge (s.total);
  }
  std::unique_ptr<FrameTimes> times () const override
  {
    return std::make_unique<RtmpTimes> (RtmpMessages ());
  }

private:
  const bool plays_;
};

class RtmpRaw final : public RawPull {
public:
  std::unique_ptr<FrameTimes> times () const override
  {
    return std::make_unique<RtmpTimes> (RtmpMessages (0, loop_chunk_size));
  }
};
} // namespace

std::unique_ptr<PullClient> make_pull_client (const Options &options)
{
  const auto protocol = options.text ("protocol", "raw");
  if (protocol == "raw")
    return std::make_unique<RawPull> ();
  if (protocol == "cam")
    return std::make_unique<CamPull> ();
  if (protocol == "cam-client")
    return std::make_unique<CamClient> (static_cast<unsigned> (options.count ("links", 1)));
  if (protocol == "cam-group")
    return std::make_unique<CamMember> ();
  if (protocol == "rtmp")
    return std::make_unique<RtmpPlayer> (true);
  if (protocol == "rtmp-idle")
    return std::make_unique<RtmpPlayer> (false);
  if (protocol == "rtmp-raw")
    return std::make_unique<RtmpRaw> ();
  std::fputs ("reach-bench: no such --protocol\n", stderr);
  return nullptr;
}
} // namespace reach::bench
