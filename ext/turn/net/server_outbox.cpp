// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_outbox.h"
#include <algorithm>
#include <cstring>

namespace reach::turn::server {
namespace {
std::uint8_t zeroes[4] = {};

iovec piece_of (Bytes b)
{
  return {const_cast<std::uint8_t *> (b.data ()), b.size ()};
}
} // namespace

bool Outbox::continues (const UdpSocket &via, const reach::Address &to, std::size_t size) const
{
  return via_ == &via && size <= segment_ && count_ < max_segments && total_ + size <= max_total &&
         to.length == to_.length && std::memcmp (&to.storage, &to_.storage, to.length) == 0;
}

void Outbox::add (
    UdpSocket &via, const reach::Address &to, Bytes head, Bytes payload, std::size_t padding)
{
  const std::size_t size = head.size () + payload.size () + padding;
  if (!continues (via, to, size))
    flush ();
  if (head.size () > max_head || size > max_segment || size == 0) {
    flush ();
    const iovec pieces[3] = {piece_of (head), piece_of (payload), {zeroes, padding}};
    const std::uint8_t three = 3;
    via.send (&to, {pieces, {&three, 1}, size});
    return;
  }
  if (count_ == 0) {
    via_ = &via;
    to_ = to;
    segment_ = size;
  }
  std::uint8_t n = 0;
  const auto push = [&] (iovec piece) {
    if (piece.iov_len > 0) {
      pieces_[pieces_used_++] = piece;
      n++;
    }
  };
  std::ranges::copy (head, heads_[count_].begin ());
  push ({heads_[count_].data (), head.size ()});
  push (piece_of (payload));
  push ({zeroes, padding});
  segments_[count_++] = n;
  total_ += size;
  if (size < segment_) // the last of a batch may be shorter
    flush ();
}

void Outbox::flush ()
{
  if (count_ > 0)
    via_->send (&to_,
        {std::span (pieces_).first (pieces_used_), std::span (segments_).first (count_), segment_});
  via_ = nullptr;
  count_ = pieces_used_ = total_ = 0;
}
} // namespace reach::turn::server
