// SPDX-License-Identifier: LGPL-2.1-or-later
// Where packets to the peer go, and the proof that a new address is the peer's: until it answered a
// challenge, it gets no more bytes than it sent.
#pragma once
#include "datagram_types.h"

namespace reach::cam {

class Path {
public:
  explicit Path (Address peer) : peer_ (peer) {}
  const Address &peer () const { return peer_; }
  const Address &candidate () const { return candidate_; }
  std::uint64_t token () const { return token_; }

  // The newest packet came from elsewhere.
  void moved (const Address &from, std::size_t bytes, Random &random, TimePoint now)
  {
    if (from != candidate_) {
      candidate_ = from;
      credit_ = 0;
      token_ = random.next ();
      next_ = now;
    }
    credit_ += bytes;
  }
  bool challenge_due (std::size_t size, TimePoint now) const
  {
    return candidate_.size > 0 && credit_ >= size && now >= next_;
  }
  void challenged (std::size_t size, TimePoint now)
  {
    credit_ -= size;
    next_ = now + milliseconds (100);
  }
  // True when the peer's address changed.
  bool answered (const Address &from, std::uint64_t token)
  {
    if (candidate_.size == 0 || from != candidate_ || token != token_)
      return false;
    peer_ = candidate_;
    candidate_ = {};
    return true;
  }
  // The newest packet came from the known address after all.
  void stayed () { candidate_ = {}; }

private:
  Address peer_, candidate_;
  std::uint64_t token_ = 0;
  std::size_t credit_ = 0;
  TimePoint next_{};
};
} // namespace reach::cam
