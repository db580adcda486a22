// SPDX-License-Identifier: LGPL-2.1-or-later
#include "encoder.h"
#include "rectangles.h"

namespace reach::delta {
Encoder::Encoder (const Layout &layout, const EncoderSettings &settings)
    : layout_ (layout), settings_ (settings), difference_ (layout, settings.thresholds),
      regions_ (layout.columns (), layout.rows (), max_rects),
      storage_ (layout.bytes (layout.whole ())), reference_ (layout.packed (storage_.data ())),
      whole_ (layout.whole ())
{
}

void Encoder::set (const EncoderSettings &settings)
{
  if (settings.thresholds != settings_.thresholds)
    difference_ = Difference (layout_, settings.thresholds);
  settings_ = settings;
}

bool Encoder::full_is_due (bool wanted) const
{
  return wanted || !has_reference_ ||
         (settings_.full_interval > 0 && since_full_ >= settings_.full_interval);
}

Encoder::Plan Encoder::look (const View &now, bool full_wanted)
{
  const Plan full{Kind::full, {&whole_, 1}, storage_.size ()};
  since_full_++;
  if (full_is_due (full_wanted))
    return full;
  const unsigned n = settings_.difference_interval;
  Plan plan{n > 0 && since_plain_ + 1 < n ? Kind::difference : Kind::plain, {}, 0};
  plan.rects =
      regions_.find (difference_.count (now, read_only (reference_)), settings_.min_change_area);
  for (const Rect &r : plan.rects)
    plan.bytes += layout_.bytes (r);
  // All is new: as a full frame it costs the same, and a decoder can begin with it.
  if (plan.kind == Kind::plain && plan.rects.size () == 1 && plan.rects[0] == whole_)
    return full;
  return plan;
}

void Encoder::write (const Plan &plan, const View &now, std::uint8_t *payload)
{
  for (const Rect &r : plan.rects) {
    if (plan.kind == Kind::difference)
      pack_difference (layout_, now, read_only (reference_), r, payload);
    else
      pack (layout_, now, r, payload);
    payload += layout_.bytes (r);
    copy (layout_, now, reference_, r); // rectangles may overlap: the next one builds on this
  }
  sequence_++;
  has_reference_ = true;
  since_plain_ = plan.kind == Kind::difference ? since_plain_ + 1 : 0;
  if (plan.kind == Kind::full)
    since_full_ = 0;
}

void Encoder::follow (const Plan &plan, const View &now)
{
  for (const Rect &r : plan.rects)
    copy (layout_, now, reference_, r);
  has_reference_ = true;
  if (plan.kind == Kind::full)
    since_full_ = 0;
}
} // namespace reach::delta
