// SPDX-License-Identifier: LGPL-2.1-or-later
#include "input_pad.h"
#include "input_core.h"

namespace reach::rtc {
InputPad::InputPad (
    GstBin *bin, Owner &owner, const char *name, GstPadTemplate *templ, MediaKind kind)
    : core_ (std::make_shared<Core> (*this, owner, kind))
{
  core_->add (bin, name, templ);
  core_->source->set_owner (this);
}

InputPad::~InputPad ()
{
  core_->source->set_owner (nullptr);
  core_->remove ();
  core_->layers.clear_owners ();
}

Ref<GstCaps> InputPad::template_caps (MediaKind kind)
{
  return rtc::template_caps (kind);
}

GstPad *InputPad::pad () const
{
  return core_->pad ();
}

const std::shared_ptr<MediaSource> &InputPad::source () const
{
  return core_->source;
}

std::vector<InputPad::Layer> InputPad::layers () const
{
  return core_->layers.layers ();
}

std::vector<Codec> InputPad::preferences ()
{
  return core_->preferences ();
}

bool InputPad::ready ()
{
  return !core_->preferences ().empty ();
}

bool InputPad::select (std::span<const NegotiatedCodec> peer)
{
  return core_->select (peer);
}

void InputPad::set_bitrate_limits (unsigned min, unsigned max)
{
  core_->control->set_limits (min, max);
}

void InputPad::set_adapt (bool on)
{
  core_->control->set_adapt (on);
}

void InputPad::on_keyframe_wanted ()
{
  core_->control->want_keyframe (core_->layers.first_ssrc ());
}

void InputPad::on_bitrate (unsigned bits_per_second)
{
  if (core_->layers.first_ssrc () == 0) // else whose encoder it is cannot be seen from here
    core_->control->want_bitrate (bits_per_second);
}
} // namespace reach::rtc
