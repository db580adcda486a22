// SPDX-License-Identifier: LGPL-2.1-or-later
#include "batch.h"

namespace reach::rtmp {

void Batch::add (Media m)
{
  const SharedChunks &c = *m.chunks;
  const bool video = c.type () == MessageType::video;
  if (m.info.header || m.info.track != 0)
    plain_ = false;
  if (video && !std::exchange (has_video_, true))
    begins_with_key_ = m.info.key;
  bytes_ += c.size ();
  video_frames_ += video && !m.info.header;
  for (std::size_t i = 0; i < c.count () && pieces_.size () <= max_pieces; i++) {
    auto [head, body] = c.chunk (i);
    for (Slice *s : {&head, &body}) {
      if (s->size () == 0)
        continue;
      pieces_.push_back ({const_cast<std::uint8_t *> (s->bytes.data ()), s->size ()});
      slices_.push_back (std::move (*s));
    }
  }
  media_.push_back (std::move (m));
}

void Batch::clear ()
{
  media_.clear ();
  slices_.clear ();
  pieces_.clear ();
  bytes_ = video_frames_ = 0;
  plain_ = true;
  has_video_ = begins_with_key_ = false;
}
} // namespace reach::rtmp
