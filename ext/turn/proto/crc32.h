// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "common/proto/bytes.h"

namespace reach::stun {
// ITU-T V.42, the one of Ethernet and zip.
std::uint32_t crc32 (Bytes in);
} // namespace reach::stun
