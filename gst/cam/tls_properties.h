// SPDX-License-Identifier: LGPL-2.1-or-later
// The tls-* properties and passphrase, the same for every cam element.
#pragma once
#include "cam/net/settings.h"
#include <gst/gst.h>

namespace reach::cam {
// Their ids are those of gstcamprops.h, from this on: an element's own ones are below, or are
// those.
constexpr guint first_tls_property = 26;
void install_tls_properties (GObjectClass *klass);
// False: not one of these.
bool set_tls_property (TlsSettings &s, guint id, const GValue *value);
bool get_tls_property (const TlsSettings &s, guint id, GValue *value); // of secrets only ***
// On the way to READY: reads the files. False: an ERROR was posted that says what is wrong. Warns
// of a token that is going to be sent in clear.
bool use_tls (gpointer element, Settings &s, bool token = false);
} // namespace reach::cam
