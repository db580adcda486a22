// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF0, the encoding of commands and data. A value of AMF3 may stand in it behind a marker.
#pragma once
#include "amf.h"
#include "common/proto/bytes.h"
#include <utility>

namespace reach::rtmp {
// All values of a message body. Tolerated, as senders do it: a wrong count of an ECMA array, and no
// end mark of an object at the end of the body.
Decoded decode_amf0 (Bytes in, const Limits &limits);

// What AMF0 has no marker for (byte arrays, vectors, dictionaries) goes as AMF3; integers go as
// numbers. No references are written.
void encode_amf0 (ByteWriter &to, const Value &value);
std::vector<std::uint8_t> encode_amf0 (const std::vector<Value> &values);
} // namespace reach::rtmp
