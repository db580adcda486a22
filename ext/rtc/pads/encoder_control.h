// SPDX-License-Identifier: LGPL-2.1-or-later
// The bitrate of encoders, whatever they call it.
#pragma once
#include "common/ref.h"

namespace reach::rtc {
// The nearest encoder in front of `sink` that has a bitrate; null: none.
Ref<GstElement> upstream_encoder (GstPad *sink);
// False: it has no such property. May wait for a frame that is being encoded.
bool set_encoder_bitrate (GstElement *encoder, unsigned bits_per_second);
} // namespace reach::rtc
