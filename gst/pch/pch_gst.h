// SPDX-License-Identifier: LGPL-2.1-or-later
// Precompiled for the elements and the tests where b_pch is on.
#include "pch_std.h"
#include <atomic>
#include <gio/gio.h>
#include <gst/gst.h>
#include <mutex>
#include <thread>
