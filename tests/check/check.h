// SPDX-License-Identifier: LGPL-2.1-or-later
// GstCheck without its macro `fail`, which breaks C++ stream headers.
// Brace-initialised values inside fail_unless () need extra parentheses.
#pragma once
#include <gst/check/gstcheck.h>
#undef fail
