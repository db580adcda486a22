// SPDX-License-Identifier: LGPL-2.1-or-later
// How the answers of a signal's handlers become one.
#pragma once
#include <glib-object.h>

namespace reach {
// gboolean: the first handler that says no is the last that is asked.
inline gboolean all_of (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer)
{
  g_value_copy (one, all);
  return g_value_get_boolean (one);
}

// A boxed value: that of the first handler that has one.
inline gboolean first_boxed (GSignalInvocationHint *, GValue *all, const GValue *one, gpointer)
{
  if (!g_value_get_boxed (one))
    return TRUE;
  g_value_copy (one, all);
  return FALSE;
}
} // namespace reach
