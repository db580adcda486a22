// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "cam/proto/file_transfer.h"
#include <glib.h>

namespace reach::cam {
class Sha256 {
public:
  Sha256 () : sum_ (g_checksum_new (G_CHECKSUM_SHA256)) {}
  ~Sha256 () { g_checksum_free (sum_); }
  Sha256 (const Sha256 &) = delete;
  Sha256 &operator= (const Sha256 &) = delete;
  void add (Bytes b) { g_checksum_update (sum_, b.data (), static_cast<gssize> (b.size ())); }
  void reset () { g_checksum_reset (sum_); }
  // Of what was added; nothing can be added behind it.
  Sha256Sum finish ()
  {
    Sha256Sum out{};
    gsize n = out.size ();
    g_checksum_get_digest (sum_, out.data (), &n);
    return out;
  }

private:
  GChecksum *sum_;
};
} // namespace reach::cam
