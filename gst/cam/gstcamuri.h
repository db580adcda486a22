// SPDX-License-Identifier: LGPL-2.1-or-later
// cam+tcp://host:port?property=value&… as a set of properties.
#pragma once
#include <gst/gst.h>

namespace reach::cam {
const gchar *const *uri_protocols ();
// False and `error` for a URI that cannot be read, or that names a property there is not.
gboolean apply_uri (GObject *element, const char *uri, GError **error);
} // namespace reach::cam
