// SPDX-License-Identifier: LGPL-2.1-or-later
// SRTP and SRTCP of one peer: a session for each direction, of libsrtp. Each direction is used by
// one thread at a time; the two need not be the same. Errors are counted and never fatal: what
// cannot be read is as good as lost.
#pragma once
#include "common/proto/bytes.h"
#include "dtls.h"
#include <atomic>
#include <unordered_set>

struct srtp_ctx_t_;

namespace reach::rtc {
struct SrtpLimits {
  unsigned window = 1024;     // packets that may come late; 64 to 32767
  std::size_t sources = 1024; // SSRCs of a direction; each costs some KB
};

class Srtp {
public:
  static constexpr std::size_t max_packet = 65536;

  struct Counts {
    std::uint64_t passed = 0, replayed = 0, unauthentic = 0, malformed = 0, too_many_sources = 0;
  };

  virtual ~Srtp ();
  Srtp (const Srtp &) = delete;
  Srtp &operator= (const Srtp &) = delete;

  Counts counts () const; // any thread

protected:
  Srtp (Bytes key_and_salt, SrtpProfile profile, SrtpLimits limits, bool inbound);

  // An SSRC that is not known and for which there is no room is not let in.
  bool room_for (std::uint32_t ssrc) const;
  bool counted (int status, std::uint32_t ssrc);
  void malformed () { malformed_.fetch_add (1, std::memory_order_relaxed); }

  srtp_ctx_t_ *session_ = nullptr;
  const SrtpSizes sizes_;

private:
  const SrtpLimits limits_;
  std::unordered_set<std::uint32_t> sources_;
  std::atomic<std::uint64_t> passed_{0}, replayed_{0}, unauthentic_{0}, malformed_{0};
  mutable std::atomic<std::uint64_t> too_many_{0};
};

// What we send. `packet` is the packet at the start of a room of packet.size () bytes.
class SrtpOut final : public Srtp {
public:
  // `keys` as Dtls::srtp_keys (). Throws nothing; null when the keys are not of the profile.
  static std::unique_ptr<SrtpOut> make (
      SrtpProfile profile, Bytes keys, DtlsRole role, SrtpLimits limits = {});

  // In place. The new size; nothing when it cannot be sent: no RTP, no room for the tag, or a
  // sequence number that has been used.
  std::optional<std::size_t> protect (std::span<std::uint8_t> room, std::size_t size);
  std::optional<std::size_t> protect_rtcp (std::span<std::uint8_t> room, std::size_t size);
  std::size_t trailer () const { return sizes_.tag; } // room that protect () needs
  std::size_t rtcp_trailer () const { return sizes_.tag + 4; }

private:
  using Srtp::Srtp;
};

// What we get.
class SrtpIn final : public Srtp {
public:
  static std::unique_ptr<SrtpIn> make (
      SrtpProfile profile, Bytes keys, DtlsRole role, SrtpLimits limits = {});

  // In place. The size of the plain packet; nothing when it is to be dropped.
  std::optional<std::size_t> unprotect (std::span<std::uint8_t> packet);
  std::optional<std::size_t> unprotect_rtcp (std::span<std::uint8_t> packet);

private:
  using Srtp::Srtp;
};
} // namespace reach::rtc
