// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp_messages.h"
#include "rtmp_words.h"
#include <algorithm>

namespace reach::bench {

void RtmpMessages::input (std::span<const char> in, const Handler &handler)
{
  while (!in.empty ()) {
    std::size_t n = 1;
    if (skip_ > 0) {
      n = std::min (in.size (), skip_);
      skip_ -= n;
    } else if (left_ > 0) {
      n = std::min (in.size (), left_);
      take_payload (in.first (n));
    } else {
      head_[head_got_++] = static_cast<std::uint8_t> (in.front ());
      if (head_got_ < header_size ()) {
        in = in.subspan (1);
        continue;
      }
      begin_chunk ();
    }
    in = in.subspan (n);
    if (skip_ == 0 && left_ == 0 && !streams_.empty ())
      finish (handler);
  }
}

std::size_t RtmpMessages::basic_size () const
{
  const unsigned low = head_[0] & 63;
  return low > 1 ? 1 : 2 + low;
}

RtmpMessages::Stream &RtmpMessages::stream ()
{
  std::uint32_t id = head_[0] & 63;
  if (basic_size () > 1)
    id = 64 + head_[1] + (basic_size () > 2 ? head_[2] * 256u : 0);
  const auto at = std::ranges::find (streams_, id, &Stream::id);
  now_ = static_cast<std::size_t> (at - streams_.begin ());
  if (at == streams_.end ())
    streams_.push_back ({.id = id});
  return streams_[now_];
}

static std::size_t field24 (const std::uint8_t *at)
{
  return std::size_t{at[0]} << 16 | std::size_t{at[1]} << 8 | at[2];
}

// Of the whole chunk header, as far as what has come of it tells.
std::size_t RtmpMessages::header_size () const
{
  static constexpr std::size_t sizes[] = {11, 7, 3, 0};
  const unsigned format = head_[0] >> 6;
  const std::size_t basic = basic_size (), plain = basic + sizes[format];
  if (head_got_ < plain)
    return plain;
  if (format < 3)
    return plain + (field24 (head_.data () + basic) == 0xffffff ? 4 : 0);
  const std::uint32_t id = head_[0] & 63; // extended ones have no further bytes here
  const auto at = std::ranges::find (streams_, id, &Stream::id);
  return plain + (at != streams_.end () && at->extended ? 4 : 0);
}

void RtmpMessages::begin_chunk ()
{
  head_got_ = 0;
  Stream &s = stream ();
  const unsigned format = head_[0] >> 6;
  const std::uint8_t *fields = head_.data () + basic_size ();
  if (format < 3)
    s.extended = field24 (fields) == 0xffffff;
  if (format < 2) {
    s.length = field24 (fields + 3);
    s.type = fields[6];
  }
  left_ = std::min<std::size_t> (s.length - s.got, chunk_size_);
}

void RtmpMessages::take_payload (std::span<const char> in)
{
  Stream &s = streams_[now_];
  for (std::size_t i = 0; i < in.size () && s.got + i < s.begin.size (); i++)
    s.begin[s.got + i] = static_cast<std::uint8_t> (in[i]);
  s.got += in.size ();
  left_ -= in.size ();
}

// A chunk has ended, and perhaps its message.
void RtmpMessages::finish (const Handler &handler)
{
  Stream &s = streams_[now_];
  if (s.got < s.length)
    return;
  const Message m{s.type, s.got, Bytes (s.begin).first (std::min (s.got, s.begin.size ()))};
  s.got = 0;
  if (m.type == rtmp::chunk_size_message && m.size == 4)
    chunk_size_ = load_be<std::uint32_t> (m.begin.data ());
  handler (m);
}
} // namespace reach::bench
