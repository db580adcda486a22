// SPDX-License-Identifier: LGPL-2.1-or-later
// Whom a command or a file is for, and at a receiver of whom it is: docs/protocol-cam-commands.md.
#pragma once
#include "common/proto/bytes.h"
#include <string>

namespace reach::cam {
struct Envelope {
  std::uint16_t index = 0; // for the application: which of a client's devices, say
  std::string to, group;   // guid and group; both empty = where media go
  std::string from;        // guid of the sender, which a media server sets
  bool operator== (const Envelope &) const = default;
};

// False: a name is too long or no text.
bool fits (const Envelope &a);
// The end of a body: nothing when all is empty, unless something follows.
void write (const Envelope &a, ByteWriter &w, bool followed = false);
// False when it is cut off or a name is too long or no text.
bool read (ByteReader &r, Envelope &a);
} // namespace reach::cam
