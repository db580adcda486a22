// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties and statistics of camdeltaenc.
#pragma once
#include "encode.h"

namespace reach::delta {
void install_encoder_properties (GObjectClass *klass);
// False for an unknown id.
bool set_encoder_property (Settings &s, guint id, const GValue *v);
bool get_encoder_property (const Settings &s, const EncoderTotals &t, guint id, GValue *v);
} // namespace reach::delta
