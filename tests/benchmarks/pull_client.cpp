// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pull_client.h"
#include "common/proto/bytes.h"
#include <cstdio>

namespace reach::bench {
namespace {
class RawPull final : public PullClient {
public:
  std::string greeting (std::uint64_t) const override { return {}; }
  std::string answer (State &, std::int64_t) const override { return {}; }
};

// The messages hello and request of docs/protocol-cam.md, written out here: the bytes on the wire
// are the contract, not the library's encoder.
class CamPull final : public PullClient {
public:
  std::string greeting (std::uint64_t reader) const override
  {
    ByteWriter w;
    w.u32 (0x52434d31); // "RCM1"
    w.u16 (1);          // version
    w.u8 (1);           // role: receiver
    w.u8 (0);           // this link: video
    w.u8 (1u << 0);     // the session: video only
    w.u8 (0);
    w.u64 (run_id);
    w.u64 (reader + 1); // session key
    w.u64 (reader + 1); // link key
    w.i64 (INT64_MIN);  // running time: none
    w.i64 (0);
    w.u32 (200); // latency, ms
    w.u32 (0);   // no timeout: the sender need not ping
    for (int i = 0; i < 4; i++)
      w.u16 (0); // guid, guid-to, guid-group, number of streams
    return message (1, w.take ()) + request (window);
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

private:
  static constexpr std::uint64_t run_id = 0x62656e6368;
  static constexpr std::uint32_t window = 4u << 20;
  static constexpr std::int64_t second = 1'000'000'000;

  static std::string message (std::uint8_t kind, const std::vector<std::uint8_t> &body)
  {
    ByteWriter w;
    w.u8 (kind);
    w.u8 (0);
    w.u16 (0);
    w.u32 (static_cast<std::uint32_t> (body.size ()));
    w.bytes (body);
    const auto all = w.take ();
    return {all.begin (), all.end ()};
  }
  static std::string request (std::uint32_t bytes)
  {
    ByteWriter w;
    w.u32 (bytes);
    return message (7, w.take ());
  }
};
} // namespace

std::unique_ptr<PullClient> make_pull_client (const std::string &protocol)
{
  if (protocol == "raw")
    return std::make_unique<RawPull> ();
  if (protocol == "cam")
    return std::make_unique<CamPull> ();
  std::fputs ("reach-bench: no such --protocol\n", stderr);
  return nullptr;
}
} // namespace reach::bench
