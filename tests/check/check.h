// SPDX-License-Identifier: LGPL-2.1-or-later
// GstCheck without its macro `fail`, which breaks C++ stream headers.
// Brace-initialised values inside fail_unless () need extra parentheses.
#pragma once
#include <gst/check/gstcheck.h>
#undef fail

// GstCheck's keeps pointers over several statements: what a temporary holds is gone by then.
#undef fail_unless_equals_string
#define fail_unless_equals_string(a, b)                                                            \
  reach::test::equal_strings ((a), (b), #a " == " #b, __FILE__, __LINE__)

namespace reach::test {
inline void equal_strings (
    const char *a, const char *b, const char *expression, const char *file, int line)
{
  if (g_strcmp0 (a, b) != 0)
    _ck_assert_failed (file, line, expression, "\"%s\" is not \"%s\"", a ? a : "(null)",
        b ? b : "(null)", nullptr);
  _mark_point (file, line);
}
} // namespace reach::test
