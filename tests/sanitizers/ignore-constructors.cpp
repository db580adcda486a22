// SPDX-License-Identifier: LGPL-2.1-or-later
// Linked into every test of a sanitized build. GLib allocates its quark table in its constructor
// and leaves the old table behind on purpose when it grows. A suppression would have to name a
// frame that only the slow unwinder sees, which makes every malloc dear. So the leak checker looks
// away while the constructors of shared libraries run: .preinit_array comes before all of them, a
// constructor of the program itself after them. GStreamer's start is part of that: its plugins have
// thousands of names, which the table grows for.
#include <gst/gst.h>
#include <sanitizer/lsan_interface.h>

namespace {
void begin ()
{
  __lsan_disable ();
}
[[gnu::section (".preinit_array"), gnu::used]] void (*before_libraries) () = begin;
[[gnu::constructor]] void after_libraries ()
{
  gst_init (nullptr, nullptr);
  __lsan_enable ();
}
} // namespace
