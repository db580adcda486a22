// SPDX-License-Identifier: LGPL-2.1-or-later
// What an ERROR or a WARNING on the bus says.
#pragma once
#include "check.h"
#include "common/ref.h"

namespace reach::test {
// The caller keeps the message. Never null for a message of these types.
inline ErrorPtr error_of (GstMessage *m)
{
  GError *e = nullptr;
  if (GST_MESSAGE_TYPE (m) == GST_MESSAGE_ERROR)
    gst_message_parse_error (m, &e, nullptr);
  else
    gst_message_parse_warning (m, &e, nullptr);
  return ErrorPtr (e);
}
} // namespace reach::test
