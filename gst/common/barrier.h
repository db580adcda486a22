// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps exceptions out of C: every virtual function of an element runs behind this.
#pragma once
#include <exception>
#include <gst/gst.h>

namespace reach {
template <typename R, typename F> R barrier (gpointer element, R on_error, F &&f) noexcept
{
  try {
    return f ();
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR (element, LIBRARY, FAILED, (nullptr), ("uncaught exception: %s", e.what ()));
  } catch (...) {
    GST_ELEMENT_ERROR (element, LIBRARY, FAILED, (nullptr), ("uncaught exception"));
  }
  return on_error;
}
} // namespace reach
