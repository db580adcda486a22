// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sctp_queue.h"

namespace reach::rtc {
void SctpQueue::push (Message m)
{
  Stream &s = streams_[m.stream];
  s.bytes += m.bytes.size ();
  s.messages++;
  total_ += m.bytes.size ();
  messages_.push_back (std::move (m));
}

bool SctpQueue::pop ()
{
  const auto it = streams_.find (messages_.front ().stream);
  Stream &s = it->second;
  const std::size_t size = messages_.front ().bytes.size ();
  const bool was_above = s.bytes > s.threshold;
  s.bytes -= size;
  s.messages--;
  total_ -= size;
  messages_.pop_front ();
  const bool low = was_above && s.bytes <= s.threshold;
  if (s.messages == 0 && s.threshold == 0)
    streams_.erase (it);
  return low;
}

std::vector<std::uint16_t> SctpQueue::resettable (std::size_t most) const
{
  std::vector<std::uint16_t> ready;
  for (const std::uint16_t stream : resets_) {
    const auto it = streams_.find (stream);
    if ((it == streams_.end () || it->second.messages == 0) && ready.size () < most)
      ready.push_back (stream);
  }
  return ready;
}

std::size_t SctpQueue::buffered (std::uint16_t stream) const
{
  const auto it = streams_.find (stream);
  return it == streams_.end () ? 0 : it->second.bytes;
}

void SctpQueue::set_threshold (std::uint16_t stream, std::size_t bytes)
{
  Stream &s = streams_[stream];
  s.threshold = bytes;
  if (s.messages == 0 && bytes == 0)
    streams_.erase (stream);
}
} // namespace reach::rtc
