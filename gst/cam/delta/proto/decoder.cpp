// SPDX-License-Identifier: LGPL-2.1-or-later
#include "decoder.h"
#include "rectangles.h"

namespace reach::delta {
void Decoder::reset ()
{
  state_ = State::empty;
}

Decoder::Outcome Decoder::input (Bytes in, bool lost, OnCorruption policy, Inflater &inflater)
{
  const auto give_up = [&] (Outcome o) {
    if (policy == OnCorruption::drop_until_key)
      state_ = State::empty;
    else if (state_ == State::whole)
      state_ = State::damaged;
    return o;
  };
  changed_.clear ();
  if (policy == OnCorruption::drop_until_key && state_ == State::damaged)
    state_ = State::empty;
  const auto frame = Frame::parse (in, layout_);
  if (!frame)
    return give_up (Outcome::corrupt);
  const bool follows = !lost && frame->header.sequence == sequence_ + 1;
  sequence_ = frame->header.sequence;
  if (frame->header.kind != Kind::full) {
    if (!follows)
      give_up (Outcome::waiting);
    if (state_ == State::empty)
      return Outcome::waiting;
  }
  if (!apply (*frame, inflater))
    return give_up (Outcome::corrupt);
  if (frame->header.kind == Kind::full)
    state_ = State::whole;
  return state_ == State::whole ? Outcome::shown : Outcome::damaged;
}

// Leaves the picture as it was when the payload cannot be unpacked.
bool Decoder::apply (const Frame &f, Inflater &inflater)
{
  const std::uint8_t *from = f.payload.data ();
  if (f.header.coding == Coding::zlib && f.unpacked > 0) {
    make_room (f.unpacked);
    if (!inflater.inflate (f.payload, std::span (scratch_).first (f.unpacked)))
      return false;
    from = scratch_.data ();
  }
  if (storage_.empty ()) {
    storage_.resize (layout_.bytes (layout_.whole ()));
    picture_ = layout_.packed (storage_.data ());
  }
  for (std::size_t i = 0; i < f.rects (); i++) {
    const Rect r = f.rect (i);
    if (f.header.kind == Kind::difference)
      unpack_difference (layout_, picture_, r, from);
    else
      unpack (layout_, picture_, r, from);
    from += layout_.bytes (r);
    changed_.push_back (r);
  }
  return true;
}

void Decoder::make_room (std::size_t unpacked)
{
  if (scratch_.size () < unpacked)
    scratch_.resize (unpacked);
}
} // namespace reach::delta
